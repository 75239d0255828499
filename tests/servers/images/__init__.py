"""Real registries: copying, delivery, promotion, bundles."""
