"""Builds and publishes a release; docs/releasing.md describes when and how."""
