"""A mesh on loopback addresses: real Envoy proxies and generated ones of any Istio version and number."""
