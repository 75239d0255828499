"""Measurements against the anchors named in the docs; each module is a command of its own."""
