"""Topics and the mirror on real brokers."""
