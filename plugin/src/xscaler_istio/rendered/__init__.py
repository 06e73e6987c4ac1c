"""What rendered manifests mean, read back once."""
