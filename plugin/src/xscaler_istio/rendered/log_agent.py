"""The log agent, Grafana Alloy with another configuration: its sources, its stages and its destination."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import alloy
from xscaler_istio.rendered.alloy_syntax import evaluated, parse, write
from xscaler_istio.rendered.local_start import Override, Surroundings, without_proxy
from xscaler_istio.rendered.own_metrics import Pushes, metric
from xscaler_istio.rendered.shipper import Shipper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from xscaler_istio.rendered.alloy_syntax import Blocks
    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.own_metrics import Fetch
    from xscaler_istio.rendered.relabeling import RelabelRule

# Where an agent reads from.
FILES, API = "files", "api"
_COMPONENTS: Mapping[str, str] = {'loki.source.file "pods"': FILES, 'loki.source.kubernetes "pods"': API}
_WRITE = 'loki.write "xscaler"'
_PROCESS = 'loki.process "lines"'
_RULES = "discovery.relabel "
_ENDPOINT = (_WRITE, "endpoint")
_MOUNTED_LOGS = "/var/log/pods/"
_MOUNTED_STATE = "/var/lib/alloy/"


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


def _read(blocks: Blocks) -> LogReading:
    rules = alloy.rules(blocks['discovery.relabel "pods"'])
    stages = blocks[_PROCESS]
    replaced = {evaluated(stage["replace"]) for stage in _stages(stages, "stage.replace")}
    # The user's own stages may sample and truncate too: the chart's have this reason, and come last.
    sampling = (stage for stage in _stages(stages, "stage.sampling") if _reason(stage) == "sampled")
    rates = [float(evaluated(stage["rate"])) for stage in sampling]
    limit = evaluated([*_stages(stages, "stage.truncate")][-1]["rule"]["limit"])
    return LogReading(
        source=next(source for component, source in _COMPONENTS.items() if component in blocks),
        namespaces=alloy.namespaces(blocks),
        target_rules=rules,
        older_lines='local.file "first_start"' not in blocks,
        stream_labels=tuple(sorted(_labels(blocks, stages, {rule.target_label for rule in rules}))),
        structured_metadata=any(_stages(stages, "stage.structured_metadata")),
        redacted="redacted" in replaced,
        masked="masked" in replaced,
        success_ratio=rates[0] if rates else 1,
        line_bytes=int(limit.removesuffix("B")),
        destination=alloy.destination(blocks, blocks[_WRITE]["endpoint"]),
    )


def _labels(blocks: Blocks, stages: Mapping[str, Any], targets: set[str]) -> set[str]:
    """Return the labels of a stream: of targets, of lines and of the agent, without those that are removed."""
    of_lines = {
        name
        for kind in ("stage.labels", "stage.static_labels")
        for stage in _stages(stages, kind)
        for name in evaluated(stage["values"])
    }
    removed = {name for stage in _stages(stages, "stage.label_drop") for name in evaluated(stage["values"])}
    own = evaluated(blocks[_WRITE]["external_labels"])
    kept = {name for name in targets | of_lines if name and not name.startswith("__") and name not in removed}
    return kept | set(own)


def _reason(stage: Mapping[str, Any]) -> str:
    return str(evaluated(stage.get("drop_counter_reason", '""')))


def _stages(node: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for key, value in node.items():
        if not isinstance(value, dict):
            continue
        if key.partition("#")[0] == kind:
            yield value
        yield from _stages(value, kind)


def _rest(blocks: Blocks) -> Blocks:
    others = {header: block for header, block in blocks.items() if not header.startswith(_RULES)}
    # A sequence without names: one stage more would shift all others, so it is compared as lines.
    return {header: "\n".join(write(block)) if header == _PROCESS else block for header, block in others.items()}


def _overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    blocks, (component, endpoint) = parse(config), _ENDPOINT
    return (
        *alloy.discovery(surroundings),
        *_folders(blocks, surroundings),
        *_intervals(blocks),
        Override((*_ENDPOINT, "url"), surroundings.logs_url, "the local xScaler"),
        Override((*_ENDPOINT, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run"),
        *without_proxy(_ENDPOINT, blocks[component][endpoint]),
        *alloy.mounted_files(blocks, surroundings),
    )


def _intervals(blocks: Blocks) -> Iterator[Override]:
    source = 'loki.source.file "pods"'
    if source in blocks:
        yield Override((source, "file_match", "sync_period"), "500ms", "evidence in seconds")


def _folders(blocks: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    logs, state = surroundings.log_folder, surroundings.storage_folder
    for place, text in alloy.texts(blocks):
        if text.startswith(_MOUNTED_LOGS):
            yield Override(place, f"{logs}/{text.removeprefix(_MOUNTED_LOGS)}", "no node to read")
        elif text.startswith(_MOUNTED_STATE):
            yield Override(place, f"{state}/{text.removeprefix(_MOUNTED_STATE)}", "no node to write to")


def _pushes(fetch: Fetch) -> Pushes:
    """Read what it sent, in lines."""
    page = fetch(alloy.PORT, "/metrics")
    names = ("sent_entries_total", "dropped_entries_total", "batch_retries_total")
    delivered, failed, retried = (metric(page, f"loki_write_{name}") for name in names)
    return Pushes(delivered=delivered, failed=failed, retried=retried)


def first_start(state: Path) -> str:
    """Return when an agent first started with its state in this folder, as it wrote it there."""
    text: str = json.loads((state / "alloy_seed.json").read_text(encoding="utf-8"))["created_at"]
    return text


LOG_AGENT = Shipper(
    program=alloy.PROGRAM,
    where_to_get=alloy.WHERE_TO_GET,
    validator=alloy.VALIDATOR,
    metrics_port=alloy.PORT,
    parse=parse,
    read=_read,
    rest=_rest,
    overrides=_overrides,
    apply=alloy.apply,
    command=alloy.command,
    pushes=_pushes,
    refusal=re.compile(r"(?:final error|error) sending batch.*?error=(?P<reason>\"(?:[^\"\\]|\\.)*\"|\S+)"),
)
