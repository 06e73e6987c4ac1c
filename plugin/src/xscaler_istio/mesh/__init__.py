"""Generated pods and their metrics, as pure data."""
