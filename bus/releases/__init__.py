"""Helm releases: what is deployed as one, and the state that a dead deployment left behind."""
