"""Dynamic providers, one module each; state names these paths, so none is ever moved or renamed."""
