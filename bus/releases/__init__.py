"""Helm releases: rendered, compared, recovered, and explained when they fail.

`objects` and `manifest` are what a release has, `live_objects` finds them in the cluster; the folders are the steps.
"""
