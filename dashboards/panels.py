"""Panels as these dashboards have them, one function a kind, made with Grafana's own builders."""

from __future__ import annotations

import dataclasses
import enum
import string
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import bargauge, common, dashboard, logs, stat, table, timeseries
from grafana_foundation_sdk.models import common as names
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)

from dashboards import variables
from dashboards.datasources import METRICS, Query, Shape
from dashboards.variables import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import DashboardLink

    from dashboards.datasources import Datasource

TAG = "xscaler-istio"
Panel = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel | logs.Panel
# The colours of series that are named after response codes.
BY_STATUS = {"^2": "green", "^3": "blue", "^4": "orange", "^5": "red"}
# Thresholds that need no variable: one of what should not be there, more than nothing a second, all of it.
ONE, ANY, ALL = 1.0, 1e-6, 1.0
_THRESHOLDS = "thresholds"


class Over(enum.Enum):
    """Which value of the time range a stat panel shows: the function's name in Grafana, and the words for readers."""

    MEAN = "mean", "Mean over the time range."
    HIGHEST = "max", "Highest value in the time range."
    LOWEST = "min", "Lowest value in the time range."


@dataclasses.dataclass(frozen=True)
class Levels:
    """Colours: the first, and the others with the value from which each holds."""

    first: str
    rest: tuple[tuple[str, Choice | float], ...] = ()


NEUTRAL = Levels("blue")
ERRORS = Levels("green", (("orange", variables.ERRORS_WARNING), ("red", variables.ERRORS_CRITICAL)))
MUTUAL_TLS = Levels("red", (("orange", variables.TLS_CRITICAL), ("green", ALL)))


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of values."""

    title: str
    expr: str
    unit: str = "short"


@dataclasses.dataclass(frozen=True)
class Opens:
    """Which dashboard a row or bar opens, the variables that it sets there by labels, and those that it keeps."""

    board: str
    title: str
    sets: Mapping[str, str]
    keeps: tuple[str, ...] = ()

    def link(self, labels: str) -> Builder[DashboardLink]:
        """Return the link; `labels` is what Grafana calls the labels of that which was clicked."""
        kept = [f"${{{name}:queryparam}}" for name in (METRICS.name, *self.keeps)]
        given = [f"var-{name}=${{{labels}.{label}}}" for name, label in self.sets.items()]
        built = dashboard.DashboardLink(self.title)
        built.url(f"/d/{TAG}-{self.board}?{'&'.join([*kept, *given, '${__url_time_range}'])}")
        return built


def number(
    title: str,
    description: str,
    expr: str,
    over: Over,
    *,
    unit: str = "short",
    levels: Levels = NEUTRAL,
    source: Datasource = METRICS,
) -> stat.Panel:
    """Return one number of the whole time range, above its course."""
    calculation, says = over.value
    built = stat.Panel()
    built.title(title).description(f"{description} {says}").unit(unit).datasource(source.reference)
    built.reduce_options(common.ReduceDataOptions().calcs([calculation]))
    built.with_target(source.target("A", Query(expr), Shape.OVER_TIME))
    _coloured(built, levels, source)
    return built


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    stacked: bool = False,
    colors: Mapping[str, str] | None = None,
    source: Datasource = METRICS,
) -> timeseries.Panel:
    """Return values over time; `colors` are shades for series whose name matches a regular expression."""
    built = timeseries.Panel()
    built.title(title).description(description).unit(unit).min(0).datasource(source.reference)
    built.show_points(names.VisibilityMode.NEVER)
    built.tooltip(common.VizTooltipOptions().mode(names.TooltipDisplayMode.MULTI).sort(names.SortOrder.DESCENDING))
    legend = common.VizLegendOptions().show_legend(show_legend=True)
    built.legend(legend.display_mode(names.LegendDisplayMode.LIST).placement(names.LegendPlacement.BOTTOM))
    if stacked:
        built.fill_opacity(40).stacking(common.StackingConfig().mode(names.StackingMode.NORMAL))
    for name, color in (colors or {}).items():
        shades = DynamicConfigValue("color", {"mode": "shades", "fixedColor": color})
        built.override_by_regexp(f"/{name}/", [shades])
    for letter, query in zip(string.ascii_uppercase, queries, strict=False):
        built.with_target(source.target(letter, query, Shape.OVER_TIME))
    return built


def bars(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    levels: Levels = NEUTRAL,
    opens: Opens | None = None,
    source: Datasource = METRICS,
) -> bargauge.Panel:
    """Return a bar for each series of the whole time range."""
    built = bargauge.Panel()
    built.title(title).description(description).unit(unit).min(0).datasource(source.reference)
    built.orientation(names.VizOrientation.HORIZONTAL).display_mode(names.BarGaugeDisplayMode.BASIC)
    built.reduce_options(common.ReduceDataOptions().values(source.last_is_a_table).calcs(["lastNotNull"]))
    built.with_target(source.target("A", query, Shape.LAST))
    if opens:
        built.data_links([opens.link("__field.labels")])
    _coloured(built, levels, source)
    return built


def rows(
    title: str,
    description: str,
    labels: Mapping[str, str],
    *columns: Column,
    sort: str,
    descending: bool = True,
    opens: Opens,
) -> table.Panel:
    """Return a row for each set of `labels`, which the columns' titles stand beside."""
    built = table.Panel()
    built.title(title).description(description).datasource(METRICS.reference)
    for letter, column in zip(string.ascii_uppercase, columns, strict=False):
        built.with_target(METRICS.target(letter, Query(column.expr), Shape.TABLE))
        built.override_by_name(column.title, [DynamicConfigValue("unit", column.unit)])
    # Grafana names the column of a value after its query, unless there is only one query.
    values = [f"Value #{letter}" for letter in string.ascii_uppercase] if len(columns) > 1 else ["Value"]
    titles = {**labels, **{value: column.title for value, column in zip(values, columns, strict=False)}}
    arranged = {
        "excludeByName": {"Time": True},
        "indexByName": {name: place for place, name in enumerate(titles)},
        "renameByName": titles,
    }
    built.with_transformation(DataTransformerConfig("merge", options={}))
    built.with_transformation(DataTransformerConfig("organize", options=arranged))
    built.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    built.data_links([opens.link("__data.fields")])
    return built


def log_lines(title: str, description: str, expr: str, *, source: Datasource) -> logs.Panel:
    """Return log lines, the newest first."""
    built = logs.Panel()
    built.title(title).description(description).datasource(source.reference)
    built.show_time(show_time=True).sort_order(names.LogsSortOrder.DESCENDING)
    built.with_target(source.target("A", Query(expr), Shape.OVER_TIME))
    return built


def _coloured(built: stat.Panel | bargauge.Panel, levels: Levels, source: Datasource) -> None:
    """Give a panel its thresholds.

    Grafana reads no variable in a threshold. A query that returns the variables' values as labels, which a
    transformation makes thresholds of, takes their place; the defaults hold until it has an answer.
    """
    numbers = [(color, float(limit.default) if isinstance(limit, Choice) else limit) for color, limit in levels.rest]
    steps = [Threshold(color=levels.first), *(Threshold(value=value, color=color) for color, value in numbers)]
    built.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    if not any(isinstance(limit, Choice) for _, limit in levels.rest):
        return
    colors = [levels.first, *(color for color, _ in levels.rest)]
    expr = "vector(0)"
    for step, limit in enumerate(["-Infinity", *(limit for _, limit in levels.rest)]):
        expr = f'label_replace({expr}, "step_{step}", "{limit}", "", "")'
    built.with_target(source.target(_THRESHOLDS, Query(expr), Shape.TABLE))
    mappings = [
        {"fieldName": f"step_{step}", "handlerKey": "threshold1", "handlerArguments": {"threshold": {"color": color}}}
        for step, color in enumerate(colors)
    ]
    options = {"configRefId": _THRESHOLDS, "mappings": mappings}
    built.with_transformation(DataTransformerConfig("configFromData", options=options))
