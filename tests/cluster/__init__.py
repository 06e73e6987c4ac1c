"""The chart in a real Kubernetes: a node on this machine, a mesh and a local xScaler in it, and what users do."""
