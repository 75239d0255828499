"""Users of a site's Kafka: which brick may do what, with which password; only admin talks to brokers."""
