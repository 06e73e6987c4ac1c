"""The result of a local test as an HTML file with charts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.charts import page
from xscaler_istio.charts.page import Chart
from xscaler_istio.charts.plot import Named
from xscaler_istio.local import history, questions
from xscaler_istio.local.verdict import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from xscaler_istio.local.about import About
    from xscaler_istio.local.history import Asked, Moment
    from xscaler_istio.local.run import RunResult

_SHOWN_PODS = 40


def as_html(result: RunResult, about: About) -> str:
    """Return one HTML file."""
    count = len(result.problems)
    verdict = "All checks passed" if result.ok else f"{count} problem{'' if count == 1 else 's'} found"
    return page.page(
        "helm xscaler test --local",
        ok=result.ok,
        verdict=f"{verdict} after {result.seconds:.0f} s",
        parts=_parts(result, about),
    )


def _parts(result: RunResult, about: About) -> Iterator[str]:
    yield page.details(_details(about))
    yield page.facts(pair for part in result.parts for pair in _FACTS[part](result))
    if result.problems:
        cards = [
            page.card(page.paragraph(problem.what, "not"), page.paragraph(f"fix: {problem.fix}"))
            for problem in result.problems
        ]
        yield page.section("Problems", *cards)
    yield page.section(
        "What happened", page.charts([chart for part in result.parts for chart in _CHARTS[part](result)])
    )
    if result.answers:
        rows = [
            (answer.title, ", ".join(questions.said(answer, result.verdict)), answer.promql)
            for answer in result.answers
        ]
        yield page.section("What xScaler answers", page.table(rows, ("question", "answer", "PromQL"), "PromQL"))
    if about.changed:
        yield page.section("Values that differ from the defaults", page.table(about.changed, ("key", "value")))
    changes = [
        (".".join(map(str, change.path)), "removed" if change.local is None else str(change.local), change.reason)
        for change in result.overrides
    ]
    title = "Settings changed only to run outside a cluster"
    yield page.section(title, page.table(changes, ("setting", "here", "reason")))


def _details(about: About) -> Iterator[tuple[str, str]]:
    yield "date", f"{about.date:%Y-%m-%d %H:%M:%S} UTC"
    for program in about.programs:
        yield program.role, f"{program.name} {program.version}".strip()
    yield "chart", about.chart_version
    yield "plugin", about.plugin_version
    yield "values", ", ".join(about.values) or "the chart's defaults"


def _facts_of_scraping(result: RunResult) -> Iterator[tuple[str, str]]:
    verdict = result.verdict
    yield "targets found", f"{len(verdict.found)} of {len(verdict.expected)}"
    yield "scraped twice", str(len(verdict.duplicate))
    yield "required metrics", f"{len(verdict.required) - len(verdict.missing_metrics)} of {len(verdict.required)}"


def _facts_of_pushing(result: RunResult) -> Iterator[tuple[str, str]]:
    yield "samples accepted", str(result.account.accepted)
    if result.account.native:
        yield "native histograms among them", str(result.account.native)
    yield "samples rejected", str(sum(result.verdict.rejected_by_reason.values()))
    yield "samples in the largest request", str(result.account.largest_request)


def _facts_of_logs(result: RunResult) -> Iterator[tuple[str, str]]:
    if result.logs:
        count = result.logs.count
        yield "lines that arrived once", f"{count.once} of {count.written}"
        yield "lines lost", str(count.lost)
        yield "lines more than once", str(count.more)


def _charts_of_scraping(result: RunResult) -> Iterator[Chart]:
    shown = result.history
    found = _of_each(result, lambda moment: moment.targets)
    named = (dataclasses.replace(item, name=KINDS[item.name]) for item in found)
    yield Chart(title="Targets found, by kind", unit="short", series=tuple(named), window=shown.span, stacked=True)
    for asked in shown.asked:
        if asked.curve not in history.BARS:
            yield Chart(title=asked.curve.title, unit=asked.curve.unit, series=_lines(asked), window=shown.window)
        else:
            yield Chart(
                title=_limited(asked),
                unit=asked.curve.unit,
                series=_lines(asked)[:_SHOWN_PODS],
                thresholds=(("blue", 0.0),),
            )


def _limited(asked: Asked) -> str:
    more = len(asked.series) - _SHOWN_PODS
    return asked.curve.title + (f" (the largest {_SHOWN_PODS} of {len(asked.series)})" if more > 0 else "")


def _lines(asked: Asked) -> tuple[Named, ...]:
    named = [Named(asked.curve.name(series.labels), series.points) for series in asked.series]
    if asked.curve not in history.BARS:
        return tuple(sorted(named, key=lambda item: item.name))
    return tuple(sorted(named, key=lambda item: (-item.last, item.name)))


def _charts_of_pushing(result: RunResult) -> Iterator[Chart]:
    shown = result.history
    refused = _of_each(result, lambda moment: moment.refused)
    accepted = _over_time(result, "accepted", lambda moment: moment.accepted)
    yield Chart(
        title="Samples since the start",
        unit="short",
        series=(accepted,),
        window=shown.span,
        colors=(("accepted", "green"),),
    )
    none = _over_time(result, "rejected", lambda _: 0)
    title = "Samples rejected since the start, by reason"
    yield Chart(
        title=title, unit="short", series=refused or (none,), window=shown.span, colors=((".", "red"),), stacked=True
    )


def _charts_of_logs(result: RunResult) -> Iterator[Chart]:
    if result.logs:
        series = (
            _over_time(result, "written", lambda moment: moment.written),
            _over_time(result, "arrived", lambda moment: moment.arrived),
        )
        yield Chart(title="Log lines since the start", unit="short", series=series, window=result.history.span)


def _of_each(result: RunResult, counts: Callable[[Moment], Mapping[str, int]]) -> tuple[Named, ...]:
    """Return a line for each name that any moment counts."""
    moments = result.history.moments
    names = sorted({name for moment in moments for name in counts(moment)})
    return tuple(
        Named(name, tuple((moment.time, float(counts(moment).get(name, 0))) for moment in moments)) for name in names
    )


def _over_time(result: RunResult, name: str, value: Callable[[Moment], float]) -> Named:
    return Named(name, tuple((moment.time, float(value(moment))) for moment in result.history.moments))


_FACTS: Mapping[str, Callable[[RunResult], Iterator[tuple[str, str]]]] = {
    "scraping": _facts_of_scraping,
    "pushing": _facts_of_pushing,
    "logs": _facts_of_logs,
}
_CHARTS: Mapping[str, Callable[[RunResult], Iterator[Chart]]] = {
    "scraping": _charts_of_scraping,
    "pushing": _charts_of_pushing,
    "logs": _charts_of_logs,
}
