"""Elasticsearch indices, from the fragments of the bricks to the servers.

`declared` is what fragments say, `diff` compares it with what is live and decides. `admin` is the
face for Pulumi's providers: it reads a server and applies a plan through `server`. A change that
needs a new index goes through `reindex`; `supporting` has the policies, templates and pipelines that
indices rely on. `props` turns an index into a resource's properties.
"""
