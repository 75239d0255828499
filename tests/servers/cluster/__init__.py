"""Rights and access on real API servers."""
