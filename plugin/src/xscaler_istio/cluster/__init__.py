"""Facts about a cluster, without judgement."""
