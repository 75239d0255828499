"""A release as one signed archive, for a customer whose cluster and registry we do not reach."""
