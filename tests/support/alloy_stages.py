"""A second implementation of the stages of Alloy's loki.process that the chart renders: what becomes of a line.

Semantics: grafana/alloy 1.18 internal/component/loki/process/stages and internal/loki/logql. Expressions run under RE2,
whose syntax and results are those of Go's regexp. A line enters whole: stages that join pieces of lines are skipped.
The pipeline tests send the same lines through the real agent.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import jmespath
import re2

from xscaler_istio.rendered.alloy_syntax import evaluated, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# The time of a line that no stage has set.
RUNTIME = "the runtime's"


@dataclasses.dataclass(kw_only=True)
class Entry:
    """A line on its way. `time` is the text that stage.timestamp has read, or RUNTIME; `dropped` a reason."""

    line: str
    labels: dict[str, str]
    extracted: dict[str, Any]
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    time: str = RUNTIME
    dropped: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """The structured metadata that is there: to LogQL an empty field is none."""
        return {name: value for name, value in self.metadata.items() if value}


if TYPE_CHECKING:
    Stage = Callable[[Entry], None]


class Pipeline:
    """The stages of a rendered configuration of the log agent."""

    def __init__(self, config: str) -> None:
        self._stages = _stages(parse(config)['loki.process "lines"'])

    def run(self, line: str, *, stream: str = "stdout", container: str = "istio-proxy") -> Entry:
        """Return what becomes of a line of a container."""
        labels = {"namespace": "shop", "pod": "a", "container": container, "filename": "/a", "stream": stream}
        entry = Entry(line=line, labels=labels, extracted={**labels, "time": RUNTIME})
        _run(self._stages, entry)
        return entry


def _run(stages: Sequence[Stage], entry: Entry) -> None:
    for stage in stages:
        if not entry.dropped:
            stage(entry)


def _stages(node: Mapping[str, Any]) -> list[Stage]:
    blocks = [(key.partition("#")[0], block) for key, block in node.items() if isinstance(block, dict)]
    return [_KINDS[kind](block) for kind, block in blocks if kind not in _FRAMING]


def _get(block: Mapping[str, Any], name: str, default: Any = None) -> Any:
    return evaluated(block[name]) if name in block else default


def _text(value: Any) -> str | None:
    """Return what Alloy writes for an extracted value; None where it writes nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if float(value).is_integer() else str(value)


def _match(block: Mapping[str, Any]) -> Stage:
    matches, stages = _selector(_get(block, "selector")), _stages(block)
    drops, reason = _get(block, "action") == "drop", _get(block, "drop_counter_reason", "match_stage")

    def run(entry: Entry) -> None:
        if not matches(entry):
            return
        # A pipeline within a pipeline begins with the labels as extracted values.
        entry.extracted.update(entry.labels)
        _run(stages, entry)
        entry.dropped = entry.dropped or (reason if drops else "")

    return run


_FILTER = re.compile(r'\s*(\|=|!=|\|~|!~)\s*("(?:[^"\\]|\\.)*")')
_MATCHER = re.compile(r'(\w+)(=~|!=|=)("(?:[^"\\]|\\.)*")')


def _selector(text: str) -> Callable[[Entry], bool]:
    head, _, tail = text.partition("}")
    tests = [*_matchers(head), *_filters(tail)]
    return lambda entry: all(test(entry) for test in tests)


def _matchers(head: str) -> Iterator[Callable[[Entry], bool]]:
    for name, operator, quoted in _MATCHER.findall(head):
        yield _of_label(name, operator, json.loads(quoted))


def _of_label(name: str, operator: str, value: str) -> Callable[[Entry], bool]:
    if operator == "=~":
        whole = re2.compile(value)
        return lambda entry: bool(whole.fullmatch(entry.labels.get(name, "")))
    return lambda entry: (entry.labels.get(name, "") == value) == (operator == "=")


def _filters(tail: str) -> Iterator[Callable[[Entry], bool]]:
    assert not _FILTER.sub("", tail).strip(), tail
    for operator, quoted in _FILTER.findall(tail):
        yield _of_line(operator, json.loads(quoted))


def _of_line(operator: str, value: str) -> Callable[[Entry], bool]:
    wanted = operator.startswith("|")
    if operator.endswith("="):
        return lambda entry: (value in entry.line) == wanted
    expression = re2.compile(value)
    return lambda entry: bool(expression.search(entry.line)) == wanted


def _regex(block: Mapping[str, Any]) -> Stage:
    expression, source = re2.compile(_get(block, "expression")), _get(block, "source")
    labelled = _get(block, "labels_from_groups", default=False)

    def run(entry: Entry) -> None:
        text = entry.line if source is None else _text(entry.extracted.get(source))
        found = None if text is None else expression.search(text)
        groups = {name: value or "" for name, value in found.groupdict().items()} if found else {}
        entry.extracted.update(groups)
        entry.labels.update(groups if labelled else {})

    return run


def _json(block: Mapping[str, Any]) -> Stage:
    expressions = {name: jmespath.compile(text or name) for name, text in _get(block, "expressions").items()}

    def run(entry: Entry) -> None:
        try:
            data = json.loads(entry.line)
        except ValueError:
            return
        if isinstance(data, dict):
            for name, expression in expressions.items():
                value = expression.search(data)
                entry.extracted[name] = json.dumps(value) if isinstance(value, (list, dict)) else value

    return run


_PAIR = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)')


def _logfmt(block: Mapping[str, Any]) -> Stage:
    names, source = {key or name: name for name, key in _get(block, "mapping").items()}, _get(block, "source")

    def run(entry: Entry) -> None:
        for key, value in _PAIR.findall(entry.line if source is None else _text(entry.extracted.get(source)) or ""):
            if key in names:
                entry.extracted[names[key]] = json.loads(value) if value.startswith('"') else value

    return run


def _labels(block: Mapping[str, Any]) -> Stage:
    values = {name: source or name for name, source in _get(block, "values").items()}

    def run(entry: Entry) -> None:
        found = {name: _text(entry.extracted.get(source)) for name, source in values.items()}
        entry.labels.update({name: value for name, value in found.items() if value is not None})

    return run


def _static_labels(block: Mapping[str, Any]) -> Stage:
    values = _get(block, "values")
    return lambda entry: entry.labels.update(values)


def _label_drop(block: Mapping[str, Any]) -> Stage:
    names = _get(block, "values")

    def run(entry: Entry) -> None:
        for name in names:
            entry.labels.pop(name, None)

    return run


def _structured_metadata(block: Mapping[str, Any]) -> Stage:
    values = {name: source or name for name, source in _get(block, "values").items()}

    def run(entry: Entry) -> None:
        found = {name: _text(entry.extracted.get(source)) for name, source in values.items()}
        entry.metadata.update({name: value for name, value in found.items() if value is not None})

    return run


def _structured_metadata_drop(block: Mapping[str, Any]) -> Stage:
    names = _get(block, "values")

    def run(entry: Entry) -> None:
        for name in names:
            entry.metadata.pop(name, None)

    return run


def _template(block: Mapping[str, Any]) -> Stage:
    """Set a constant; a template with actions is Go's, and only the agent runs it."""
    source, text = _get(block, "source"), _get(block, "template")
    assert "{{" not in text, text

    def run(entry: Entry) -> None:
        entry.extracted.pop(source, None)
        entry.extracted.update({source: text} if text else {})

    return run


def _replace(block: Mapping[str, Any]) -> Stage:
    expression, by = re2.compile(_get(block, "expression")), _get(block, "replace")
    return lambda entry: setattr(entry, "line", replaced(expression, entry.line, by))


def replaced(expression: Any, line: str, by: str) -> str:
    """Do what stage.replace does: put a text in the place of every group that matched."""
    spans = [found.span(group) for found in expression.finditer(line) for group in range(1, expression.groups + 1)]
    for start, end in sorted((span for span in spans if span[0] >= 0), reverse=True):
        line = line[:start] + by + line[end:]
    return line


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _timestamp(block: Mapping[str, Any]) -> Stage:
    source = _get(block, "source")

    def run(entry: Entry) -> None:
        text = _text(entry.extracted.get(source)) or ""
        entry.time = text if _RFC3339.fullmatch(text) else entry.time

    return run


def _drop(block: Mapping[str, Any]) -> Stage:
    source, reason = _get(block, "source"), _get(block, "drop_counter_reason", "drop_stage")
    expression = re2.compile(_get(block, "expression", f"^{re.escape(_get(block, 'value', ''))}$"))

    def run(entry: Entry) -> None:
        if expression.search(_text(entry.extracted.get(source)) or ""):
            entry.dropped = reason

    return run


def _sampling(block: Mapping[str, Any]) -> Stage:
    """Drop all or nothing, as a rate of 0 or 1 does."""
    rate, reason = _get(block, "rate"), _get(block, "drop_counter_reason", "sampling_stage")
    assert rate in (0, 1), rate
    return lambda entry: None if rate else setattr(entry, "dropped", reason)


def _truncate(block: Mapping[str, Any]) -> Stage:
    rules = [rule for key, rule in block.items() if key.partition("#")[0] == "rule"]
    limits = {_get(rule, "source_type", "line"): (_bytes(_get(rule, "limit")), _get(rule, "suffix")) for rule in rules}

    def run(entry: Entry) -> None:
        for kind, limit in limits.items():
            if kind == "line":
                entry.line = _cut(entry.line, *limit)
            else:
                entry.metadata = {name: _cut(value, *limit) for name, value in entry.metadata.items()}

    return run


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(B|KiB)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"B": 1, "KiB": 1024}[unit]


def _cut(text: str, limit: int, suffix: str) -> str:
    raw, end = text.encode(errors="surrogateescape"), suffix.encode()
    return text if len(raw) <= limit - len(end) else (raw[: limit - len(end)] + end).decode(errors="surrogateescape")


_FRAMING = frozenset({"stage.cri", "stage.output"})
_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Stage]] = {
    "stage.match": _match,
    "stage.regex": _regex,
    "stage.json": _json,
    "stage.logfmt": _logfmt,
    "stage.labels": _labels,
    "stage.static_labels": _static_labels,
    "stage.label_drop": _label_drop,
    "stage.structured_metadata": _structured_metadata,
    "stage.structured_metadata_drop": _structured_metadata_drop,
    "stage.template": _template,
    "stage.replace": _replace,
    "stage.timestamp": _timestamp,
    "stage.drop": _drop,
    "stage.sampling": _sampling,
    "stage.truncate": _truncate,
}
