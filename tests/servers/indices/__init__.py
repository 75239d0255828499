"""Indices on real Elasticsearch nodes."""
