"""Access logs: what leaves the cluster, what it costs, and whether the agent is admitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case

# Of docs/logs.md: by how much dashboardLabels multiplies the streams.
_STREAMS = (20, 50)


@check("XS240", Severity.ERROR)
def agent_not_admitted(case: Case) -> Iterator[Issue]:
    """The namespace does not admit the log agent.

    Why: an agent that reads /var/log/pods needs hostPath and root, which the pod-security levels `baseline` and
    `restricted` refuse: the DaemonSet is made, and no pod of it ever starts. Which level the namespace enforces is
    not in the values: say it as `podSecurity` in .xscaler.yaml, without which this is reported as not checked.

    Fix: label the namespace, put the logs into a release of their own in a namespace that admits them, or read
    through the API server.

    Example:
        logs:
          source: api
    """
    level = case.environment.pod_security
    if case.settings.logs.enabled and case.settings.logs.source != "api" and level not in ("", "privileged"):
        yield Issue(
            "logs.source",
            f"logs.source {case.settings.logs.source} needs the pod-security level privileged, and {level} is set",
            "set logs.source: api, or kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged",
        )


@check("XS241", Severity.WARNING)
def redaction_off(case: Case) -> Iterator[Issue]:
    """Query strings leave the cluster.

    Why: query strings hold tokens, addresses and searches. With redactQueryStrings off they are stored as they were
    written, and who may read the logs may read them.

    Fix: leave it on, or have Istio leave the query out (docs/logs.md, Privacy).

    Example:
        logs:
          redactQueryStrings: true
    """
    if case.settings.logs.enabled and not case.settings.logs.redact_query_strings:
        yield Issue(
            "logs.redactQueryStrings",
            "logs.redactQueryStrings is false: query strings, which often hold tokens, are stored",
            "set it to true, or have Istio leave queries out (docs/logs.md)",
        )


@check("XS242", Severity.INFO)
def sampled_lines(case: Case) -> Iterator[Issue]:
    """Lines are sampled, and what counts them counts too few.

    Why: with successRatio below 1 a share of the successful requests is missing, while errors are all there: a ratio of
    errors over lines comes out too high, and an alert on it fires without need.

    Fix: let alerts and ratios read istio_requests_total, which counts every request; or keep all lines.

    Example:
        logs:
          sampling:
            successRatio: 1.0
    """
    ratio = case.settings.logs.sampling.success_ratio
    if case.settings.logs.enabled and ratio < 1:
        yield Issue(
            "logs.sampling.successRatio",
            f"logs.sampling.successRatio is {ratio:g}: rates and error ratios over lines, and their alerts, are wrong",
            "let alerts read istio_requests_total instead of lines",
        )


@check("XS243", Severity.WARNING)
def old_lines(case: Case) -> Iterator[Issue]:
    """The first start sends everything that lies on the nodes.

    Why: with startAt beginning each node sends what its runtime has kept, days perhaps: a burst that is paid for, and
    lines that the backend refuses as too old. With source api a new pod sends it all again.

    Fix: end, which leaves out what was written before the first start.

    Example:
        logs:
          startAt: end
    """
    if case.settings.logs.enabled and case.settings.logs.start_at == "beginning":
        yield Issue(
            "logs.startAt",
            "logs.startAt is beginning: the first start sends all lines that the nodes still have, old ones too",
            "set it to end, unless you want them once",
        )


@check("XS244", Severity.WARNING)
def many_streams(case: Case) -> Iterator[Issue]:
    """Labels for the dashboard multiply the streams.

    Why: protocol, method and response code as labels make 20 to 50 streams of each proxy's one. Streams cost, and a
    plan limits how many are active: beyond, xScaler answers 429 and the agents wait.

    Fix: leave it off; the same fields are in the structured metadata, which LogQL filters by as well.

    Example:
        logs:
          dashboardLabels: false
    """
    if case.settings.logs.enabled and case.settings.logs.dashboard_labels:
        mesh, (low, high) = case.environment.mesh, _STREAMS
        times = f"{low} to {high} times the streams"
        count = f"{mesh.proxies * low:,} to {mesh.proxies * high:,} streams" if mesh else times
        yield Issue(
            "logs.dashboardLabels",
            f"logs.dashboardLabels is true: {count}, each of which costs and counts against the plan",
            'set it to false, and filter by structured metadata: {job="integrations/istio"} | response_code >= 500',
        )


@check("XS245", Severity.INFO)
def no_access_logs_written(case: Case) -> Iterator[Issue]:
    """Access logs are collected, and Istio may write none.

    Why: Istio's profiles write no access logs unless they are told to (ztunnel always does). The agents would find
    nothing to read, which looks like a fault.

    Fix: let the chart make the Telemetry object, or see that yours turns them on (docs/logs.md); then ignore this.

    Example:
        istio:
          telemetry:
            accessLogging:
              enabled: true
    """
    if case.settings.logs.enabled and not case.settings.istio.telemetry.access_logging.enabled:
        yield Issue(
            "logs.enabled",
            "logs.enabled is true, and this release does not turn Istio's access logs on; by default it writes none",
            "set istio.telemetry.accessLogging.enabled: true, or see that your Telemetry object does (docs/logs.md)",
        )
