"""The test of the chart without a cluster: a mesh, a Kubernetes API and an xScaler on loopback addresses."""
