"""The chart test that needs no cluster: a mesh, a Kubernetes API and an xScaler on loopback addresses."""
