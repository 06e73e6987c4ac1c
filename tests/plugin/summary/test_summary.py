"""The summary of a release: the same for all collectors, true of every values file of ours, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CHART, CI_FILES, EXAMPLE
from tests.support.rendering import template
from tests.support.thinned import thinned
from xscaler_istio.mesh import topology
from xscaler_istio.mesh.model import Kind
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary import overview, summarize
from xscaler_istio.summary import text as writer
from xscaler_istio.summary.metrics import DROPPED, KEPT, SeriesFacts, series_facts
from xscaler_istio.summary.text import text
from xscaler_istio.system.terminal import Terminal
from xscaler_istio.values import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xscaler_istio.summary.model import Section

_OTHERS = "every fifth values file is read, with each collector"
SETTINGS = settings.parse_any_version({"xscaler": {"limits": {"labelsPerSeries": 30}}})


def sections(*arguments: str) -> dict[str, Section]:
    release = Release.of(template("helm4", *arguments))
    return {section.title: section for section in summarize(release, series_facts(CHART, SETTINGS)).sections}


def facts(found: dict[str, Section]) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Yield what is said of the mesh's jobs: job and fact with the fact's values."""
    for job in found["jobs"].subjects:
        for fact in job.facts if job.name != "self" else ():
            yield (job.name, fact.name), fact.values


@pytest.mark.parametrize("collector", ["alloy", "opentelemetry"])
@pytest.mark.parametrize("file", thinned([EXAMPLE, *CI_FILES], _OTHERS, name=lambda file: file.name))
def test_jobs_and_destination_are_the_same_for_all_collectors(file: Path, collector: str) -> None:
    flags = ("-f", str(file), "--set", "prometheus.persistence.enabled=false,alloy.persistence.enabled=false")
    first = sections(*flags, "--set", "metrics.collector=prometheus")
    second = sections(*flags, "--set", f"metrics.collector={collector}")
    for title in ("labels of a series", "endpoints", "permissions"):
        assert first[title] == second[title]
    # Each collector's own page is on a port of its own.
    ours, theirs = (dict(facts(found)) for found in (first, second))
    if collector == "opentelemetry":
        # Its exporter writes numbers plainly; rules of the values may need them before. It makes native histograms
        # after the rules, which therefore see other names.
        others = {"numbers", *(("keep expressions", "buckets kept") if "histograms:" in file.read_text() else ())}
        ours, theirs = (
            {(job, fact): values for (job, fact), values in found.items() if fact not in others}
            for found in (ours, theirs)
        )
    assert ours == theirs
    assert ours


@pytest.mark.parametrize("file", thinned(CI_FILES, _OTHERS, name=lambda file: file.name))
def test_no_rule_of_the_chart_is_left_unsaid(file: Path) -> None:
    # What the values themselves add is shown as it is written.
    own = "extraMetricRelabelConfigs" in file.read_text()
    facts = {fact.name for subject in sections("-f", str(file))["jobs"].subjects for fact in subject.facts}
    assert ("further rules" in facts) == own


def test_label_counts_are_those_of_the_contract() -> None:
    counted = {subject.name: {fact.name: fact.values[0] for fact in subject.facts}
               for subject in sections("-f", str(EXAMPLE))["labels of a series"].subjects}  # fmt: skip
    assert counted["proxies"]["istio_request_duration_milliseconds_bucket"] == "28 of 30 labels"
    assert counted["ztunnel"]["istio_tcp_connections_opened_total"] == "30 of 30 labels"


def test_every_family_of_the_sample_is_kept_or_dropped() -> None:
    jobs = {subject.name: {fact.name: fact.values for fact in subject.facts}
            for subject in sections("-f", str(EXAMPLE))["jobs"].subjects}  # fmt: skip
    assert "istio_request_bytes (6 of 20 buckets)" in jobs["proxies"][KEPT]
    assert "istio_request_duration_milliseconds" in jobs["proxies"][KEPT]
    assert "process_cpu_seconds_total" in jobs["proxies"][DROPPED]
    assert "process_cpu_seconds_total" in jobs["istiod"][KEPT]
    full = {subject.name: {fact.name for fact in subject.facts}
            for subject in sections("-f", str(EXAMPLE), "--set", "metrics.profile=full")["jobs"].subjects}  # fmt: skip
    assert DROPPED not in full["istiod"]


def test_the_sample_has_pages_for_every_job_of_istio() -> None:
    kinds = {workload.kind for workload in topology.small()}
    assert kinds == set(Kind)


def test_no_token_is_said() -> None:
    flags = ("-f", str(EXAMPLE), "--set", "xscaler.auth.token=s3cr3t,xscaler.auth.existingSecret.name=")
    release = Release.of(template("helm4", *flags))
    assert any("s3cr3t" in str(item.document) for item in release.manifests)
    assert "s3cr3t" not in text(summarize(release, SeriesFacts({}, 0)), Terminal())


@pytest.mark.parametrize("width", [1, 20, 60, 100, 400])
def test_lines_fit_the_terminal_but_for_long_words(width: int) -> None:
    release = Release.of(template("helm4", "-f", str(EXAMPLE)))
    summary = summarize(release, SeriesFacts({}, 0))
    lines = text(summary, Terminal(width=width)).splitlines()
    longest_word = max(len(word) for line in lines for word in line.split())
    assert max(map(len, lines)) <= max(width, 10 + max(20, longest_word), longest_word + 24)
    assert " ".join(" ".join(lines).split()).count("istio-proxy") == 2


def test_colours_are_for_terminals() -> None:
    release = Release.of(template("helm4", "-f", str(EXAMPLE)))
    summary = summarize(release, SeriesFacts({}, 0))
    assert "\x1b" not in text(summary, Terminal())
    assert text(summary, Terminal(colour=True)).startswith("\x1b[1mendpoints\x1b[0m\n")


@pytest.mark.parametrize("file", thinned([EXAMPLE, *CI_FILES], _OTHERS, name=lambda file: file.name))
def test_the_overview_fits_a_screen_and_begins_with_the_destination(file: Path) -> None:
    release = Release.of(template("helm4", "-f", str(file)))
    lines = writer.overview(overview(release, "dashboards"), Terminal(width=100)).splitlines()
    assert lines[0] == "destination"
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    said = " ".join(" ".join(lines).split())
    assert all(to.url in said for to in release.destinations.values())
    assert (
        all(f" {job.name} every {job.interval} " in said for job in release.scraping[0].jobs) if release.jobs else True
    )
    assert lines[-1].startswith("`helm xscaler render --explain --all` ")


@pytest.mark.parametrize("file", thinned([EXAMPLE, *CI_FILES], _OTHERS, name=lambda file: file.name))
def test_all_has_every_fact_and_begins_with_the_destination(file: Path) -> None:
    summary = summarize(Release.of(template("helm4", "-f", str(file))), series_facts(CHART, SETTINGS))
    assert summary.sections[0].title == "endpoints"
    said = "".join(text(summary, Terminal()).split())
    for subject in (subject for section in summary.sections for subject in section.subjects):
        for value in (subject.name, *(value for fact in subject.facts for value in (fact.name, *fact.values))):
            assert "".join(value.split()) in said


@pytest.mark.parametrize(("key", "said"), [("include", "team-0, team-1,"), ("exclude", "not team-0, not team-1,")])
def test_more_namespaces_than_a_line_holds_are_counted(key: str, said: str) -> None:
    many = ",".join(f"team-{number}" for number in range(400))
    release = Release.of(template("helm4", "-f", str(EXAMPLE), "--set", f"metrics.namespaces.{key}={{{many}}}"))
    lines = writer.overview(overview(release, "dashboards"), Terminal()).splitlines()
    assert len(lines) <= 45
    [row] = [line for line in lines if line.startswith("  namespaces ")]
    assert said in row
    assert "and 388 more" in " ".join(" ".join(lines).split())
