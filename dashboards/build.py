"""Build chart/files/dashboards/*.json, as Grafana reads them, from the compact files in sources/.

A source has `title`, `description`, `variables` (names in variables.yaml), `fragments` (pieces of queries, which
`<name>` stands for), `counters` (fragments for every collector, in which `<counter>` stands for what chart/files/self
has under the fragment's name) and `rows`. A row has a height and panels, left to right, in units of Grafana's grid of
24 columns; panels without a `width` share what the others leave. A panel has

    title, type           type is a name in KINDS
    description, unit     unit is one of Grafana's; of a table's column, it stands beside its query
    thresholds            colours and the value from which each holds, null for the first
    stack                 time series on top of each other
    colors                of time series: the colour, in shades, of those whose name matches a regular expression
    labels                of a table: the labels that rows are told apart by, and the columns' titles
    sort, ascending       of a table: the column that orders the rows
    queries               expr, and legend (or, of a table, column)

Identifiers, places, data sources and what depends on the type alone are filled in here.

    python -m dashboards.build           write the dashboards
    python -m dashboards.build --check   exit 1 when a committed one is stale
"""

from __future__ import annotations

import json
import re
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).resolve().parent
CHART = HERE.parent / "chart"
TARGET = CHART / "files/dashboards"
COLUMNS = 24
LINE_LENGTH = 120
TAG = "xscaler-istio"
# That of Grafana's types in tools/grafana-schema.
SCHEMA_VERSION = 42

# A piece of YAML or JSON: arbitrary by nature.
Piece = dict[str, Any]

# To the other dashboards, with time and variables.
_LINK: Piece = {
    "type": "dashboards",
    "tags": [TAG],
    "title": "Istio",
    "tooltip": "",
    "icon": "external link",
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
}
_FRAGMENT = re.compile(r"<(\w+)>")
_ROOT_KEYS = {"title", "description", "variables", "fragments", "counters", "rows"}
_PANEL_KEYS = {
    *(
        "title",
        "type",
        "width",
        "description",
        "unit",
        "thresholds",
        "stack",
        "colors",
        "labels",
        "sort",
        "ascending",
        "queries",
    ),
}
_QUERY_KEYS = {"expr", "legend", "column", "unit"}


class BuildError(Exception):
    """A source says what cannot be built."""


def build(source: Piece, name: str, variables: Piece) -> Piece:
    """Return the dashboard of a source. Raises BuildError for unknown keys, names and impossible widths."""
    _known(source, _ROOT_KEYS, name)
    fragments = source.get("fragments", {}) | _of_each_collector(source.get("counters", {}))
    chosen = [_variable(key, variables) for key in source["variables"]]
    datasource = next(item for item in chosen if item["type"] == "datasource")
    reference = {"type": datasource["query"], "uid": f"${{{datasource['name']}}}"}
    return {
        "uid": f"{TAG}-{name}",
        "title": source["title"],
        "description": source["description"],
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [_LINK],
        "annotations": {"list": []},
        "templating": {"list": [_with_source(item, reference) for item in chosen]},
        "panels": [
            _panel(panel, number, place, reference, fragments)
            for number, (panel, place) in enumerate(_placed(source["rows"], name), 1)
        ],
    }


def _of_each_collector(terms: Mapping[str, str]) -> dict[str, str]:
    """Return fragments that say the same of each collector's counter: a series is of the one that runs."""
    entries = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(CHART.glob("files/self/*.yaml"))}
    counters = [entries[entry.get("sameAs", name)]["counters"] for name, entry in entries.items()]
    return {
        name: " or ".join(dict.fromkeys(term.replace("<counter>", found[name]) for found in counters))
        for name, term in terms.items()
    }


def _known(piece: Piece, keys: set[str], place: str) -> None:
    if unknown := piece.keys() - keys:
        raise BuildError(f"{place}: unknown {', '.join(sorted(unknown))}")


def _variable(key: str, variables: Piece) -> Piece:
    if key not in variables:
        raise BuildError(f"variables.yaml has no {key}")
    given = variables[key]
    head = {"name": given.get("name", key), "label": given["label"]}
    if "datasource" in given:
        return head | {"type": "datasource", "query": given["datasource"]}
    if "choices" in given:
        pairs = [{"text": text, "value": value, "selected": False} for text, value in given["choices"].items()]
        pairs[0]["selected"] = True
        joined = ", ".join(f"{text} : {value}" for text, value in given["choices"].items())
        first = {"text": pairs[0]["text"], "value": pairs[0]["value"]}
        return head | {"type": "custom", "query": joined, "options": pairs, "current": first}
    if "query" not in given:
        return head | {"type": "textbox", "query": "", "current": {"text": "", "value": ""}}
    every = {"text": ["All"], "value": ["$__all"]}
    asked = given["query"] | {"type": 1} if isinstance(given["query"], dict) else {"query": given["query"]}
    more = {"regex": given["regex"]} if "regex" in given else {}
    # `refresh` 2: when the time range changes; `sort` 1: by name.
    return (
        head
        | {"type": "query", "query": asked | {"refId": key}, "refresh": 2, "sort": 1}
        | more
        | {"multi": True, "includeAll": True, "allValue": ".*", "current": every}
    )


def _with_source(variable: Piece, reference: Piece) -> Piece:
    return variable | {"datasource": reference} if variable["type"] == "query" else variable


def _placed(rows: list[Piece], name: str) -> list[tuple[Piece, Piece]]:
    """Return each panel with its place, rows below each other and panels side by side."""
    placed, y = [], 0
    for row in rows:
        _known(row, {"height", "panels"}, name)
        x = 0
        for panel, width in zip(row["panels"], _widths(row["panels"], name), strict=True):
            placed.append((panel, {"h": row["height"], "w": width, "x": x, "y": y}))
            x += width
        y += row["height"]
    return placed


def _widths(panels: list[Piece], name: str) -> list[int]:
    """Return widths that fill the grid; what does not divide evenly goes to the first panels."""
    free = [panel for panel in panels if "width" not in panel]
    left = COLUMNS - sum(panel.get("width", 0) for panel in panels)
    if left < len(free) or (left and not free):
        raise BuildError(f"{name}: a row is not {COLUMNS} columns wide")
    share, more = divmod(left, len(free)) if free else (0, 0)
    shares = iter([share + (number < more) for number in range(len(free))])
    return [panel["width"] if "width" in panel else next(shares) for panel in panels]


def _panel(panel: Piece, number: int, place: Piece, reference: Piece, fragments: Mapping[str, str]) -> Piece:
    _known(panel, _PANEL_KEYS, panel["title"])
    if panel["type"] not in KINDS:
        raise BuildError(f"{panel['title']}: no type {panel['type']}")
    head = {"id": number, "type": panel["type"], "title": panel["title"]}
    described = {"description": panel["description"]} if "description" in panel else {}
    lettered = zip(string.ascii_uppercase, panel["queries"], strict=False)
    targets = [_target(query, letter, panel, fragments) for letter, query in lettered]
    body = {"gridPos": place, "datasource": reference, "targets": targets}
    return head | described | body | KINDS[panel["type"]](panel)


def _target(query: Piece, letter: str, panel: Piece, fragments: Mapping[str, str]) -> Piece:
    _known(query, _QUERY_KEYS, panel["title"])
    legend = {"legendFormat": query["legend"]} if "legend" in query else {}
    return {"refId": letter, "expr": filled(query["expr"], fragments)} | legend | _MODES.get(panel["type"], {})


# Queries of these types ask for one moment.
_MODES: Mapping[str, Piece] = {
    "table": {"instant": True, "range": False, "format": "table"},
    "bargauge": {"instant": True, "range": False},
}


def filled(expression: str, fragments: Mapping[str, str]) -> str:
    """Return an expression with its fragments, and theirs, in place; raises BuildError for one that is not there."""

    def piece(found: re.Match[str]) -> str:
        if found[1] not in fragments:
            raise BuildError(f"no fragment {found[1]}")
        return filled(fragments[found[1]], fragments)

    return _FRAGMENT.sub(piece, expression)


def _fields(panel: Piece, **more: Any) -> Piece:
    unit = {"unit": panel["unit"]} if "unit" in panel else {}
    return {"fieldConfig": {"defaults": unit | more, "overrides": []}}


def _thresholds(panel: Piece) -> Piece:
    # Without any Grafana has its own, by which every value above 80 is red.
    given = panel.get("thresholds", {"blue": None})
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in given.items()]}


def _timeseries(panel: Piece) -> Piece:
    stacked = {"fillOpacity": 40, "stacking": {"mode": "normal"}} if panel.get("stack") else {}
    fields = _fields(panel, min=0, custom={"showPoints": "never"} | stacked)
    fields["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byRegexp", "options": f"/{name}/"},
            "properties": [{"id": "color", "value": {"mode": "shades", "fixedColor": color}}],
        }
        for name, color in panel.get("colors", {}).items()
    ]
    return fields | {"options": {"tooltip": {"mode": "multi", "sort": "desc"}}}


def _stat(panel: Piece) -> Piece:
    return _fields(panel, thresholds=_thresholds(panel))


def _bargauge(panel: Piece) -> Piece:
    options = {"orientation": "horizontal", "displayMode": "basic"}
    return _fields(panel, min=0, thresholds=_thresholds(panel)) | {"options": options}


def _table(panel: Piece) -> Piece:
    queries, labels = panel["queries"], panel["labels"]
    # Grafana names the column of a value after its query, unless there is but one.
    values = ["Value"] if len(queries) == 1 else [f"Value #{letter}" for letter in string.ascii_uppercase]
    renamed = labels | {value: query["column"] for value, query in zip(values, queries, strict=False)}
    arranged = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(renamed)},
        "renameByName": renamed,
    }
    units = [
        {
            "matcher": {"id": "byName", "options": query["column"]},
            "properties": [{"id": "unit", "value": query["unit"]}],
        }
        for query in queries
        if "unit" in query
    ]
    order = {"displayName": panel.get("sort", queries[0]["column"]), "desc": not panel.get("ascending", False)}
    return {
        "fieldConfig": {"defaults": {}, "overrides": units},
        "options": {"sortBy": [order]},
        "transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": arranged}],
    }


def _logs(panel: Piece) -> Piece:  # noqa: ARG001 - one shape
    return {"options": {"showTime": True, "wrapLogMessage": False, "sortOrder": "Descending"}}


KINDS: Mapping[str, Callable[[Piece], Piece]] = {
    "stat": _stat,
    "timeseries": _timeseries,
    "bargauge": _bargauge,
    "table": _table,
    "logs": _logs,
}


def dashboards() -> dict[str, str]:
    """Return the text of every dashboard by its file's name."""
    variables = yaml.safe_load((HERE / "variables.yaml").read_text(encoding="utf-8"))
    return {
        f"{file.stem}.json": _text(build(yaml.safe_load(file.read_text(encoding="utf-8")), file.stem, variables)) + "\n"
        for file in sorted((HERE / "sources").glob("*.yaml"))
    }


def _text(node: Any, indent: str = "") -> str:
    """Return JSON in which whatever fits is on one line."""
    line = json.dumps(node, ensure_ascii=False)
    if len(indent) + len(line) <= LINE_LENGTH or not isinstance(node, (dict, list)):
        return line
    deeper = indent + "  "
    if isinstance(node, list):
        inside = [_text(item, deeper) for item in node]
        return "[\n" + ",\n".join(deeper + item for item in inside) + f"\n{indent}]"
    pairs = [f"{json.dumps(key)}: {_text(value, deeper)}" for key, value in node.items()]
    return "{\n" + ",\n".join(deeper + pair for pair in pairs) + f"\n{indent}}}"


def main(arguments: list[str]) -> int:
    """Run the command line."""
    try:
        built = dashboards()
    except BuildError as error:
        print(f"dashboards: {error}", file=sys.stderr)
        return 1
    present = {file.name: file.read_text(encoding="utf-8") for file in TARGET.glob("*.json")}
    if arguments == ["--check"]:
        if present == built:
            return 0
        print("chart/files/dashboards is stale; run: python -m dashboards.build", file=sys.stderr)
        return 1
    TARGET.mkdir(exist_ok=True)
    for gone in present.keys() - built.keys():
        (TARGET / gone).unlink()
    for name, text in built.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
