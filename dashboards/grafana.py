"""Reads a dashboard's JSON into what its queries and its picture need, and fills variables in as Grafana does."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A name, not a number: ${1} and $1 belong to label_replace.
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_LABEL_VALUES = re.compile(r"label_values\((.+),\s*(\w+)\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((.+)\)", re.DOTALL)
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# Characters that Grafana escapes in a value that goes into a regular expression within a PromQL string.
_SPECIAL = re.compile(r"[$^*{}\[\]'+?.()|\\]")


@dataclasses.dataclass(frozen=True)
class GridPos:
    """A place on the grid of 24 columns: width, height and the upper left corner."""

    h: int
    w: int
    x: int
    y: int


@dataclasses.dataclass(frozen=True)
class Target:
    """One query; `instant` when it asks for one moment."""

    ref: str
    expr: str
    legend: str
    instant: bool

    def name(self, labels: Mapping[str, str]) -> str:
        """Return what the legend calls a series with these labels."""
        return _LEGEND.sub(lambda found: labels.get(found[1], ""), self.legend)


@dataclasses.dataclass(frozen=True)
class Column:
    """A table's column: the field that it shows, its title and its unit."""

    field: str
    title: str
    unit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    `thresholds` are colours with the value from which each holds, `colors` regular expressions for names of series with
    the colour of those that match; `columns` are a table's. `calculation` is what a stat panel shows of a series.
    `links` are URLs of what a row or bar opens; `limits` is the query whose labels replace the thresholds, if any.
    """

    id: int
    type: str
    title: str
    description: str
    place: GridPos
    datasource: str
    targets: tuple[Target, ...]
    unit: str
    thresholds: tuple[tuple[str, float], ...]
    stacked: bool
    colors: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    sort: tuple[str, bool]
    calculation: str = "lastNotNull"
    links: tuple[str, ...] = ()
    limits: str = ""

    @property
    def values(self) -> tuple[Column, ...]:
        """The columns that are not labels."""
        return tuple(column for column in self.columns if column.field.startswith("Value"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable.

    `asks` is how a query variable gets its choices: `label_values` of (selector, label), or `query_result` of
    (expression, ""). A custom variable has its choices as `options`, title and value, the first of which is chosen.
    A text box has its text as `default`.
    """

    name: str
    label: str
    type: str
    datasource: str
    asks: str
    of: tuple[str, str]
    regex: str
    options: tuple[tuple[str, str], ...]
    default: str = ""

    @property
    def is_query(self) -> bool:
        """The data source knows its choices."""
        return self.type == "query"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard, with all that it asks for."""

    uid: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]


def read(file: Path) -> Dashboard:
    """Read a file as Grafana imports it. Raises ValueError and KeyError where it is not such a file."""
    tree = json.loads(file.read_text(encoding="utf-8"))
    return Dashboard(
        uid=tree["uid"],
        title=tree["title"],
        description=tree["description"],
        panels=tuple(_panel(item) for item in tree["panels"]),
        variables=tuple(_variable(item) for item in tree["templating"]["list"]),
    )


def _panel(item: dict[str, Any]) -> Panel:
    defaults = item.get("fieldConfig", {}).get("defaults", {})
    steps = defaults.get("thresholds", {}).get("steps", [])
    options = item.get("options", {})
    order = (options.get("sortBy") or [{"displayName": "", "desc": True}])[0]
    replaced = {step["options"]["configRefId"] for step in _steps(item, "configFromData")}
    targets = [target for target in item["targets"] if target["refId"] not in replaced]
    return Panel(
        id=item["id"],
        type=item["type"],
        title=item["title"],
        description=item.get("description", ""),
        place=GridPos(**item["gridPos"]),
        datasource=item["datasource"]["type"],
        targets=tuple(_target(target) for target in targets),
        unit=defaults.get("unit", ""),
        thresholds=tuple((step["color"], float("-inf") if step["value"] is None else step["value"]) for step in steps),
        stacked="stacking" in defaults.get("custom", {}),
        colors=tuple(_of_matcher(item, "byRegexp", "color")),
        columns=_columns(item),
        sort=(order["displayName"], order["desc"]),
        calculation=options.get("reduceOptions", {}).get("calcs", ["lastNotNull"])[0],
        links=tuple(link["url"] for link in defaults.get("links", [])),
        limits="".join(target["expr"] for target in item["targets"] if target["refId"] in replaced),
    )


def _steps(item: dict[str, Any], transformation: str) -> list[dict[str, Any]]:
    return [step for step in item.get("transformations", []) if step["id"] == transformation]


def _target(item: dict[str, Any]) -> Target:
    instant = item.get("instant", item.get("queryType") == "instant")
    return Target(item["refId"], item["expr"], item.get("legendFormat", ""), instant)


def _columns(item: dict[str, Any]) -> tuple[Column, ...]:
    steps = [step["options"] for step in _steps(item, "organize")]
    units = dict(_of_matcher(item, "byName", "unit"))
    return tuple(
        Column(field, title, units.get(title, "")) for step in steps for field, title in step["renameByName"].items()
    )


def _of_matcher(item: dict[str, Any], matcher: str, what: str) -> Iterator[tuple[str, str]]:
    for each in item.get("fieldConfig", {}).get("overrides", []):
        if each["matcher"]["id"] == matcher:
            (value,) = (one["value"] for one in each["properties"] if one["id"] == what)
            yield each["matcher"]["options"].strip("/"), value if isinstance(value, str) else value["fixedColor"]


def _variable(item: dict[str, Any]) -> Variable:
    query = item["query"] if item["type"] == "query" else {}
    asks, of = _asks(query) if query else ("", ("", ""))
    options = tuple((option["text"], option["value"]) for option in item.get("options", []))
    datasource = item["query"] if item["type"] == "datasource" else item.get("datasource", {}).get("type", "")
    return Variable(
        name=item["name"],
        label=item["label"],
        type=item["type"],
        datasource=datasource,
        asks=asks,
        of=of,
        regex=item.get("regex", ""),
        options=options,
        default=item["query"] if item["type"] == "textbox" else "",
    )


def _asks(query: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    if "stream" in query:
        return "label_values", (query["stream"], query["label"])
    if found := _LABEL_VALUES.fullmatch(query["query"]):
        return "label_values", (found[1], found[2])
    if found := _QUERY_RESULT.fullmatch(query["query"]):
        return "query_result", (found[1], "")
    raise ValueError(f"not a variable's query: {query}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables. Raises KeyError for a variable that has none."""
    return _REFERENCE.sub(lambda found: values[found[1] or found[2]], text)


def alternatives(choices: tuple[str, ...]) -> str:
    """Return chosen values as the regular expression that Grafana makes of them, within a string."""
    escaped = [_SPECIAL.sub(lambda found: f"\\\\{found[0]}", choice) for choice in choices]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
