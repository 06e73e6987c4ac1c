"""The kinds of pods with Istio's telemetry, and the containers that identify them."""

PROXY, ISTIOD, CNI = "istio-proxy", "discovery", "install-cni"
# In the order in which they are shown.
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
