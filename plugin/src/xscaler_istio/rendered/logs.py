"""What a log agent's configuration says: which logs it reads, what it makes of a line and where that goes."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.scraping import alloy_destination, alloy_namespaces, alloy_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.alloy import Blocks
    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.relabeling import RelabelRule

# Where an agent reads from.
FILES, API = "files", "api"
_COMPONENTS: Mapping[str, str] = {'loki.source.file "pods"': FILES, 'loki.source.kubernetes "pods"': API}
_WRITE = 'loki.write "xscaler"'


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogReading:
    """What one agent does. No namespaces mean all of them; `success_ratio` 1 means that no line is left out.

    `stream_labels` are the names of all labels of a stream, in order; `older_lines`: those from before the agent's
    first start are sent too.
    """

    source: str
    namespaces: tuple[str, ...]
    target_rules: tuple[RelabelRule, ...]
    older_lines: bool
    stream_labels: tuple[str, ...]
    structured_metadata: bool
    redacted: bool
    masked: bool
    success_ratio: float
    line_bytes: int
    destination: Destination


def read(blocks: Blocks) -> LogReading:
    """Read a parsed configuration."""
    rules = alloy_rules(blocks['discovery.relabel "pods"'])
    stages = blocks['loki.process "lines"']
    replaced = {json.loads(stage["replace"]) for stage in _stages(stages, "stage.replace")}
    rates = [float(stage["rate"]) for stage in _stages(stages, "stage.sampling")]
    limit = json.loads(next(_stages(stages, "stage.truncate"))["rule"]["limit"])
    return LogReading(
        source=next(source for component, source in _COMPONENTS.items() if component in blocks),
        namespaces=alloy_namespaces(blocks),
        target_rules=rules,
        older_lines='local.file "first_start"' not in blocks,
        stream_labels=tuple(sorted(_labels(blocks, stages, {rule.target_label for rule in rules}))),
        structured_metadata=any(_stages(stages, "stage.structured_metadata")),
        redacted="redacted" in replaced,
        masked="masked" in replaced,
        success_ratio=rates[0] if rates else 1,
        line_bytes=int(limit.removesuffix("B")),
        destination=alloy_destination(blocks, blocks[_WRITE]["endpoint"]),
    )


def _labels(blocks: Blocks, stages: Mapping[str, Any], targets: set[str]) -> set[str]:
    """Return the labels of a stream: of targets, of lines and of the agent, without those that are removed."""
    of_lines = {
        name
        for kind in ("stage.labels", "stage.static_labels")
        for stage in _stages(stages, kind)
        for name in _keys(stage["values"])
    }
    removed = {name for stage in _stages(stages, "stage.label_drop") for name in json.loads(stage["values"])}
    own = _keys(blocks[_WRITE]["external_labels"])
    kept = {name for name in targets | of_lines if name and not name.startswith("__") and name not in removed}
    return kept | set(own)


def _keys(mapping: str) -> list[str]:
    """Return the keys of a map as Alloy writes it: {a = "", b = "c"}."""
    return re.findall(r'(?:[{,]\s*)"?(\w+)"? = ', mapping)


def _stages(node: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for key, value in node.items():
        if not isinstance(value, dict):
            continue
        if key.partition("#")[0] == kind:
            yield value
        yield from _stages(value, kind)
