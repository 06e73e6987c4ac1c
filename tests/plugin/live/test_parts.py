"""The live test's parts that take no cluster: what logs and pages say, and what the reports make of steps."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from tests.support.published import published
from xscaler_istio.findings.findings import Problem
from xscaler_istio.live import report, steps
from xscaler_istio.live.steps import Step
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.own_metrics import last_reason, metric
from xscaler_istio.values import settings
from xscaler_istio.wire import refusals

# Lines as the programs write them, and the reason in them.
LOGS = [
    (
        COLLECTORS["prometheus"].refusal,
        'time=2026-11-25T12:28:37.644Z level=ERROR source=queue_manager.go:1674 msg="non-recoverable error"'
        " component=remote remote_name=xscaler failedSampleCount=392"
        ' err="server returned HTTP status 401 Unauthorized: invalid token\\n"',
        "server returned HTTP status 401 Unauthorized: invalid token\\n",
        "the token is wrong or expired",
    ),
    (
        COLLECTORS["prometheus"].refusal,
        'level=WARN msg="Failed to send batch, retrying" url=https://x err="Post \\"https://x\\": tls: failed to verify'
        ' certificate: x509: certificate signed by unknown authority"',
        'Post "https://x": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        "name it in xscaler.tls.ca",
    ),
    (
        COLLECTORS["opentelemetry"].refusal,
        "error\tinternal/queue_sender.go:49\tExporting failed. Dropping data.\t"
        '{"otelcol.component.id": "prometheus_remote_write", "error": "Permanent error: remote write returned HTTP'
        ' status 401 Unauthorized; err = %!w(<nil>): invalid token", "dropped_items": 392}',
        "Permanent error: remote write returned HTTP status 401 Unauthorized; err = %!w(<nil>): invalid token",
        "the token is wrong or expired",
    ),
    (
        LOG_AGENT.refusal,
        'ts=2026-11-25T12:00:00Z level=error msg="final error sending batch, no retries left, dropping data"'
        ' component_id=loki.write.xscaler status=400 error="server returned HTTP status 400 Bad Request (400): stream'
        ' \'{cluster=\\"prod-1\\"}\' includes structured metadata, but this feature is disallowed."',
        "server returned HTTP status 400 Bad Request (400): stream '{cluster=\"prod-1\"}' includes structured metadata,"
        " but this feature is disallowed.",
        "set logs.fields: none",
    ),
]


@pytest.mark.parametrize(("pattern", "line", "reason", "fix"), LOGS, ids=["401", "tls", "otel", "metadata"])
def test_a_log_gives_the_reason_and_the_reason_its_fix(pattern: object, line: str, reason: str, fix: str) -> None:
    log = f"something before\n{line}\nsomething after\n"
    assert last_reason(log, pattern) == reason  # type: ignore[arg-type]
    assert fix in refusals.fix(reason)


def test_a_log_without_a_refusal() -> None:
    assert last_reason("all is well\n", LOG_AGENT.refusal) == ""
    assert refusals.fix("") == refusals.fix("never seen before")


def test_a_metric_is_the_sum_of_its_series() -> None:
    page = 'a_total{x="1"} 2\na_total{x="} 9"} 3e+00\na_total_more 7\nb 4\n# a_total 9\n'
    assert [metric(page, name) for name in ("a_total", "b", "c")] == [5, 4, 0]


def test_the_release_itself_is_a_job_since_there_is_a_switch_for_it() -> None:
    earlier = {"metrics": {"targets": {"proxies": {"enabled": True}, "cni": {"enabled": False}}}}

    def jobs(**more: object) -> tuple[str, ...]:
        return steps._jobs(settings.parse_any_version({**earlier, **more}))

    assert jobs() == ("proxies",)
    assert jobs(selfMonitoring={"enabled": True}) == ("proxies", "self")
    assert jobs(selfMonitoring={"enabled": False}) == ("proxies",)


STEPS = (
    Step(name="helm test", facts=("t: passed",), seconds=1.5),
    Step(name="collector", facts=(), problems=(Problem("<401> & more", "fix it"),)),
    Step(name="lines at xScaler", skipped="logs.enabled is false"),
)


def test_reports_say_the_same() -> None:
    text = report.as_text("r", STEPS)
    assert text == (
        "helm test          ok\n  t: passed\ncollector          FAILED\n  <401> & more\n    fix: fix it\n"
        "lines at xScaler   skipped: logs.enabled is false\nr: 1 of 3 steps failed\n"
    )
    document = json.loads(report.as_json("r", STEPS))
    published("test", document)
    assert (document["ok"], [step["ok"] for step in document["steps"]]) == (False, [True, False, True])
    suite = ET.fromstring(report.as_junit("r", STEPS))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failure = suite.find(".//failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("<401> & more", "fix it")


@dataclasses.dataclass(frozen=True)
class OnePod:
    """A cluster in which one log agent runs and says this page."""

    page_text: str

    def pods(self, component: str) -> tuple[str, ...]:
        return ("agent",) if component == "logs" else ()

    def page(self, pod: str, port: int, path: str) -> str:
        assert (pod, port, path) == ("agent", 12345, "/metrics")
        return self.page_text

    def log(self, pod: str) -> str:
        return f"{pod}\n{LOGS[3][1]}\n"


SETTINGS = settings.parse_any_version(
    {"metrics": {"collector": "none", "scrapeInterval": "30s"}, "logs": {"enabled": True, "source": "files"}}
)


def page(sent: int, dropped: int) -> OnePod:
    return OnePod(f'loki_write_sent_entries_total {sent}\nloki_write_dropped_entries_total{{reason="x"}} {dropped}\n')


# (lines sent, refused and refused before the test; the fact; what is wrong)
REFUSALS = [
    (10, 0, 0, "10 lines taken, 0 refused", ""),
    (10, 7, 7, "10 lines taken, 7 refused (7 of them before this test)", ""),
    (
        10,
        9,
        7,
        "10 lines taken, 9 refused (7 of them before this test)",
        "xScaler refused 2 lines of agent during this",
    ),
    (0, 7, 7, "0 lines taken, 7 refused (7 of them before this test)", "xScaler has taken nothing of agent: server re"),
    # The container began anew in between.
    (10, 3, 7, "10 lines taken, 3 refused", "xScaler refused 3 lines of agent during this test: server returned"),
]


@pytest.mark.parametrize(("sent", "refused", "old", "fact", "wrong"), REFUSALS)
def test_only_what_is_refused_during_the_test_counts(sent: int, refused: int, old: int, fact: str, wrong: str) -> None:
    step = steps.log_agents(page(sent, refused), SETTINGS, steps.Earlier({"agent": old}))  # type: ignore[arg-type]
    assert step.facts == (f"agent: {fact}",)
    assert step.ok is not bool(wrong)
    assert "".join(problem.what for problem in step.problems).startswith(wrong)


def test_what_was_refused_earlier_is_read_before_the_test() -> None:
    earlier = steps.earlier(page(10, 7), SETTINGS)  # type: ignore[arg-type]
    assert (dict(earlier.refused), earlier.any) == ({"agent": 7}, True)
    # A scrape later what goes on has shown again.
    assert earlier.over >= 30
    assert not steps.earlier(page(10, 0), SETTINGS).any  # type: ignore[arg-type]
