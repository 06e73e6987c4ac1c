"""`helm test` for logs: the script's verdict, with the fix, by what an agent counts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.support.helm_tests import ADDRESS, verdict
from tests.support.paths import ci
from tests.support.rendering import template

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://euw1-01.l.xscalerlabs.com/api/v1/logs/push"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counts:
    """What an agent counts: files, and lines or requests by their outcome; and the statuses of all answers."""

    files: int = 1
    sent: int = 0
    refused: int = 0
    retries: int = 0
    statuses: tuple[int, ...] = ()

    def response(self) -> str:
        """Return it as the agent's /metrics."""
        labels = 'host="x",tenant="acme"'
        answers = (
            f'loki_write_request_duration_seconds_count{{host="x",status_code="{status}",tenant="acme"}} 1'
            for status in self.statuses
        )
        return "\n".join(
            [
                f'loki_source_file_files_active_total{{component_id="loki.source.file.pods"}} {self.files}',
                f"loki_write_sent_entries_total{{{labels}}} {self.sent}",
                f'loki_write_dropped_entries_total{{{labels},reason="ingester_error"}} {self.refused}',
                f'loki_write_dropped_entries_total{{{labels},reason="rate_limited"}} 0',
                f"loki_write_batch_retries_total{{{labels}}} {self.retries}",
                *answers,
                "",
            ]
        )


NEWER = "https://euw1-01.l.xscalerlabs.com/api/v1/push"


def run(folder: Path, counts: Counts, errors: str = "") -> tuple[int, str]:
    words = ("--set", "logs.enabled=true", "--set", "metrics.collector=none")
    rendered = template("helm4", "--values", str(ci("default")), *words)
    return verdict(rendered, "logs", folder, {"ready": "ready", "metrics": counts.response(), "errors": errors})


def test_accepted_lines_pass(tmp_path: Path) -> None:
    code, output = run(tmp_path, Counts(files=3, sent=1200, statuses=(204,)))
    assert code == 0
    assert output.endswith(f"  {ADDRESS}: 3 files; xScaler accepted 1200 lines and rejected 0; 0 retries\nPASSED\n")


@pytest.mark.parametrize(
    ("counts", "problem", "fix"),
    [
        (Counts(refused=7, statuses=(401,)), "has accepted no line and rejected 7 permanently", "grep 'final error'"),
        (
            Counts(refused=7, statuses=(302,)),
            "has accepted no line and rejected 7 permanently",
            f"a redirect (302) answers pushes to {URL}, and the agent follows none:\n      set xscaler.logs.url",
        ),
        (Counts(refused=7, sent=5, statuses=(204, 308)), "rejected 7 lines earlier", "a redirect (308) answers pushes"),
        (
            Counts(retries=3),
            "has accepted no line yet, and the agent retries its requests",
            f"check that {URL} is right",
        ),
        (Counts(), "no line was read yet", "istio.telemetry.accessLogging.enabled"),
        (Counts(files=0), "no log file is read", "that namespaces and logs.namespaces include them"),
    ],
)
def test_what_is_wrong_has_its_fix(counts: Counts, problem: str, fix: str, tmp_path: Path) -> None:
    code, output = run(tmp_path, counts)
    assert code == 1
    head, _, failure = output.partition("FAILED\n")
    assert head.startswith("checking the pods of t-xscaler-istio-logs in telemetry")
    message, _, advice = failure.partition("\n    fix: ")
    assert problem in message
    assert fix in advice
    # Other answers than redirects do not get the advice for redirects.
    assert ("redirect" in advice) == any(300 <= status < 400 for status in counts.statuses)


def answered(*words: str) -> str:
    """Return what busybox' wget prints for the chart's URL and for the newer one."""
    return "".join(f"{url} wget: {word}\n" for url, word in zip((URL, NEWER), words, strict=True))


_404, _401 = (f"server returned error: HTTP/1.1 {status}" for status in ("404 Not Found", "401 Unauthorized"))


@pytest.mark.parametrize(("word", "said"), [(_404, "404"), ("bad address 'euw1-01.l.xscalerlabs.com'", "no such host")])
@pytest.mark.parametrize("counts", [Counts(), Counts(refused=7, statuses=(404,))], ids=["quiet", "rejected"])
def test_the_url_that_answers_is_named(counts: Counts, word: str, said: str, tmp_path: Path) -> None:
    code, output = run(tmp_path, counts, answered(word, _401))
    assert code == 1
    assert f"  all: xScaler has nothing at {URL} ({said}), but answers at {NEWER}\n" in output
    assert f"    fix: set xscaler.logs.url: {NEWER}\n" in output


@pytest.mark.parametrize(
    ("counts", "errors"),
    [
        (Counts(files=3, sent=1200), answered(_404, _401)),
        (Counts(), answered(_401, _404)),
        (Counts(), answered(_404, _404)),
        (Counts(), answered("can't connect to remote host (1.2.3.4): Connection refused", _401)),
    ],
    ids=["accepted", "here", "neither", "unknown"],
)
def test_a_url_is_blamed_only_where_another_answers(counts: Counts, errors: str, tmp_path: Path) -> None:
    assert "xScaler has nothing at" not in run(tmp_path, counts, errors)[1]
