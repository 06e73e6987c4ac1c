"""The meaning of rendered manifests, read back once."""
