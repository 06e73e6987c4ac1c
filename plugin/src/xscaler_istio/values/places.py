"""Where each key of a values file stands, and what is wrong with the file itself.

Only places are read here: what the values *are* is Helm's to say (`helm/answer.py`), because Helm's YAML and
Python's differ.
"""

from __future__ import annotations

import codecs
import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.findings.findings import Finding, Location, Severity
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

KeyPath = tuple[str, ...]

# What Kubernetes takes in the Secret that is the record of a release.
MAX_BYTES = 2**20
# Deeper than any values file is meant to be, and far below Python's recursion limit.
MAX_DEPTH = 250


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a key and its value stand."""

    key: Location
    value: Location


@dataclasses.dataclass(frozen=True, kw_only=True)
class ValuesFile:
    """One file: its places by key path (list elements by index), its findings and its lines.

    `links` are the paths of what an alias or a merge key (<<) stands for, by the path that has it from there.
    """

    name: str
    places: Mapping[KeyPath, Place]
    findings: tuple[Finding, ...]
    lines: tuple[str, ...] = ()
    links: Mapping[KeyPath, tuple[KeyPath, ...]] = dataclasses.field(default_factory=dict)

    def place(self, path: KeyPath, deep: int = 0) -> Place | None:
        """Return where a path stands, be it in the block that an alias or a merge key names."""
        if path in self.places or deep == _MOST_LINKS:
            return self.places.get(path)
        linked = (
            self.place((*target, *path[length:]), deep + 1)
            for length in range(len(path) - 1, -1, -1)
            for target in self.links.get(path[:length], ())
        )
        return next(filter(None, linked), None)


# YAML's line breaks, which are not all that Python knows.
_LINE_BREAK = r"\r\n|[\n\r\x85\u2028\u2029]"
# Blocks that merge blocks that merge blocks: no one writes more by hand.
_MOST_LINKS = 4
# In C where PyYAML has it, twenty times as fast: the same reader that Helm's YAML was made from.
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BEGINS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def read(file: str, shown_as: str = "") -> ValuesFile:
    """Read a file; what is wrong with its content is a finding. Raises SetupError when it cannot be opened."""
    return parse(content(file, shown_as), shown_as or file)


def content(file: str, shown_as: str = "") -> bytes:
    """Return what a file holds, or of one that is too large as much as shows it. Raises SetupError as `read`."""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise SetupError(
            f"cannot read {shown_as or file}: {error.strerror}", "check the path of the values file"
        ) from error


def parse(content: bytes, name: str) -> ValuesFile:
    """Find the places of all keys in a values file's bytes."""
    if len(content) > MAX_BYTES:
        return _only(
            _finding("XS016", "the file is larger than 1 MiB", Location(name), "check that it is the right file")
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            fix = "save it as UTF-8, in PowerShell with `Out-File -Encoding utf8`"
            return _only(_finding("XS014", "the file is UTF-16, not UTF-8", Location(name), fix))
        return _only(_finding("XS014", "the file is not UTF-8", Location(name, line), "save it as UTF-8"))
    lines = tuple(re.split(_LINE_BREAK, text))
    return dataclasses.replace(_parse(text, name), lines=lines)


def _parse(text: str, name: str) -> ValuesFile:
    try:
        if deep := _too_deep(text, name):
            return _only(_finding("XS015", "the file is nested too deeply", deep, f"use at most {MAX_DEPTH} levels"))
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.reader.ReaderError:
        # Its place is in bytes or in characters, depending on who read.
        return _only(_control_character(text, name))
    except yaml.YAMLError as error:
        return _only(_not_yaml(error, text, name))
    lines = re.split(_LINE_BREAK, text)
    files = [_places(node, name, lines) for node in nodes]
    more = [
        _finding(
            "XS012",
            "a second document begins here (---): Helm 3 ignores it, Helm 4 merges it",
            Location(name, _separator(lines, node.start_mark.line) + 1, 1),
            "merge it into the first, or put it into a separate file",
        )
        for node in nodes[1:]
        # Only a last ---, or null behind it, is nothing to either.
        if not _is_null(node)
    ]
    places = {path: place for file in files for path, place in file.places.items()}
    links = {path: targets for file in files for path, targets in file.links.items()}
    findings = (*more, *(finding for file in files for finding in file.findings))
    return ValuesFile(name=name, places=places, findings=findings, links=links)


def _separator(lines: Sequence[str], line: int) -> int:
    """Return the line of the --- at or above the first line of a document."""
    return next((above for above in range(min(line, len(lines) - 1), -1, -1) if lines[above].startswith("---")), line)


def _too_deep(text: str, name: str) -> Location | None:
    """Return where more levels begin than are allowed; asked first, since composing calls itself for each."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, _BEGINS) - isinstance(event, _ENDS)
        if depth > MAX_DEPTH and event.start_mark:
            return Location(name, event.start_mark.line + 1, event.start_mark.column + 1)
    return None


def _places(node: yaml.Node, name: str, lines: Sequence[str]) -> ValuesFile:
    if _is_null(node):
        return ValuesFile(name=name, places={}, findings=())
    if not isinstance(node, yaml.MappingNode):
        return _only(_finding("XS013", "the file is not a mapping", Location(name, 1, 1), "begin with key: value"))
    places: dict[KeyPath, Place] = {}
    findings: list[Finding] = []
    links: dict[KeyPath, tuple[KeyPath, ...]] = {}
    for path, place, duplicate_of in _walk(node, name, (), {}, links):
        if duplicate_of:
            message = f"{'.'.join(path)} is set twice: Helm ignores line {duplicate_of} and uses this one"
            findings.append(_finding("XS011", message, place.key, "remove one of them", path))
        for location, unfit in ((place.key, syntax.template_as_key), (place.value, syntax.not_finite)):
            if wrong := unfit(lines, location.line - 1, location.column - 1):
                at = Location(name, wrong.line, wrong.column)
                findings.append(_finding("XS010", wrong.what, at, wrong.fix))
        if space := syntax.foreign_space(path[-1]):
            message = f"a key has {syntax.FOREIGN_SPACE.format(space[1])}"
            findings.append(_finding("XS010", message, place.key, syntax.FOREIGN_SPACE_FIX))
        places[path] = place
    return ValuesFile(name=name, places=places, findings=tuple(findings), links=links)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def _walk(
    node: yaml.Node,
    name: str,
    path: KeyPath,
    seen: dict[int, KeyPath],
    links: dict[KeyPath, tuple[KeyPath, ...]],
) -> Iterator[tuple[KeyPath, Place, int]]:
    """Yield path, place and the line of an earlier twin (0: none).

    An aliased node is walked once: `seen` has its path, and `links` gets it for the other paths.
    """
    if id(node) in seen:
        links[path] = (seen[id(node)],)
        return
    seen[id(node)] = path
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            text = _key(key)
            yield (*path, text), Place(_location(key, name), _location(value, name)), lines.get(text, 0)
            lines[text] = key.start_mark.line + 1
            yield from _walk(value, name, (*path, text), seen, links)
            if text == "<<":
                # Of several the first wins.
                several = isinstance(value, yaml.SequenceNode)
                merged = value.value if several else [value]
                links[path] = tuple(seen[id(item)] for item in merged)
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, str(index)), Place(_location(value, name), _location(value, name)), 0
            yield from _walk(value, name, (*path, str(index)), seen, links)


def _key(node: yaml.Node) -> str:
    """Return a key as Helm names it: to its YAML an unquoted y is true, and 0x10 is 16."""
    if not isinstance(node, yaml.ScalarNode):
        return "?"
    text = str(node.value)
    if node.style:
        return text
    if text in _TRUE or text in _FALSE:
        return "true" if text in _TRUE else "false"
    # To Helm, too, longer ones are not integers.
    if len(text) < _LONGEST_NUMBER and re.fullmatch(r"[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)", text):
        return str(int(text, 0))
    return text


_LONGEST_NUMBER = 64
_TRUE = frozenset("y Y yes Yes YES true True TRUE on On ON".split())
_FALSE = frozenset("n N no No NO false False FALSE off Off OFF".split())


def _location(node: yaml.Node, name: str) -> Location:
    return Location(name, node.start_mark.line + 1, node.start_mark.column + 1)


# What YAML admits unescaped; all else has to be written as "\\x1b".
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _control_character(text: str, name: str) -> Finding:
    found = _NOT_PRINTABLE.search(text)
    before = re.split(_LINE_BREAK, text[: found.start()]) if found else [""]
    which = f"the control character U+{ord(found[0]):04X}" if found else "a control character"
    place = Location(name, len(before), len(before[-1]) + 1) if found else Location(name)
    return _finding("XS010", f"not YAML: {which}", place, "remove it, or write it in double quotes as \\x1b")


def _not_yaml(error: yaml.YAMLError, text: str, name: str) -> Finding:
    found = isinstance(error, yaml.MarkedYAMLError) and syntax.mistake(error, re.split(_LINE_BREAK, text))
    if not found:
        return _finding("XS010", "not YAML: unreadable character", Location(name), "remove what is not text")
    return _finding("XS010", f"not YAML: {found.what}", Location(name, found.line, found.column), found.fix)


def _finding(rule: str, message: str, location: Location, fix: str, path: KeyPath = ()) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, message=message, location=location, path=".".join(path), fix=fix)


def _only(finding: Finding) -> ValuesFile:
    return ValuesFile(name=finding.location.file, places={}, findings=(finding,))


def key_path(text: str) -> KeyPath:
    """Return a key as `--set` and messages spell it as a path: `a\\.b.c[0]` is a.b, c and 0."""
    steps = re.findall(r"(?:[^.\[\\]|\\.)+|\[\d+\]", text)
    return tuple(step[1:-1] if step.startswith("[") else re.sub(r"\\(.)", r"\1", step) for step in steps)


def listed(allowed: Sequence[str]) -> str:
    """Return allowed values as one text, with words for an empty one."""
    return ", ".join([*filter(None, allowed), *(['or "" for none of them'] if "" in allowed else [])])


def dotted(steps: Iterable[str | int]) -> str:
    """Spell a path, in which elements of lists are numbers, as `--set` does: a.b[0]."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


@dataclasses.dataclass(frozen=True)
class SetKey:
    """One key of a flag of the `--set` families, as it was written."""

    flag: str
    key: str

    @functools.cached_property
    def path(self) -> KeyPath:
        """The key as a path."""
        return key_path(self.key)

    @property
    def location(self) -> Location:
        """The flag with the key."""
        return Location(f"{self.flag} {self.key}")


@dataclasses.dataclass(frozen=True)
class Origins:
    """Where effective values come from: files in Helm's order and the keys given with `--set` and its kin.

    `old_names` has pairs of a new and an old path: what is not set under its new name is looked for under the old one.
    """

    files: tuple[ValuesFile, ...] = ()
    set_keys: tuple[SetKey, ...] = ()
    old_names: tuple[tuple[KeyPath, KeyPath], ...] = ()

    def locate(self, path: KeyPath, *, key: bool = False) -> Location:
        """Return where a path was set last: a flag, a place in a file (its nearest parent for a missing key)."""
        path = self._as_given(path)
        for given in reversed(self.set_keys):
            shorter = min(len(given.path), len(path))
            if shorter and given.path[:shorter] == path[:shorter]:
                return given.location
        for length in range(len(path), 0, -1):
            for file in reversed(self.files):
                if place := file.place(path[:length]):
                    return place.value if length == len(path) and not key else place.key
        return Location(self.files[-1].name if self.files else "the chart's default values")

    def _as_given(self, path: KeyPath) -> KeyPath:
        for new, old in self.old_names:
            if path[: len(new)] == new and not self.has(new) and self.has(old):
                return (*old, *path[len(new) :])
        return path

    def sets(self, path: KeyPath) -> bool:
        """Return whether a flag or a file has a value at this very path, or below it, be it under an old name."""
        return self.has(self._as_given(path))

    def has(self, path: KeyPath) -> bool:
        """Return whether a flag or a file has a value at this very path, or below it, under this very name."""
        flags = any(given.path[: len(path)] == path for given in self.set_keys)
        return flags or any(file.place(path) for file in self.files)

    def line(self, location: Location) -> str:
        """Return the text of a location's line, or nothing where there is none."""
        lines = next((file.lines for file in self.files if file.name == location.file), ())
        return lines[location.line - 1] if 0 < location.line <= len(lines) else ""


# A key and its value of `--set`: parts are separated by commas, but not within a list in braces or behind a backslash.
_SET = re.compile(r"((?:[^=,\\]|\\.)+)=(?:\{[^}]*\}|(?:[^,\\]|\\.)*)(?:,|$)", re.DOTALL)
_SEVERAL = frozenset({"--set", "--set-string", "--set-file"})


def set_keys(sets: Iterable[tuple[str, str]]) -> tuple[SetKey, ...]:
    """Return the keys that flags of the `--set` families name, of JSON without a key those on its top level."""
    return tuple(SetKey(flag, key) for flag, text in sets for key in _keys_of(flag, text))


def _keys_of(flag: str, text: str) -> list[str]:
    if flag == "--set-json" and text.lstrip().startswith("{"):
        try:
            return list(json.loads(text))
        except ValueError:
            return []
    several = _SET.findall(text) if flag in _SEVERAL else []
    return several or [text.partition("=")[0]]


def changed(
    values: Mapping[str, Any], defaults: Mapping[str, Any], path: KeyPath = ()
) -> Iterator[tuple[KeyPath, object]]:
    """Yield paths and values that are not the default ones; a key without a default counts whole."""
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            yield from changed(value, default, (*path, key))
        elif value != default:
            yield (*path, key), value
