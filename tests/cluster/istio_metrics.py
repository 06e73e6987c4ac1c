"""Istio's metrics from upstream Envoy: its stats access logger, put where Istio has a filter of its own.

Peers are known from headers that each side adds, where Istio exchanges metadata. What Istio's proxy does better: no
`grpc_response_status`, TCP counted at a connection's end and without peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE = "type.googleapis.com/envoy.extensions"
_METADATA = "xds.node.metadata"
# Named by Envoy's Wasm without a prefix; see catalogue.py.
_PREFIX = "wasmcustom"
_UNKNOWN = "unknown"


def _of_node(key: str) -> str:
    return f"%CEL('{key}' in {_METADATA} ? {_METADATA}['{key}'] : '{_UNKNOWN}')%"


def _of_labels(key: str, default: str = _UNKNOWN) -> str:
    labels = f"{_METADATA}['LABELS']"
    return f"%CEL('{key}' in {labels} ? {labels}['{key}'] : '{default}')%"


# What a side says of itself.
_OWN = {
    "workload": _of_node("WORKLOAD_NAME"),
    "workload_namespace": _of_node("NAMESPACE"),
    "app": _of_labels("app"),
    "version": _of_labels("version"),
    "canonical_service": _of_labels("service.istio.io/canonical-name"),
    "canonical_revision": _of_labels("service.istio.io/canonical-revision", "latest"),
    "cluster": _of_node("CLUSTER_ID"),
}


def _header(name: str) -> str:
    return f"x-peer-{name.replace('_', '-')}"


def _of_peer(name: str, message: str) -> str:
    headers, header = f"{message}.headers", _header(name)
    return f"%CEL('{header}' in {headers} ? {headers}['{header}'] : '{_UNKNOWN}')%"


def _of_service(key: str) -> str:
    return f"%CEL(xds.cluster_metadata.filter_metadata['istio']['services'][0]['{key}'])%"


def _labels(reporter: str) -> dict[str, str]:
    at_source = reporter == "source"
    stream = "UPSTREAM" if at_source else "DOWNSTREAM"
    own, peer = f"%{stream}_LOCAL_URI_SAN%", f"%{stream}_PEER_URI_SAN%"
    sides: dict[str, str] = {}
    for name, value in _OWN.items():
        sides[f"source_{name}"] = value if at_source else _of_peer(name, "request")
        sides[f"destination_{name}"] = _of_peer(name, "response") if at_source else value
    return {
        "reporter": reporter,
        **sides,
        "source_principal": own if at_source else peer,
        "destination_principal": peer if at_source else own,
        "destination_service": _of_service("host"),
        "destination_service_name": _of_service("name"),
        "destination_service_namespace": _of_service("namespace"),
        "request_protocol": "http",
        "response_code": "%RESPONSE_CODE%",
        "response_flags": "%RESPONSE_FLAGS%",
        "connection_security_policy": _UNKNOWN if at_source else "%CEL(connection.mtls ? 'mutual_tls' : 'none')%",
    }


def _stat(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "tags": [{"name": key, "value_format": value} for key, value in labels.items()]}


def _logger(**stats: Any) -> dict[str, Any]:
    config = {"@type": f"{_TYPE}.access_loggers.stats.v3.Config", "stat_prefix": _PREFIX, **stats}
    return {"name": "envoy.access_loggers.stats", "typed_config": config}


def _http(reporter: str) -> dict[str, Any]:
    labels = _labels(reporter)
    histograms = [
        ("istio_request_duration_milliseconds", "Milliseconds", "%DURATION%"),
        ("istio_request_bytes", "Bytes", "%BYTES_RECEIVED%"),
        ("istio_response_bytes", "Bytes", "%BYTES_SENT%"),
    ]
    return _logger(
        counters=[{"stat": _stat("istio_requests_total", labels), "value_fixed": 1}],
        histograms=[
            {"stat": _stat(name, labels), "unit": unit, "value_format": value} for name, unit, value in histograms
        ],
    )


def _tcp(reporter: str) -> dict[str, Any]:
    labels = {key: _UNKNOWN if ".headers" in value else value for key, value in _labels(reporter).items()}
    del labels["response_code"]
    labels["request_protocol"] = "tcp"
    values: dict[str, dict[str, Any]] = {
        "istio_tcp_connections_opened_total": {"value_fixed": 1},
        "istio_tcp_connections_closed_total": {"value_fixed": 1},
        "istio_tcp_sent_bytes_total": {"value_format": "%BYTES_SENT%"},
        "istio_tcp_received_bytes_total": {"value_format": "%BYTES_RECEIVED%"},
    }
    return _logger(counters=[{"stat": _stat(name, labels), **value} for name, value in values.items()])


def _own_headers(at_source: bool) -> dict[str, Any]:
    added = [
        {"append": {"header": {"key": _header(name), "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for name, value in _OWN.items()
    ]
    mutations = {"request_mutations" if at_source else "response_mutations": added}
    config = {"@type": f"{_TYPE}.filters.http.header_mutation.v3.HeaderMutation", "mutations": mutations}
    return {"name": "xscaler-istio.peer", "typed_config": config}


def _patch(
    kind: str, context: str, chain: Mapping[str, Any], operation: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    match = {"context": context, "listener": {"filterChain": {"filter": chain}}}
    return {"applyTo": kind, "match": match, "patch": {"operation": operation, "value": value}}


def _patches(context: str, reporter: str) -> list[dict[str, Any]]:
    manager, tcp = "envoy.filters.network.http_connection_manager", "envoy.filters.network.tcp_proxy"
    types = {
        manager: f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        tcp: f"{_TYPE}.filters.network.tcp_proxy.v3.TcpProxy",
    }
    logs = {
        name: {"typed_config": {"@type": types[name], "access_log": [log]}}
        for name, log in ((manager, _http(reporter)), (tcp, _tcp(reporter)))
    }
    router = {"name": manager, "subFilter": {"name": "envoy.filters.http.router"}}
    return [
        _patch("NETWORK_FILTER", context, {"name": manager}, "MERGE", logs[manager]),
        _patch("HTTP_FILTER", context, router, "INSERT_BEFORE", _own_headers(reporter == "source")),
        _patch("NETWORK_FILTER", context, {"name": tcp}, "MERGE", logs[tcp]),
    ]


def envoy_filter() -> dict[str, Any]:
    """Return the object; it holds for the whole mesh."""
    contexts = {"SIDECAR_INBOUND": "destination", "SIDECAR_OUTBOUND": "source", "GATEWAY": "source"}
    patches = [patch for context, reporter in contexts.items() for patch in _patches(context, reporter)]
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": "istio-metrics", "namespace": "istio-system"},
        "spec": {"configPatches": patches},
    }
