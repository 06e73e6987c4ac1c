"""The parts of `test RELEASE` that need no cluster: logs, responses, and reports of steps."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support import published as outputs
from xscaler_istio import __version__
from xscaler_istio.cluster.access import Access
from xscaler_istio.findings.findings import KubeContext, Problem
from xscaler_istio.live import installation, report, steps
from xscaler_istio.live.about import AboutRelease, about
from xscaler_istio.live.steps import Step
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.own_metrics import Pushes, last_reason, metric
from xscaler_istio.values import settings
from xscaler_istio.wire import published, refusals

# Lines as the programs write them, and the reason in them.
LOGS = [
    (
        COLLECTORS["prometheus"].refusal,
        'time=2026-11-25T12:28:37.644Z level=ERROR source=queue_manager.go:1674 msg="non-recoverable error"'
        " component=remote remote_name=xscaler failedSampleCount=392"
        ' err="server returned HTTP status 401 Unauthorized: invalid token\\n"',
        "server returned HTTP status 401 Unauthorized: invalid token\\n",
        "the token is wrong, revoked or expired",
    ),
    (
        COLLECTORS["prometheus"].refusal,
        'level=WARN msg="Failed to send batch, retrying" url=https://x err="Post \\"https://x\\": tls: failed to verify'
        ' certificate: x509: certificate signed by unknown authority"',
        'Post "https://x": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        "name its certificate authority in xscaler.tls.ca",
    ),
    (
        COLLECTORS["opentelemetry"].refusal,
        "error\tinternal/queue_sender.go:49\tExporting failed. Dropping data.\t"
        '{"otelcol.component.id": "prometheus_remote_write", "error": "Permanent error: remote write returned HTTP'
        ' status 401 Unauthorized; err = %!w(<nil>): invalid token", "dropped_items": 392}',
        "Permanent error: remote write returned HTTP status 401 Unauthorized; err = %!w(<nil>): invalid token",
        "the token is wrong, revoked or expired",
    ),
    (
        LOG_AGENT.refusal,
        'ts=2026-11-25T12:00:00Z level=error msg="final error sending batch, no retries left, dropping data"'
        ' component_id=loki.write.xscaler status=400 error="server returned HTTP status 400 Bad Request (400): stream'
        ' \'{cluster=\\"prod-1\\"}\' includes structured metadata, but this feature is disallowed."',
        "server returned HTTP status 400 Bad Request (400): stream '{cluster=\"prod-1\"}' includes structured metadata,"
        " but this feature is disallowed.",
        "set logs.structuredMetadata: false",
    ),
    (
        LOG_AGENT.refusal,
        'ts=2026-11-25T12:00:00Z level=error msg="final error sending batch, no retries left, dropping data"'
        ' component_id=loki.write.xscaler status=302 error="server returned HTTP status 302 Found (302): "',
        "server returned HTTP status 302 Found (302): ",
        "redirects are not followed, because the token would reach another host",
    ),
]


@pytest.mark.parametrize(("pattern", "line", "reason", "fix"), LOGS, ids=["401", "tls", "otel", "metadata", "redirect"])
def test_a_log_gives_the_reason_and_the_reason_its_fix(pattern: object, line: str, reason: str, fix: str) -> None:
    log = f"something before\n{line}\nsomething after\n"
    assert last_reason(log, pattern) == reason  # type: ignore[arg-type]
    assert fix in refusals.fix(refusals.cause(reason))


def test_a_log_without_a_refusal() -> None:
    assert last_reason("all is well\n", LOG_AGENT.refusal) == ""
    assert refusals.cause("") is refusals.cause("never seen before") is refusals.Reason.UNKNOWN


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


SUBJECT = AboutRelease(
    date=datetime.datetime(2026, 11, 29, 3, 30, tzinfo=datetime.timezone.utc),
    release="r",
    namespace="telemetry",
    cluster=KubeContext("/home/me/.kube/config", "prod-eu"),
    chart_version="0.1.0",
    plugin_version="0.1.0",
    collector="alloy v1.18.1",
    changed=(("cluster.name", "<prod>"),),
)


def test_reports_say_the_same() -> None:
    text = report.as_text(SUBJECT, STEPS)
    assert text == (
        "cluster            context prod-eu of kubeconfig /home/me/.kube/config\n"
        "helm test          ok\n  t: passed\ncollector          FAILED\n  <401> & more\n    fix: fix it\n"
        "lines at xScaler   skipped: logs.enabled is false\nr: 1 of 3 steps failed\n"
    )
    document = json.loads(report.as_json(SUBJECT, STEPS))
    outputs.published("test", document)
    assert (document["ok"], [step["ok"] for step in document["steps"]]) == (False, [True, False, True])
    suite = ET.fromstring(report.as_junit(SUBJECT, STEPS))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failure = suite.find(".//failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("<401> & more", "fix it")


def test_the_subject_is_in_json_and_html() -> None:
    subject = json.loads(report.as_json(SUBJECT, STEPS))["about"]
    assert subject == {
        "date": "2026-11-29T03:30:00+00:00",
        "namespace": "telemetry",
        "cluster": {"kubeconfig": "/home/me/.kube/config", "context": "prod-eu", "server": ""},
        "chart": "0.1.0",
        "plugin": "0.1.0",
        "collector": "alloy v1.18.1",
        "changed": {"cluster.name": "<prod>"},
    }
    html = report.as_html(SUBJECT, STEPS)
    listed = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))
    assert listed == {
        "date": "2026-11-29 03:30:00 UTC",
        "release": "r in namespace telemetry",
        "cluster": "context prod-eu of kubeconfig /home/me/.kube/config",
        "collector": "alloy v1.18.1",
        "chart": "0.1.0",
        "plugin": "0.1.0",
    }
    assert "<td>cluster.name</td><td>&lt;prod&gt;</td>" in html


class Recorded(installation.Installation):
    """A release whose Helm answers from here."""

    def _get(self, what: str, *flags: str) -> str:
        given = "cluster: {name: prod-1}\nxscaler: {auth: {token: short}}\nextraObjects: [{kind: Secret}]\n"
        defaults = "metrics: {collector: alloy}\nalloy: {image: {tag: v1.18.1}}\n"
        answers = {
            "metadata -o json": '{"name": "r", "chart": "xscaler-istio", "version": "0.0.9"}',
            "values -o yaml": given,
            "values --all -o yaml": f"{given}{defaults}",
        }
        return answers[" ".join((what, *flags))]


def test_the_subject_is_read_from_the_release_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/a")
    asked = Recorded("r", "telemetry", Access(Path("/nowhere/kubectl"), ("--context=prod-eu", "--server=https://api")))
    found = about(asked, asked.settings())
    assert (found.collector, found.chart_version, found.plugin_version) == ("alloy v1.18.1", "0.0.9", __version__)
    assert found.cluster == KubeContext("/home/me/a", "prod-eu", "https://api")
    assert found.changed == (("cluster.name", "prod-1"), ("xscaler.auth.token", "…"), ("extraObjects", "1 entry"))


@dataclasses.dataclass(frozen=True)
class OnePod:
    """A cluster in which one log agent runs and answers with this response."""

    response_text: str

    def pods(self, component: str) -> tuple[str, ...]:
        return ("agent",) if component == "logs" else ()

    def response(self, pod: str, port: int, path: str) -> str:
        assert (pod, port, path) == ("agent", 12345, "/metrics")
        return self.response_text

    def log(self, pod: str) -> str:
        return f"{pod}\n{LOGS[3][1]}\n"


SETTINGS = settings.parse_any_version(
    {"metrics": {"collector": "none", "scrapeInterval": "30s"}, "logs": {"enabled": True, "source": "files"}}
)


def page(sent: int, dropped: int) -> OnePod:
    return OnePod(f'loki_write_sent_entries_total {sent}\nloki_write_dropped_entries_total{{reason="x"}} {dropped}\n')


# (lines sent, refused and refused before the test; the fact; what is wrong)
REFUSALS = [
    (10, 0, 0, "10 lines accepted, 0 rejected", ""),
    (10, 7, 7, "10 lines accepted, 7 rejected (7 of them before this test)", ""),
    (
        10,
        9,
        7,
        "10 lines accepted, 9 rejected (7 of them before this test)",
        "xScaler rejected 2 lines from agent during this",
    ),
    (
        0,
        7,
        7,
        "0 lines accepted, 7 rejected (7 of them before this test)",
        "xScaler has accepted no lines from agent: server re",
    ),
    # The container began anew in between.
    (
        10,
        3,
        7,
        "10 lines accepted, 3 rejected",
        "xScaler rejected 3 lines from agent during this test: server returned",
    ),
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


def present(_: str, url: str) -> tuple[published.UrlAnswer, None]:
    """Answer as a host that is there."""
    return published.UrlAnswer(url, 401), None


def moved(what: str, url: str) -> tuple[published.UrlAnswer, published.Moved | None]:
    """Answer as a region whose logs are only at the newer path."""
    by_path = {"/api/v1/logs/push": 404, "/api/v1/push": 401}
    return published.look(what, url, lambda asked: published.UrlAnswer(asked, by_path[asked.partition(".com")[2]]))


@pytest.mark.parametrize(
    ("sent", "refused", "given", "named"),
    [
        (0, 0, "", True),
        (0, 7, "", True),
        (10, 7, "", True),
        (10, 0, "", False),
        (0, 0, "https://x.example/push", False),
    ],
)
def test_the_url_that_answers_is_named_before_a_line_is_lost(sent: int, refused: int, given: str, named: bool) -> None:
    values = {
        "xscaler": {"region": "euw1-01", "logs": {"url": given}},
        "metrics": {"collector": "none", "scrapeInterval": "30s"},
        "logs": {"enabled": True, "source": "files"},
    }
    step = steps.log_agents(
        page(sent, refused),  # type: ignore[arg-type]
        settings.parse_any_version(values),
        steps.Earlier({"agent": 0}),
        moved if not given else present,
    )
    base = "https://euw1-01.l.xscalerlabs.com/api/v1"
    problem = Problem(
        f"xScaler has nothing at {base}/logs/push (it answers 404), but answers at {base}/push",
        f"set xscaler.logs.url: {base}/push",
    )
    assert (problem in step.problems) == named


_LOG_OF_429 = 'msg="Failed to send batch, retrying" url=https://x err="server returned HTTP status {}"'


@pytest.mark.parametrize(
    ("retried", "answer", "fix"),
    [
        (9, "429 Too Many Requests: the account is locked", "settle it in xScaler's portal"),
        (9, "429 Too Many Requests: max_active_series exceeded", "the plan's active series are used up"),
        (9, "503 Service Unavailable", ""),
        (4, "429 Too Many Requests: the account is locked", ""),
    ],
)
def test_a_429_after_a_good_start_is_judged_by_its_body(retried: int, answer: str, fix: str) -> None:
    @dataclasses.dataclass(frozen=True)
    class Logged:
        def log(self, _: str) -> str:
            return _LOG_OF_429.format(answer)

    pushes = Pushes(delivered=100, failed=0, waiting=12, retried=retried)
    before = steps.Earlier(retried={"c": 4})
    found = steps._held_back(Logged(), "c", pushes, before, COLLECTORS["prometheus"].refusal)  # type: ignore[arg-type]
    assert [problem.what for problem in found] == (
        [f"xScaler holds back c, and 12 samples are waiting: server returned HTTP status {answer}"] if fix else []
    )
    assert all(fix in problem.fix for problem in found)
