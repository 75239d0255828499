"""The example's images, built without a container engine."""
