"""Draws values that the schema admits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from xscaler_istio.values import schema as schemas

from .paths import CHART, ci

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]

SCHEMA = schemas.load(CHART)
DEFAULT = yaml.safe_load(ci("default").read_text())
# Free text goes through YAML, Alloy's syntax and variable expansion: the characters that mean something there.
CHARACTERS = "abz019 -_.:/$'\"\\{}#%&*!|>@`,"
# Kubernetes takes these as they are; what it refuses is not the chart's to say.
PASSED_ON = {"resources", "affinity", "tolerations", "topologySpreadConstraints", "imagePullSecrets", "nodeSelector"}
PASSED_ON |= {"relabelings", "metricRelabelings", "updateStrategy"}
EXPRESSIONS = ["istio_.*", "envoy_x_(sum|count|bucket)", "a|b", "pilot_xds_pushes"]


class ForHelm(yaml.SafeDumper):
    """Quotes every text: y is true and 08 a number to Helm, and both are texts to PyYAML."""


ForHelm.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))

NAME = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


def leaves(schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every setting of the schema that takes a value, with its path."""
    if path and path[-1] in PASSED_ON:
        return
    if "properties" not in schema:
        yield path, schema
        return
    for name, child in schema["properties"].items():
        # Values under an old name and its new one are refused; tests/chart/test_renamed.py has these.
        if child.get("deprecated"):
            continue
        if (not name.startswith("x-") and name not in ("global", "enabled")) or path:
            yield from leaves(child, (*path, name))


def drawn(path: Path, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return what a setting may be."""
    if path[-1] in ("labels", "annotations", "commonLabels", "commonAnnotations"):
        return st.dictionaries(NAME, NAME, max_size=2)
    if schema.get("type") == "string" and not {"pattern", "enum"} & schema.keys():
        if path[-1] in ("name", "registry", "repository", "tag", "storageClassName"):
            return NAME
        return st.text(alphabet=CHARACTERS, min_size=schema.get("minLength", 0), max_size=12)
    if path[-1] in ("url", "proxyUrl"):
        return st.from_regex(
            r"(https?://(a\.example|\[::1\]|127\.0\.0\.1)(:[1-9][0-9]{0,3})?(/[!-$&-~]{0,9})?)?", fullmatch=True
        )
    if path == ("cluster", "labels"):
        return st.dictionaries(NAME, st.text(alphabet=CHARACTERS, max_size=12), max_size=3)
    if path[-1] in ("includeMetrics", "excludeMetrics"):
        return st.lists(st.sampled_from(EXPRESSIONS), max_size=2)
    if path[-1] == "extraArgs":
        return st.just([])
    if path[-1] == "shards":
        return st.integers(1, 3)
    plain = {key: schema[key] for key in schema if not key.startswith("x-")}
    strategy: st.SearchStrategy[Any] = from_schema(plain, codec="ascii", allow_x00=False)
    return strategy


SETTINGS = [(path, schema) for path, schema in leaves(SCHEMA)]


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the ten-line values with some settings changed."""
    whole: dict[str, Any] = json.loads(json.dumps(DEFAULT))
    for path, schema in draw(
        st.lists(st.sampled_from(SETTINGS), min_size=1, max_size=6, unique_by=lambda item: item[0])
    ):
        node = whole
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = draw(drawn(path, schema))
    return whole
