"""Container images: looked up, verified, promoted and copied with digests unchanged."""
