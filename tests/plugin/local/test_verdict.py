"""The verdict says yes only when all is as it should be, and else what to do."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from xscaler_istio.local import oracle, questions, verdict
from xscaler_istio.local.log_oracle import LogChoices, LogCount
from xscaler_istio.local.mesh import placed
from xscaler_istio.local.network import Network
from xscaler_istio.local.xscaler.log_gateway import LogAccount
from xscaler_istio.mesh import topology

PODS = [member.pod.manifest for member in placed.build(topology.small(), Network(10), 0)]
EXPECTED = oracle.expected_targets(PODS, oracle.Choices(cluster="c"))
GOOD = verdict.Evidence(
    expected=EXPECTED,
    scraped=tuple(verdict.Scraped(target.labels, up=True) for target in EXPECTED),
    scrapes_per_interval={verdict.target_pod(target): 1.1 for target in EXPECTED},
    accepted=1000,
    rejected={},
    metrics=frozenset(name for names in verdict.REQUIRED.values() for name in names),
)
FIRST = GOOD.scraped[0]


def name(target: oracle.ExpectedTarget) -> str:
    return "/".join(verdict.target_pod(target))


def test_all_is_well() -> None:
    judged = verdict.judge(GOOD)
    assert judged.ok
    assert len(judged.found) == len(judged.expected) == 14
    assert judged.by_kind == {"proxies": 8, "ztunnel": 2, "istiod": 2, "cni": 2}


def test_native_histograms_are_required_under_their_own_names() -> None:
    native = {re.sub("_(bucket|sum|count)$", "", name) for name in GOOD.metrics}
    form = dataclasses.replace(GOOD, histograms="native")
    assert "istio_request_bytes" in native
    assert verdict.judge(dataclasses.replace(form, metrics=frozenset(native))).ok
    # Remote write 1.0 drops them: everything else arrives.
    missing = verdict.judge(dataclasses.replace(form, metrics=frozenset(native & GOOD.metrics)))
    assert missing.missing_metrics == (
        "istio_request_bytes",
        "istio_request_duration_milliseconds",
        "istio_response_bytes",
    )
    both = dataclasses.replace(GOOD, histograms="both")
    assert not verdict.judge(both).ok
    assert verdict.judge(dataclasses.replace(both, metrics=GOOD.metrics | native)).ok
    rule = oracle.Drop("metrics.excludeMetrics", "istio_request_bytes_(bucket|sum|count)")
    judged = verdict.judge(dataclasses.replace(form, metrics=frozenset(native), drops=(rule,)))
    assert "istio_request_bytes" not in judged.required
    assert judged.dropped == {"istio_request_bytes": "metrics.excludeMetrics"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scraped": GOOD.scraped[1:]}, f"not scraped: {name(EXPECTED[0])}"),
        ({"scraped": (*GOOD.scraped, FIRST)}, f"scraped more than once: {name(EXPECTED[0])}"),
        (
            {"scrapes_per_interval": {**GOOD.scrapes_per_interval, FIRST.pod: 2.0}},
            f"scraped more than once: {name(EXPECTED[0])}",
        ),
        (
            {"scraped": (*GOOD.scraped, verdict.Scraped({"namespace": "jobs", "pod": "batch-0"}, up=True))},
            "scraped, but not part of the mesh: jobs/batch-0",
        ),
        (
            {"scraped": (verdict.Scraped(FIRST.labels, up=False), *GOOD.scraped[1:])},
            f"found, but scrapes fail: {name(EXPECTED[0])}",
        ),
        (
            {"scraped": (verdict.Scraped({**FIRST.labels, "instance": "elsewhere"}, up=True), *GOOD.scraped[1:])},
            f"not scraped: {name(EXPECTED[0])}",
        ),
        (
            {"rejected": {"max_label_names_per_series": 40}},
            "xScaler rejected 40 samples: max_label_names_per_series",
        ),
        ({"accepted": 0}, "xScaler accepted no sample"),
        (
            {"drops": (oracle.Drop("metrics.excludeMetrics", "istio_requests_.*"),)},
            "metrics.excludeMetrics drops istio_requests_total, which dashboards and alerts read",
        ),
        (
            {"drops": (oracle.Drop("metrics.extraMetricRelabelConfigs", "(?!istio_requests_total).*", keeps=True),)},
            "metrics.extraMetricRelabelConfigs drops istio_requests_total, which dashboards and alerts read",
        ),
        ({"metrics": GOOD.metrics - {"pilot_xds_pushes"}}, "missing metrics: pilot_xds_pushes"),
        ({"expected": (), "scraped": ()}, "no target was expected"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_thing_wrong_is_no(change: dict[str, Any], problem: str) -> None:
    judged = verdict.judge(dataclasses.replace(GOOD, **change))
    assert not judged.ok
    assert [item.what for item in judged.problems] == [problem]
    assert all(item.fix for item in judged.problems)


LIMITS = {"proxies": oracle.ScrapeLimits(samples=100, size="1MB")}


def with_first_down(measured: verdict.Measured | None, **change: Any) -> verdict.Verdict:
    down = verdict.Scraped(FIRST.labels, up=False, measured=measured)
    evidence = {"limits": LIMITS, "timeout": 5, **change}
    return verdict.judge(dataclasses.replace(GOOD, scraped=(down, *GOOD.scraped[1:]), **evidence))


@pytest.mark.parametrize(
    ("measured", "because", "fix"),
    [
        (
            verdict.Measured(0.2, 900, 101),
            ", with 101 samples and metrics.targets.proxies.sampleLimit: 100",
            "set metrics.targets.proxies.sampleLimit above 101, or keep fewer metrics",
        ),
        (
            verdict.Measured(0.2, 0, 0),
            ", with a response larger than metrics.targets.proxies.bodySizeLimit: 1MB",
            "set a larger metrics.targets.proxies.bodySizeLimit",
        ),
        (
            verdict.Measured(4.99, 0, 0),
            " after 5 s, the timeout of this test",
            "use a longer --interval; in the cluster, metrics.scrapeTimeout has to be long enough",
        ),
        (verdict.Measured(0.2, 900, 99), "", "see the collector's log"),
        (None, "", "see the collector's log"),
    ],
    ids=["samples", "size", "time", "another", "unknown"],
)
def test_a_failed_scrape_has_its_cause(measured: verdict.Measured | None, because: str, fix: str) -> None:
    (problem,) = with_first_down(measured).problems
    assert (problem.what, problem.fix) == (f"found, but scrapes fail{because}: {name(EXPECTED[0])}", fix)


def test_without_a_limit_no_limit_is_the_cause() -> None:
    (problem,) = with_first_down(verdict.Measured(0.2, 900, 101), limits={}).problems
    assert problem.what == f"found, but scrapes fail: {name(EXPECTED[0])}"


def test_a_pod_that_does_not_answer_has_no_response_that_is_too_large() -> None:
    (problem,) = with_first_down(verdict.Measured(0.2, 0, 0), scrapes_per_interval={}).problems
    assert problem.what == f"found, but scrapes fail: {name(EXPECTED[0])}"


def test_metrics_are_missing_because_no_target_is_up_or_xscaler_rejects_them() -> None:
    missing = GOOD.metrics - {"pilot_xds_pushes"}
    down = tuple(
        dataclasses.replace(item, up=item.labels.get("app") != "istiod", measured=None) for item in GOOD.scraped
    )
    (problem,) = verdict.judge(dataclasses.replace(GOOD, metrics=missing, scraped=down)).problems
    assert problem.what.startswith("found, but scrapes fail: ")
    rejected = {"max_label_names_per_series": 3}
    first, second = verdict.judge(dataclasses.replace(GOOD, metrics=missing, rejected=rejected)).problems
    assert first.what == "xScaler rejected 3 samples: max_label_names_per_series"
    assert second.what == "missing metrics: pilot_xds_pushes"
    assert second.fix == "xScaler rejected samples, and theirs are probably among them: fix that first"


def test_an_answer_without_data_has_its_cause() -> None:
    reply = questions.Reply("How many?", "istio_requests_total", "up", ())
    drop = oracle.Drop("metrics.excludeMetrics", "istio_requests_total")
    dropped = verdict.judge(dataclasses.replace(GOOD, drops=(drop,)))
    missing = verdict.judge(dataclasses.replace(GOOD, metrics=frozenset()))
    assert questions.said(reply, dropped) == ("no data: metrics.excludeMetrics drops istio_requests_total",)
    assert questions.said(reply, missing) == ("no data: istio_requests_total is missing",)
    assert questions.said(reply, verdict.judge(GOOD)) == ("no data",)
    assert questions.said(dataclasses.replace(reply, lines=("a: 1",)), dropped) == ("a: 1",)


GOOD_LOGS = verdict.LogEvidence(
    count=LogCount(written=100, once=100, more=0, lost=0, foreign=0, with_fields=90),
    chosen=LogChoices(files=True),
    account=LogAccount(entries=(), rejected={}, deferred={}, requests={204: 1}, received_bytes=1000, last_refusal=""),
    secrets_seen=0,
)


def logs_with(**change: int) -> dict[str, Any]:
    return {"count": dataclasses.replace(GOOD_LOGS.count, **change)}


def test_all_is_well_with_logs() -> None:
    assert verdict.judge_logs(GOOD_LOGS).ok


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (logs_with(lost=3), "3 of 100 log lines did not arrive"),
        (logs_with(more=2), "2 log lines arrived more than once"),
        (logs_with(foreign=1), "1 unexpected lines arrived"),
        (logs_with(with_fields=0), "no access line has its fields"),
        ({"secrets_seen": 4}, "4 lines contained a query string: redaction failed"),
        (
            {"account": dataclasses.replace(GOOD_LOGS.account, rejected={"unauthorized": 7})},
            "xScaler rejected 7 log lines: unauthorized",
        ),
        (
            {"account": dataclasses.replace(GOOD_LOGS.account, last_refusal="structured metadata is disallowed")},
            "xScaler rejected log lines: structured metadata is disallowed",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_thing_wrong_with_logs_is_no(change: dict[str, Any], problem: str) -> None:
    judged = verdict.judge_logs(dataclasses.replace(GOOD_LOGS, **change))
    assert [item.what for item in judged.problems] == [problem]
    assert all(item.fix for item in judged.problems)


@pytest.mark.parametrize(
    ("chosen", "change"),
    [
        (LogChoices(samples=True), logs_with(lost=3)),
        (LogChoices(masks=True), logs_with(foreign=3)),
        (LogChoices(metadata=False), logs_with(with_fields=0)),
        (LogChoices(redacts=False), {"secrets_seen": 3}),
    ],
)
def test_what_the_values_ask_for_is_no_problem(chosen: LogChoices, change: dict[str, Any]) -> None:
    assert verdict.judge_logs(dataclasses.replace(GOOD_LOGS, chosen=chosen, **change)).ok
