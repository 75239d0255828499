"""A customer's whole world on one machine: tools, cluster, registries, images. Standard library only."""
