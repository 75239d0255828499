"""Indices as fragments declare them.

`index` has the index and its aliases, `supporting` the policies, templates and pipelines that it
relies on; `shapes` judges the content that is handed to the server.
"""
