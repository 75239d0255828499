"""Container images: references, and copying from registry to registry with digests unchanged."""
