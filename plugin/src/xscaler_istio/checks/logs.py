"""Access logs: privacy, cost, and whether the namespace admits the agent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case


@check("XS240", Severity.ERROR)
def agent_not_admitted(case: Case) -> Iterator[Issue]:
    """The namespace does not admit the log agent.

    Why: an agent that reads /var/log/pods needs hostPath and root, which the pod-security levels `baseline` and
    `restricted` refuse: the DaemonSet is created, but none of its pods starts. The values do not contain the level that
    the namespace enforces: set it as `podSecurity` in .xscaler.yaml. Without it this rule is not checked.

    Fix: label the namespace, put the logs into a separate release in a namespace that admits them, or read through the
    API server.

    Example:
        logs:
          source: api
    """
    level = case.environment.pod_security
    if case.settings.logs.enabled and case.settings.logs.source != "api" and level not in ("", "privileged"):
        yield Issue(
            "logs.source",
            f"logs.source {case.settings.logs.source} needs the pod-security level privileged, but it is {level}",
            "set logs.source: api, or kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged",
        )


@check("XS241", Severity.WARNING)
def redaction_off(case: Case) -> Iterator[Issue]:
    """Query strings leave the cluster.

    Why: query strings contain tokens, addresses and searches. With redactQueryStrings off xScaler stores them, and
    everyone who may read the logs can read them.

    Fix: leave it on, or make Istio leave the query out (docs/logs.md, Privacy).

    Example:
        logs:
          redactQueryStrings: true
    """
    if case.settings.logs.enabled and not case.settings.logs.redact_query_strings:
        yield Issue(
            "logs.redactQueryStrings",
            "logs.redactQueryStrings is false: query strings, which often hold tokens, are stored",
            "set it to true, or make Istio leave queries out (docs/logs.md)",
        )


@check("XS242", Severity.INFO)
def sampled_lines(case: Case) -> Iterator[Issue]:
    """Log lines are sampled, so counts of lines are too low.

    Why: with successPercent below 100 some lines of successful requests are missing, while lines of errors are all
    there. An error ratio over lines is too high, and an alert on it fires wrongly.

    Fix: base alerts and ratios on istio_requests_total, which counts every request; or keep all lines.

    Example:
        logs:
          sampling:
            successPercent: 100
    """
    percent = case.settings.logs.sampling.success_percent
    if case.settings.logs.enabled and percent < 100:
        yield Issue(
            "logs.sampling.successPercent",
            f"logs.sampling.successPercent is {percent:g}:"
            " rates, error ratios and alerts that count log lines are wrong",
            "base alerts on istio_requests_total instead of log lines",
        )


@check("XS243", Severity.WARNING)
def old_lines(case: Case) -> Iterator[Issue]:
    """The first start sends all old lines on the nodes.

    Why: with startAt beginning each node sends everything that its runtime has kept, perhaps days of logs. You pay for
    this burst, and the backend rejects lines that are too old. With source api every new pod sends it all again.

    Fix: use end, which skips lines from before the first start.

    Example:
        logs:
          startAt: end
    """
    if case.settings.logs.enabled and case.settings.logs.start_at == "beginning":
        yield Issue(
            "logs.startAt",
            "logs.startAt is beginning: the first start sends all lines that the nodes still have, including old ones",
            "set it to end, unless you need the old lines",
        )


@check("XS244", Severity.WARNING)
def many_streams(case: Case) -> Iterator[Issue]:
    """Fields as labels multiply the streams.

    Why: each combination of values is a stream. With protocol, method and response code as labels each proxy has 20 to
    50 streams instead of one. Streams cost money, and a plan limits the active ones: above the limit xScaler answers
    429 and the agents wait.

    Fix: leave the list empty; LogQL can filter by the same fields in the structured metadata.

    Example:
        logs:
          streamLabels: []
    """
    labels = case.settings.logs.stream_labels
    if case.settings.logs.enabled and labels:
        mesh, spans = case.environment.mesh, [case.facts.streams[name] for name in labels]
        low, high = math.prod(span[0] for span in spans), math.prod(span[1] for span in spans)
        times = f"{low} to {high} times the streams"
        count = f"{mesh.proxies * low:,} to {mesh.proxies * high:,} streams" if mesh else times
        yield Issue(
            "logs.streamLabels",
            f"logs.streamLabels has {', '.join(labels)}: {count}; each one costs and counts against your plan",
            'set it to [], and filter by structured metadata: {job="integrations/istio"} | response_code >= 500',
        )


@check("XS245", Severity.INFO)
def no_access_logs_written(case: Case) -> Iterator[Issue]:
    """The release collects access logs, but Istio may write none.

    Why: by default Istio's profiles write no access logs (ztunnel always does). The agents would find nothing to read,
    which looks like a fault.

    Fix: let the chart create the Telemetry object, or check that yours turns access logs on (docs/logs.md); then ignore
    this finding.

    Example:
        istio:
          telemetry:
            accessLogging:
              enabled: true
    """
    if case.settings.logs.enabled and not case.settings.istio.telemetry.access_logging.enabled:
        yield Issue(
            "logs.enabled",
            "logs.enabled is true, but this release does not turn on Istio's access logs, which are off by default",
            "set istio.telemetry.accessLogging.enabled: true, or use a Telemetry object of yours (docs/logs.md)",
        )
