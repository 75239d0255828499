"""Measurements; each module says what it compares, and prints figures."""
