"""Generated pods and what they serve, as pure data."""
