"""`helm test` for metrics: the script's verdict, with the fix, by what a collector counts of its pushes."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.helm_tests import ADDRESS, verdict
from tests.support.paths import ci
from tests.support.rendering import template

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://euw1-01.xscalerlabs.com/api/v1/push"
TARGETS = json.dumps(
    {
        "status": "success",
        "data": {
            "activeTargets": [
                {
                    "discoveredLabels": {},
                    "scrapePool": "proxies",
                    "scrapeUrl": "http://10.0.0.9:15020/stats/prometheus",
                    "lastError": "",
                    "health": "up",
                }
            ]
        },
    },
    separators=(",", ":"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counts:
    """What a collector counts: samples accepted, lost and waiting, and answers to pushes by status."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    answers: tuple[tuple[int, int], ...] = ()

    def of_prometheus(self) -> str:
        return f"""\
prometheus_remote_storage_samples_total{{remote_name="xscaler"}} {self.sent + self.failed}
prometheus_remote_storage_samples_failed_total{{remote_name="xscaler"}} {self.failed}
prometheus_remote_storage_samples_pending{{remote_name="xscaler"}} {self.waiting}
prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{remote_name="xscaler"}} 1.7e+09
"""

    def of_opentelemetry(self) -> str:
        labels = 'http_request_method="POST",server_address="x"'
        counted = (
            f'http_client_request_duration_count{{{labels},http_response_status_code="{status}"}} {count}\n'
            for status, count in self.answers
        )
        return f"""\
otelcol_exporter_sent_metric_points{{exporter="prometheus_remote_write"}} {self.sent}
otelcol_exporter_send_failed_metric_points{{exporter="prometheus_remote_write"}} {self.failed}
otelcol_exporter_queue_size{{exporter="prometheus_remote_write"}} {self.waiting}
http_client_request_duration_bucket{{http_response_status_code="302",le="5"}} 99
{"".join(counted)}"""


def run(folder: Path, collector: str, counts: Counts, errors: str = "") -> tuple[int, str]:
    rendered = template("helm4", "--values", str(ci("default")), "--set", f"metrics.collector={collector}")
    metrics = counts.of_opentelemetry() if collector == "opentelemetry" else counts.of_prometheus()
    answers = {"ready": "ready", "root": "ready", "targets?state=active": TARGETS, "metrics": metrics, "errors": errors}
    return verdict(rendered, "metrics", folder, answers)


@pytest.mark.parametrize("collector", ["prometheus", "opentelemetry"])
def test_accepted_samples_pass(collector: str, tmp_path: Path) -> None:
    code, output = run(tmp_path, collector, Counts(sent=1200, answers=((200, 3), (503, 1))))
    assert (code, output.splitlines()[-1]) == (0, "PASSED")
    assert (
        f"  {ADDRESS}: 1 of 1 targets are up; xScaler accepted 1200 samples and rejected 0; 0 are waiting\n" in output
    )


@pytest.mark.parametrize(
    ("collector", "counts", "problem", "fix"),
    [
        ("prometheus", Counts(failed=7), "has accepted nothing and rejected 7 samples permanently", "3xx a redirect"),
        (
            "prometheus",
            Counts(waiting=9),
            "has accepted nothing yet, and 9 samples are waiting",
            f"check that {URL} is right",
        ),
        (
            "opentelemetry",
            Counts(sent=1200, answers=((302, 3), (200, 3))),
            "redirects answered 3 of its pushes, and it has sent none since this test began",
            f"set xscaler.metrics.url to the address of the API, or correct the proxy that redirects {URL}",
        ),
        (
            "opentelemetry",
            Counts(waiting=4, answers=((307, 2), (308, 3))),
            "redirects answered 5 of its pushes",
            "set xscaler.metrics.url",
        ),
        ("opentelemetry", Counts(failed=7, answers=((401, 2),)), "rejected 7 samples permanently", "401 is the token"),
    ],
)
def test_what_is_wrong_has_its_fix(collector: str, counts: Counts, problem: str, fix: str, tmp_path: Path) -> None:
    code, output = run(tmp_path, collector, counts)
    assert code == 1
    message, _, advice = output.partition("FAILED\n")[2].partition("\n    fix: ")
    assert problem in message
    assert fix in advice


@pytest.mark.parametrize(
    ("counts", "moved"), [(Counts(waiting=9), True), (Counts(failed=7), True), (Counts(sent=3), False)]
)
def test_the_host_that_answers_is_named_while_nothing_is_accepted(counts: Counts, moved: bool, tmp_path: Path) -> None:
    newer = "https://euw1-01.m.xscalerlabs.com/api/v1/push"
    errors = (
        f"{URL} wget: bad address 'euw1-01.xscalerlabs.com'\n"
        f"{newer} wget: server returned error: HTTP/1.1 401 Unauthorized\n"
    )
    _, output = run(tmp_path, "prometheus", counts, errors)
    assert (f"xScaler has nothing at {URL} (no such host), but answers at {newer}" in output) == moved
    assert (f"    fix: set xscaler.metrics.url: {newer}\n" in output) == moved


@pytest.mark.parametrize("asked", [URL, "https://euw1-01.m.xscalerlabs.com/api/v1/push"])
def test_a_url_that_busybox_cannot_ask_is_listed_as_not_checked(asked: str, tmp_path: Path) -> None:
    unknown = "" if asked == URL else f"{URL} wget: bad address 'euw1-01.xscalerlabs.com'\n"
    errors = f"{unknown}{asked} wget: note: TLS certificate validation not implemented\n{asked} wget: TLS error\n"
    _, output = run(tmp_path, "prometheus", Counts(waiting=9), errors)
    assert f"  all: not checked: whether xScaler is at {asked}; busybox got no response (wget: TLS error)" in output
    assert output.count("not checked") == 1
    assert "answers at" not in output


def test_a_url_that_does_not_answer_in_time_is_listed_as_not_checked(tmp_path: Path) -> None:
    _, output = run(tmp_path, "prometheus", Counts(waiting=9), "")
    assert f"not checked: whether xScaler is at {URL}; busybox got no response (none within 5 s)" in output
    _, output = run(tmp_path / "accepted", "prometheus", Counts(sent=9), "")
    assert "not checked" not in output
