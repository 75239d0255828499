"""Access to clusters and servers."""
