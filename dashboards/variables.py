"""The variables that dashboards choose from, above their panels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import VariableModel

    from dashboards.datasources import Datasource


@dataclasses.dataclass(frozen=True)
class Search:
    """Text that the reader types, and what is there before."""

    name: str
    label: str
    default: str = ""

    def __str__(self) -> str:
        return f"${self.name}"

    def built(self, datasource: Datasource) -> Builder[VariableModel]:  # noqa: ARG002 - one shape
        """Return the variable as Grafana takes it."""
        made = dashboard.TextBoxVariable(self.name)
        made.label(self.label).default_value(self.default)
        return made


@dataclasses.dataclass(frozen=True)
class Choice:
    """Fixed choices: title and value. The first is chosen; Grafana takes another value as well."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"${self.name}"

    @property
    def default(self) -> str:
        """The value of the first choice."""
        return self.choices[0][1]

    def built(self, datasource: Datasource) -> Builder[VariableModel]:  # noqa: ARG002 - one shape
        """Return the variable as Grafana takes it."""
        made = dashboard.CustomVariable(self.name)
        made.label(self.label).values(", ".join(f"{title} : {value}" for title, value in self.choices))
        options = [VariableOption(text=title, value=value, selected=False) for title, value in self.choices]
        options[0].selected = True
        made.options(options).current(VariableOption(text=self.choices[0][0], value=self.default))
        return made


@dataclasses.dataclass(frozen=True)
class Ask:
    """Choices that the data source knows: all of them, or some."""

    name: str
    label: str
    query: str | tuple[str, str]
    regex: str = ""

    def built(self, datasource: Datasource) -> Builder[VariableModel]:
        """Return the variable as Grafana takes it."""
        made = dashboard.QueryVariable(self.name)
        made.label(self.label).query(self._asked()).datasource(datasource.reference).regex(self.regex)
        made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
        made.multi(multi=True).include_all(include_all=True).all_value(".*")
        made.current(VariableOption(text=["All"], value=["$__all"]))
        return made

    def _asked(self) -> dict[str, object]:
        if isinstance(self.query, str):
            return {"query": self.query, "refId": self.name}
        stream, label = self.query
        # 1: the values of a label.
        return {"type": 1, "stream": stream, "label": label, "refId": self.name}


Variable = Search | Choice | Ask

_SERVICES = (
    '{__name__=~"istio_requests_total|istio_tcp_connections_opened_total", job="integrations/istio",'
    ' cluster=~"$cluster"'
)
CLUSTER = Ask("cluster", "Cluster", 'label_values(up{job="integrations/istio"}, cluster)')
# The server's proxy (or the waypoint in front of it) counts a request, and so does the client's: one side is shown.
REPORTER = Choice("reporter", "Counted by", (("servers", "destination|waypoint"), ("clients", "source")))
SERVICE_NAMESPACE = Ask("namespace", "Namespace", f"label_values({_SERVICES}}}, destination_service_namespace)")
SERVICE = Ask(
    "service",
    "Service",
    f'label_values({_SERVICES}, destination_service_namespace=~"$namespace"}}, destination_service_name)',
)
# Where proxies run: a workload that only sends requests, or only receives them, has a proxy too.
POD_NAMESPACE = Ask(
    "namespace",
    "Namespace",
    'label_values(istio_build{job="integrations/istio", cluster=~"$cluster", component="proxy"}, namespace)',
)
WORKLOAD = Ask(
    "workload",
    "Workload",
    'query_result(group by (workload) (label_replace(istio_requests_total{job="integrations/istio",'
    ' cluster=~"$cluster", destination_workload_namespace=~"$namespace"}, "workload", "$1", "destination_workload",'
    ' "(.*)") or label_replace(istio_requests_total{job="integrations/istio", cluster=~"$cluster",'
    ' source_workload_namespace=~"$namespace"}, "workload", "$1", "source_workload", "(.*)")))',
    regex='/workload="([^"]+)"/',
)
ISTIOD = Ask("istiod", "istiod", 'label_values(pilot_info{job="integrations/istio", cluster=~"$cluster"}, pod)')
WAYPOINT_NAMESPACE = Ask(
    "namespace",
    "Namespace",
    'label_values(istio_tcp_connections_opened_total{job="integrations/istio", cluster=~"$cluster", app="ztunnel"},'
    " destination_workload_namespace)",
)
LOG_CLUSTER = Ask("cluster", "Cluster", ('{job="integrations/istio"}', "cluster"))
LOG_NAMESPACE = Ask("namespace", "Namespace", ('{job="integrations/istio", cluster=~"$cluster"}', "namespace"))
# Both proxies of a request write a line; gateways write theirs as clients.
SIDE = Choice("side", "Written by", (("servers", "inbound.*"), ("clients", "outbound.*"), ("both", ".*")))
SEARCH = Search("search", "Contains")
# What the plan holds; the chart writes xscaler.plan.activeSeries in place of this default, which is not stated.
ACTIVE_SERIES = Search("active_series", "Plan: active series", "0")

# Thresholds, and the traffic below which a share means nothing.
FLOOR = Choice("floor", "Ignore below", (("0.1 req/s", "0.1"), ("nothing", "0"), ("1 req/s", "1"), ("10 req/s", "10")))
ERRORS_WARNING = Choice(
    "errors_warning",
    "Errors: warn from",
    (("0.1 %", "0.001"), ("0.01 %", "0.0001"), ("0.5 %", "0.005"), ("1 %", "0.01")),
)
ERRORS_CRITICAL = Choice(
    "errors_critical", "Errors: critical from", (("1 %", "0.01"), ("0.1 %", "0.001"), ("5 %", "0.05"), ("10 %", "0.1"))
)
TLS_CRITICAL = Choice(
    "tls_critical", "Mutual TLS: critical below", (("95 %", "0.95"), ("50 %", "0.5"), ("80 %", "0.8"), ("99 %", "0.99"))
)
CERTIFICATE_CRITICAL = Choice(
    "certificate_critical",
    "Certificate: critical below",
    (("1 hour", "3600"), ("10 minutes", "600"), ("6 hours", "21600"), ("12 hours", "43200")),
)
CONVERGENCE_WARNING = Choice(
    "convergence_warning", "Convergence: warn from", (("5 s", "5"), ("1 s", "1"), ("10 s", "10"), ("30 s", "30"))
)
CONVERGENCE_CRITICAL = Choice(
    "convergence_critical", "Convergence: critical from", (("10 s", "10"), ("5 s", "5"), ("30 s", "30"), ("60 s", "60"))
)
ROOT_WARNING = Choice(
    "root_warning",
    "Root certificate: warn below",
    (("90 days", "7776000"), ("60 days", "5184000"), ("180 days", "15552000")),
)
ROOT_CRITICAL = Choice(
    "root_critical",
    "Root certificate: critical below",
    (("30 days", "2592000"), ("7 days", "604800"), ("14 days", "1209600"), ("60 days", "5184000")),
)
SCRAPE_WARNING = Choice(
    "scrape_warning", "Scrape: warn from", (("5 s", "5"), ("1 s", "1"), ("2 s", "2"), ("15 s", "15"))
)
SCRAPE_CRITICAL = Choice(
    "scrape_critical", "Scrape: critical from", (("10 s", "10"), ("5 s", "5"), ("20 s", "20"), ("30 s", "30"))
)
LOG_ERRORS_WARNING = Choice(
    "log_errors_warning",
    "Error lines: warn from",
    (("0.01 lines/s", "0.01"), ("0.1 lines/s", "0.1"), ("1 lines/s", "1")),
)
