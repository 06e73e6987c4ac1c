"""The two data sources that dashboards ask, and how each of them is asked."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import loki, prometheus
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.variants import Dataquery


class Shape(enum.Enum):
    """What a query returns: values over time, the last value of each series, or those in a table."""

    OVER_TIME = enum.auto()
    LAST = enum.auto()
    TABLE = enum.auto()


@dataclasses.dataclass(frozen=True)
class Query:
    """One query, and what the legend calls each of its series."""

    expr: str
    legend: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Datasource:
    """A variable that holds a data source.

    `last_is_a_table`: the plugin returns last values as one table with a row for each series, whatever is asked for.
    """

    name: str
    label: str
    plugin: str
    target: Callable[[str, Query, Shape], Builder[Dataquery]]
    last_is_a_table: bool

    @property
    def reference(self) -> DataSourceRef:
        """What panels and variables refer to it by."""
        return DataSourceRef(type_val=self.plugin, uid=f"${{{self.name}}}")


def _promql(ref: str, query: Query, shape: Shape) -> prometheus.Dataquery:
    built = prometheus.Dataquery()
    built.ref_id(ref).expr(query.expr)
    if query.legend:
        built.legend_format(query.legend)
    if shape is Shape.OVER_TIME:
        built.range()
    else:
        built.instant()
    if shape is Shape.TABLE:
        built.format(PromQueryFormat.TABLE)
    return built


def _logql(ref: str, query: Query, shape: Shape) -> loki.Dataquery:
    built = loki.Dataquery()
    built.ref_id(ref).expr(query.expr).query_type("range" if shape is Shape.OVER_TIME else "instant")
    if query.legend:
        built.legend_format(query.legend)
    return built


METRICS = Datasource(name="datasource", label="Metrics", plugin="prometheus", target=_promql, last_is_a_table=False)
LOGS = Datasource(name="loki", label="Logs", plugin="loki", target=_logql, last_is_a_table=True)
