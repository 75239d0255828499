"""Roles of a real PostgreSQL."""
