"""Elasticsearch indices: what the bricks declare, what a change does, and the one module that calls servers (admin)."""
