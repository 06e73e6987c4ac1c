"""Asks what the chart's dashboards ask: the choices of their variables first, then every panel with them filled in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dashboards import grafana
from dashboards.draw import Answers
from tests.support.paths import CHART
from xscaler_istio.wire.answers import ValuesOverTime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dashboards.grafana import Dashboard, Panel, Target, Variable
    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.wire.answers import Sample, Window

Choices = dict[str, tuple[str, ...]]
FILES: Mapping[str, Path] = {file.stem: file for file in sorted(CHART.glob("files/dashboards/*.json"))}


def dashboard(name: str) -> Dashboard:
    return grafana.read(FILES[name])


def of(datasource: str) -> list[str]:
    """Return the names of the dashboards that ask this kind of data source."""
    return [name for name in FILES if dashboard(name).panels[0].datasource == datasource]


async def choices(xscaler: XScaler, asked: Dashboard, window: Window, fixed: Mapping[str, tuple[str, ...]]) -> Choices:
    """Return what each variable has to choose from, in order: a query may use those before it. `fixed` are chosen."""
    found: Choices = {}
    for variable in asked.variables:
        if variable.is_query:
            values = filled_in(asked, found, window)
            found[variable.name] = fixed.get(variable.name) or await _asked(xscaler, variable, values, window)
        elif variable.type == "custom":
            found[variable.name] = fixed.get(variable.name) or (variable.options[0][1],)
        elif variable.name in fixed:
            found[variable.name] = fixed[variable.name]
    return found


async def _asked(xscaler: XScaler, variable: Variable, values: Mapping[str, str], window: Window) -> tuple[str, ...]:
    first, label = variable.of
    question = grafana.filled(first, values)
    if variable.datasource == "loki":
        return await xscaler.logs.label_values(label, question, window)
    if variable.asks == "label_values":
        return await xscaler.label_values(label, question)
    lines = [_line(sample) for sample in await xscaler.query(question, at=window.end)]
    matches = [re.search(variable.regex.strip("/"), line) for line in lines]
    return tuple(sorted({match[1] for match in matches if match}))


def _line(sample: Sample) -> str:
    """Write a sample as Grafana does before it applies a variable's regular expression."""
    pairs = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return f"{{{pairs}}} {sample.value}"


def filled_in(asked: Dashboard, chosen: Choices, window: Window) -> dict[str, str]:
    """Return the text that stands for each variable, Grafana's own included."""
    by_name = {variable.name: variable for variable in asked.variables}
    texts = {
        name: grafana.alternatives(values) if by_name[name].is_query else values[0]
        for name, values in chosen.items()
        if values
    }
    typed = {variable.name: variable.default for variable in asked.variables if variable.type == "textbox"}
    # Four scrapes, as Grafana has it for its shortest steps.
    recent = f"{4 * window.step:g}s"
    own = {"__rate_interval": recent, "__auto": recent, "__range": f"{window.end - window.start:g}s"}
    return typed | texts | own


async def answers(xscaler: XScaler, asked: Dashboard, window: Window, chosen: Choices) -> dict[int, Answers]:
    """Return what every panel gets, by its id."""
    values = filled_in(asked, chosen, window)
    return {panel.id: await _panel(xscaler, panel, values, window) for panel in asked.panels}


async def _panel(xscaler: XScaler, panel: Panel, values: Mapping[str, str], window: Window) -> Answers:
    if panel.type == "logs":
        (target,) = panel.targets
        return Answers(lines=await xscaler.logs.lines(grafana.filled(target.expr, values), window))
    return Answers(tuple([await _target(xscaler, panel, target, values, window) for target in panel.targets]))


async def _target(
    xscaler: XScaler, panel: Panel, target: Target, values: Mapping[str, str], window: Window
) -> tuple[ValuesOverTime, ...]:
    backend = xscaler.logs if panel.datasource == "loki" else xscaler
    question = grafana.filled(target.expr, values)
    if not target.instant:
        return await backend.query_range(question, window)
    found = await backend.query(question, at=window.end)
    return tuple(ValuesOverTime(sample.labels, ((window.end, sample.value),)) for sample in found)
