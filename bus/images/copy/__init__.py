"""Images copied with their digests unchanged.

`copying` goes from a `store` to a `store`, each a registry or a folder in the OCI `layout`.
"""
