"""The kinds of pods that Istio's telemetry comes from, and the containers that they are known by."""

PROXY, ISTIOD, CNI = "istio-proxy", "discovery", "install-cni"
# In the order in which they are told.
KINDS = (
    "sidecar",
    "native sidecar",
    "gateway",
    "waypoint",
    "proxyless gRPC pod",
    "ztunnel",
    "istiod",
    "istio-cni",
    "agentgateway",
)
