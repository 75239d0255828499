"""Kafka topics: what the bricks declare, what a change does, and the only module that talks to brokers (admin)."""
