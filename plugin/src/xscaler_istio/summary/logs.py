"""What the log agents read and send, in words, from their rendered configuration."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import alloy
from xscaler_istio.rendered.scraping import WRITE, alloy_namespaces, alloy_rules
from xscaler_istio.rendered.words import condition
from xscaler_istio.summary.model import Section, Subject, facts
from xscaler_istio.summary.rules import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import CollectorConfig

_SOURCES: Mapping[str, str] = {
    'loki.source.file "pods"': "files on each node",
    'loki.source.kubernetes "pods"': "through the API server",
}


def logs_section(configs: tuple[CollectorConfig, ...]) -> Section:
    """Say for each agent which logs it reads and what it makes of a line."""
    return Section("access logs", tuple(_subject(alloy.parse(config.text)) for config in configs))


def _subject(blocks: Mapping[str, Any]) -> Subject:
    source = next(words for component, words in _SOURCES.items() if component in blocks)
    rules = alloy_rules(blocks['discovery.relabel "pods"'])
    stages = blocks['loki.process "lines"']
    replaced = {json.loads(stage["replace"]) for stage in _stages(stages, "stage.replace")}
    limit = json.loads(next(_stages(stages, "stage.truncate"))["rule"]["limit"])
    choices = (rule for rule in rules if rule.action in ("keep", "drop"))
    return Subject(
        source,
        facts(
            namespaces=alloy_namespaces(blocks),
            pods=tuple(condition(rule, holds=rule.action == "keep") for rule in choices),
            files=tuple(filled(rule) for rule in rules if rule.target_label == "__path__"),
            older_lines="left" if 'local.file "first_start"' in blocks else "sent",
            labels=tuple(sorted(_labels(blocks, stages, {rule.target_label for rule in rules}))),
            fields="structured metadata" if any(_stages(stages, "stage.structured_metadata")) else "none",
            query_strings="redacted" if "redacted" in replaced else "kept",
            addresses_of_x_forwarded_for="masked" if "masked" in replaced else "kept",
            successful_requests=_share(stages),
            longest_line=limit.replace("B", " bytes"),
        ),
    )


def _share(stages: Mapping[str, Any]) -> str:
    rates = {stage["rate"] for stage in _stages(stages, "stage.sampling")}
    return f"{float(rates.pop()):.4g} of them" if rates else "all"


def _labels(blocks: Mapping[str, Any], stages: Mapping[str, Any], targets: set[str]) -> set[str]:
    """Return the labels of a stream: of targets, of lines and of the agent, without those that are removed."""
    of_lines = {
        name
        for kind in ("stage.labels", "stage.static_labels")
        for stage in _stages(stages, kind)
        for name in _keys(stage["values"])
    }
    removed = {name for stage in _stages(stages, "stage.label_drop") for name in json.loads(stage["values"])}
    own = _keys(blocks[WRITE]["external_labels"])
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
