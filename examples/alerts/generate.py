"""Write the chart's alerts as files that other programs take: `make alerts`.

    python examples/alerts/generate.py           write the files of FILES beside this one
    python examples/alerts/generate.py --check   exit 1 when one of them is stale

All are made from chart/files/alerts, one file an alert, whose folder names its group, with the terms of
chart/files/self and chart/files/logs/self.yaml in place. Those for native histograms have the queries that the chart
renders with `metrics.histograms: native`.
"""

from __future__ import annotations

import functools
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
FILES_OF_CHART = HERE.parents[1] / "chart/files"
GROUPS = ("mesh", "pipeline")
HEAD = "# Made by `make alerts` from chart/files/alerts; do not edit.\n# {use}\n"
# Makes the identity of a rule in Grafana, which has to stay the same whatever its text becomes.
_NAMESPACE = uuid.UUID("5c0f1cbe-6d0a-4c1e-9a3e-1d0f9a1f0002")
_EXPRESSIONS = "__expr__"
PLACE = "<terms of files/self>"
# Not stated: these files serve every account, and docs/alerts.md says where to put the number of a plan.
PLAN, NOT_STATED = "<xscaler.plan.activeSeries>", "0"

# Rules and their translation are YAML by nature.
Rule = dict[str, Any]


class _Text(yaml.SafeDumper):
    """Keeps expressions readable: text of several lines as a block."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Text.add_representer(str, _represent)


def rules(group: str, *, native: bool) -> list[Rule]:
    """Return the rules of one group in the order of their files."""
    return [_rule(file, native=native) for file in sorted((FILES_OF_CHART / "alerts" / group).glob("*.yaml"))]


def _rule(file: Path, *, native: bool) -> Rule:
    """Return one rule, with the terms that the release's own programs add to it: templates/_self.tpl."""
    rule: Rule = yaml.safe_load(file.read_text(encoding="utf-8"))
    expr = rule["expr"].replace(PLACE, "\nor\n".join(terms(file.stem))).replace(PLAN, NOT_STATED)
    return rule | {"expr": in_native_form(expr) if native else expr}


def in_native_form(query: str) -> str:
    """Return a query for native histograms: they have the base name and no `le`, and functions give count and sum."""
    query = re.sub(r"(sum by \()([^()]*)(\) \(\s*rate\(\w+)_bucket\b", _without_bound, query)
    names = "|".join(_histograms())
    rates = rf"\b(rate|increase)\(({names})_(count|sum)(\{{[^{{}}]*\}}\[[^\]]*\])\)"
    query = re.sub(rates, r"histogram_\3(\1(\2\4))", query)
    return re.sub(rf"\b({names})_(count|sum)(\{{[^{{}}]*\}}(?: offset \w+)?)", r"histogram_\2(\1\3)", query)


def _without_bound(found: re.Match[str]) -> str:
    labels = [label for label in found[2].split(", ") if label != "le"]
    return f"{found[1]}{', '.join(labels)}{found[3]}" if labels else f"sum{found[3].removeprefix(')')}"


@functools.cache
def _histograms() -> tuple[str, ...]:
    facts = yaml.safe_load((FILES_OF_CHART / "labels.yaml").read_text(encoding="utf-8"))
    return (*facts["histograms"], *facts["ownHistograms"])


def terms(alert: str) -> list[str]:
    """Return what the release's own programs add to an alert, each term once."""
    files = [*sorted(FILES_OF_CHART.glob("self/*.yaml")), FILES_OF_CHART / "logs/self.yaml"]
    entries = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    alerts = [entries[entry.get("sameAs", name)]["alerts"] for name, entry in entries.items()]
    return [term.strip() for term in dict.fromkeys(term for found in alerts for term in found.get(alert, []))]


def prometheus(*, native: bool) -> Rule:
    """Return the groups as Prometheus' rule files have them."""
    return {"groups": [{"name": f"xscaler-istio-{group}", "rules": rules(group, native=native)} for group in GROUPS]}


def grafana(*, native: bool) -> Rule:
    """Return the groups as Grafana's file provisioning has them."""
    groups = [
        {
            "orgId": 1,
            "name": f"xscaler-istio-{group}",
            "folder": "xscaler-istio",
            "interval": "1m",
            "rules": [_managed(rule) for rule in rules(group, native=native)],
        }
        for group in GROUPS
    ]
    return {"apiVersion": 1, "groups": groups}


def _managed(rule: Rule) -> Rule:
    """Return a rule that alerts for every series of the expression's result, whatever its value, as Prometheus does."""
    any_value = "is_number($query) || is_nan($query) || is_inf($query)"
    positive = {"evaluator": {"type": "gt", "params": [0]}}
    return {
        "uid": str(uuid.uuid5(_NAMESPACE, rule["alert"])),
        "title": rule["alert"],
        "condition": "threshold",
        "data": [
            _node("query", "${XSCALER_DATASOURCE_UID}", {"expr": rule["expr"], "instant": True, "range": False}),
            _node("result", _EXPRESSIONS, {"type": "math", "expression": any_value}),
            _node("threshold", _EXPRESSIONS, {"type": "threshold", "expression": "result", "conditions": [positive]}),
        ],
        "for": rule["for"],
        "noDataState": "OK",
        "execErrState": "Error",
        "missing_series_evals_to_resolve": 1,
        "labels": rule["labels"],
        "annotations": rule["annotations"],
    }


def _node(name: str, datasource: str, model: Rule) -> Rule:
    # An instant query takes its time from the end of the range.
    time_range = {"from": 600, "to": 0}
    return {
        "refId": name,
        "relativeTimeRange": time_range,
        "datasourceUid": datasource,
        "model": {"refId": name, **model},
    }


_RULER = "For rulers, and for Grafana's import of Prometheus rules"
_GRAFANA = "For Grafana's provisioning/alerting; XSCALER_DATASOURCE_UID is set for Grafana"
_NATIVE = "with metrics.histograms: native"
FILES = {
    "prometheus.yaml": (prometheus, False, f"{_RULER}."),
    "prometheus-native.yaml": (prometheus, True, f"{_RULER}, {_NATIVE}."),
    "grafana.yaml": (grafana, False, f"{_GRAFANA}."),
    "grafana-native.yaml": (grafana, True, f"{_GRAFANA}, {_NATIVE}."),
}


def text(name: str) -> str:
    """Return what a file has to hold."""
    build, native, use = FILES[name]
    written: str = yaml.dump(build(native=native), Dumper=_Text, sort_keys=False, width=1000, allow_unicode=True)
    return HEAD.format(use=use) + written


def main(arguments: list[str]) -> int:
    """Run the command line."""
    stale = [name for name in FILES if not (HERE / name).exists() or (HERE / name).read_text("utf-8") != text(name)]
    if arguments == ["--check"]:
        for name in stale:
            print(f"examples/alerts/{name} is stale; run: make alerts", file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        (HERE / name).write_text(text(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
