"""Users and rights on real brokers."""
