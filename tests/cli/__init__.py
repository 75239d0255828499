"""Verbs of the `bus` command."""
