"""Releases by the real helm and engine on a control plane with fake nodes."""
