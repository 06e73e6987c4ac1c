"""The bootstrap of an Envoy that stands in for an Istio proxy, as plain data.

Upstream Envoy has no Istio filters; its stats access logger counts the same events with the same labels. Names come
out with Envoy's prefix, which the agent (agent.py) takes off as Istio's own stat namespace would. Between sidecars
there is no TLS: `connection_security_policy` is a constant.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from xscaler_istio.mesh.pages import ISTIO_BOUNDS, Combination, Party, http_labels, tcp_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Config = dict[str, Any]

# Istio's access log as TEXT since 1.9, and the same fields as JSON (istio/istio pilot/pkg/model/telemetry_logging.go).
TEXT_LOG = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% '
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
JSON_LOG = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%",
}

# Envoy puts "envoy_" before this, and a dot after it.
STAT_PREFIX = "istiostats"
INBOUND_PORT = 15006
FIRST_OUTBOUND_PORT = 15101
STATS_PORT = 15090
ADMIN_PORT = 15000
APP_PORT = 8080

_HTTP_VALUES = {"response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%"}
_TCP_VALUES = {"response_flags": "%RESPONSE_FLAGS%"}


@dataclasses.dataclass(frozen=True)
class AccessLog:
    """Where a proxy writes its access log, and whether as JSON."""

    path: str
    as_json: bool

    def config(self) -> Config:
        """Return the access logger."""
        form = {"json_format": JSON_LOG} if self.as_json else {"text_format_source": {"inline_string": TEXT_LOG}}
        typed = {"@type": _type("access_loggers.file.v3.FileAccessLog"), "path": self.path, "log_format": form}
        return {"name": "envoy.access_loggers.file", "typed_config": typed}


@dataclasses.dataclass(frozen=True)
class Upstream:
    """Where a listener sends what it takes: the combination it counts, and the address behind it."""

    port: int
    counts: Combination
    address: str
    upstream_port: int

    @property
    def name(self) -> str:
        """The cluster's and listener's name, in Istio's form, by which access logs distinguish the sides."""
        if self.counts.reporter == "destination":
            return f"inbound|{self.port}||"
        to = self.counts.destination
        return f"outbound|{self.upstream_port}||{to.workload}.{to.namespace}.svc.cluster.local"


def bootstrap(ip: str, upstreams: Iterable[Upstream], party: Party, access_log: AccessLog | None = None) -> Config:
    """Return the configuration of one proxy whose pod has this address."""
    upstreams = tuple(upstreams)
    logs = [access_log.config()] if access_log else []
    return {
        "node": {"id": f"sidecar~{ip}~{party.workload}.{party.namespace}", "cluster": party.workload},
        "admin": {"address": _address(ip, ADMIN_PORT)},
        "static_resources": {
            "listeners": [_stats_listener(ip), *(_listener(ip, upstream, logs) for upstream in upstreams)],
            "clusters": [_cluster("prometheus_stats", ip, ADMIN_PORT)]
            + [_cluster(upstream.name, upstream.address, upstream.upstream_port) for upstream in upstreams],
        },
        # Histograms show after a flush; Envoy's default of 5 s would hide the last requests of a test.
        "stats_flush_interval": "1s",
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"safe_regex": {"regex": ".*"}}, "buckets": [float(bound) for bound in ISTIO_BOUNDS]}
            ],
            # Istio's bootstrap admits few of Envoy's own statistics (pkg/bootstrap/config.go).
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [
                        {"prefix": prefix} for prefix in ("cluster_manager", "listener_manager", "server", STAT_PREFIX)
                    ]
                }
            },
        },
    }


def _listener(ip: str, upstream: Upstream, logs: list[Config]) -> Config:
    make = _tcp_filter if upstream.counts.protocol == "tcp" else _http_filter
    return {
        "name": upstream.name,
        "address": _address(ip, upstream.port),
        "filter_chains": [{"filters": [make(upstream, logs)]}],
    }


def _http_filter(upstream: Upstream, logs: list[Config]) -> Config:
    return _connection_manager(upstream.name, "/", upstream.name, [_http_log(upstream.counts), *logs])


def _connection_manager(name: str, prefix: str, cluster: str, logs: list[Config]) -> Config:
    route = {"match": {"prefix": prefix}, "route": {"cluster": cluster, "timeout": "30s"}}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": name,
            "access_log": logs,
            "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": _type("filters.http.router.v3.Router")},
                }
            ],
        },
    }


def _tcp_filter(upstream: Upstream, logs: list[Config]) -> Config:
    at_the_end = [{**log, "filter": {"log_type_filter": {"types": ["TcpConnectionEnd"]}}} for log in logs]
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": _type("filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": upstream.name,
            "cluster": upstream.name,
            "access_log": [*_tcp_logs(upstream.counts), *at_the_end],
            "access_log_options": {"flush_access_log_on_connected": True},
        },
    }


def _http_log(combination: Combination) -> Config:
    tags = _tags(http_labels(combination), _HTTP_VALUES)
    histograms = {
        "istio_request_duration_milliseconds": ("Milliseconds", "%DURATION%"),
        "istio_request_bytes": ("Bytes", "%BYTES_RECEIVED%"),
        "istio_response_bytes": ("Bytes", "%BYTES_SENT%"),
    }
    return _stats_log(
        counters=[{"stat": {"name": "istio_requests_total", "tags": tags}, "value_fixed": 1}],
        histograms=[
            {"stat": {"name": name, "tags": tags}, "unit": unit, "value_format": value}
            for name, (unit, value) in histograms.items()
        ],
    )


def _tcp_logs(combination: Combination) -> list[Config]:
    tags = _tags(tcp_labels(combination), _TCP_VALUES)
    opened = [{"stat": {"name": "istio_tcp_connections_opened_total", "tags": tags}, "value_fixed": 1}]
    closed: list[Config] = [
        {"stat": {"name": "istio_tcp_connections_closed_total", "tags": tags}, "value_fixed": 1},
        {"stat": {"name": "istio_tcp_sent_bytes_total", "tags": tags}, "value_format": "%BYTES_SENT%"},
        {"stat": {"name": "istio_tcp_received_bytes_total", "tags": tags}, "value_format": "%BYTES_RECEIVED%"},
    ]
    return [
        {**_stats_log(counters=opened), "filter": {"log_type_filter": {"types": ["TcpUpstreamConnected"]}}},
        {**_stats_log(counters=closed), "filter": {"log_type_filter": {"types": ["TcpConnectionEnd"]}}},
    ]


def _stats_log(**stats: list[Config]) -> Config:
    config = {"@type": _type("access_loggers.stats.v3.Config"), "stat_prefix": STAT_PREFIX, **stats}
    return {"name": "envoy.access_loggers.stats", "typed_config": config}


def _tags(labels: Mapping[str, str], values: Mapping[str, str]) -> list[Config]:
    # An empty value is not a tag: the agent adds it where Istio writes it.
    formats = {name: values.get(name, value) for name, value in labels.items()}
    return [{"name": name, "value_format": value} for name, value in formats.items() if value]


def _stats_listener(ip: str) -> Config:
    manager = _connection_manager("stats", "/stats/prometheus", "prometheus_stats", [])
    return {
        "name": "stats",
        "address": _address(ip, STATS_PORT),
        "filter_chains": [{"filters": [manager]}],
    }


def _cluster(name: str, ip: str, port: int) -> Config:
    endpoint = {"endpoint": {"address": _address(ip, port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(ip: str, port: int) -> Config:
    return {"socket_address": {"address": ip, "port_value": port}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"
