"""A dashboard: its variables, and its panels in rows."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from dashboards.datasources import METRICS
from dashboards.panels import TAG

COLUMNS = 24

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

    from dashboards.datasources import Datasource
    from dashboards.panels import Panel
    from dashboards.variables import Variable


def row(height: int, *panels: Panel, widths: tuple[int, ...] = ()) -> tuple[Panel, ...]:
    """Return panels of one height side by side; without widths, in columns of Grafana's grid, they share the row."""
    share, more = divmod(COLUMNS, len(panels))
    equal = tuple(share + (place < more) for place in range(len(panels)))
    return tuple(panel.height(height).span(width) for panel, width in zip(panels, widths or equal, strict=True))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard, which asks one data source."""

    name: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[tuple[Panel, ...], ...]
    source: Datasource = METRICS

    def built(self) -> Dashboard:
        """Return the dashboard as Grafana takes it."""
        made = dashboard.Dashboard(self.title)
        made.uid(f"{TAG}-{self.name}").description(self.description).tags([TAG])
        made.time("now-1h", "now").refresh("30s").tooltip(DashboardCursorSync.CROSSHAIR)
        made.link(_to_the_others())
        source = dashboard.DatasourceVariable(self.source.name)
        made.with_variable(source.label(self.source.label).type(self.source.plugin))
        for variable in self.variables:
            made.with_variable(variable.built(self.source))
        for number, panel in enumerate(itertools.chain.from_iterable(self.rows), 1):
            made.with_panel(panel.id(number))
        return made.build()


def _to_the_others() -> dashboard.DashboardLink:
    built = dashboard.DashboardLink("Istio")
    built.type(DashboardLinkType.DASHBOARDS).tags([TAG]).icon("external link").as_dropdown(as_dropdown=True)
    built.include_vars(include_vars=True).keep_time(keep_time=True)
    # The default is a menu; without a place it stands above the panels.
    built.build().placement = None
    return built
