"""Policies, templates and pipelines of a server.

`diff` compares them with the wanted ones; `client` reads, puts and deletes them.
"""
