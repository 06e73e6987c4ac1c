"""Values against the chart's JSON schema, as findings that a person can act on. No finding shows a value that may
be a secret."""

from __future__ import annotations

import dataclasses
import difflib
import json
from typing import TYPE_CHECKING, Any

import jsonschema

from xscaler_istio.errors import SetupError
from xscaler_istio.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from xscaler_istio.values import KeyPath, Origins

    # JSON Schema and values are arbitrary JSON.
    Json = Mapping[str, Any]

_TYPE_NAMES = {
    bool: "true/false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a map",
    type(None): "nothing (null)",
}
_WANTED = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text (in quotes)",
    "array": "a list",
    "object": "a map",
}
_SECRET_WORDS = ("token", "password", "secret", "credential", "apikey", "bearer")


@dataclasses.dataclass(frozen=True)
class _Violation:
    """One error of the validator: the rule broken, what it wanted, the schema around it, and the value."""

    rule: str
    wanted: Any
    schema: Json
    value: Any
    path: KeyPath

    @classmethod
    def of(cls, error: jsonschema.ValidationError) -> _Violation:
        around = error.schema if isinstance(error.schema, dict) else {}
        path = tuple(str(step) for step in error.absolute_path)
        return cls(str(error.validator), error.validator_value, around, error.instance, path)


def load(chart: Path) -> Json:
    """Return the chart's schema; raise SetupError where it has none."""
    file = chart / "values.schema.json"
    try:
        loaded: Json = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SetupError(f"cannot read {file}", "name a chart with --chart") from error
    return loaded


def check(values: Json, schema: Json, origins: Origins) -> tuple[Finding, ...]:
    """Return all violations, in the order of their places."""
    errors = jsonschema.Draft7Validator(schema).iter_errors(values)
    found = [finding for error in errors for finding in _findings(_Violation.of(error), schema, origins)]
    return tuple(sorted(found, key=lambda finding: (finding.location.file, finding.location.line, finding.path)))


def _findings(error: _Violation, schema: Json, origins: Origins) -> Iterator[Finding]:
    path = error.path
    if error.rule == "additionalProperties" and isinstance(error.value, dict):
        yield from (_unknown_key((*path, key), error, schema, origins) for key in _extra_keys(error))
        return
    message, fix = _WORDS.get(error.rule, _other)(error, ".".join(path))
    yield Finding("XS002", Severity.ERROR, message, origins.locate(path), ".".join(path), fix)


def _extra_keys(error: _Violation) -> list[str]:
    known = error.schema.get("properties", {})
    return [key for key in error.value if key not in known and not str(key).startswith("x-")]


def _unknown_key(path: KeyPath, error: _Violation, schema: Json, origins: Origins) -> Finding:
    siblings = list(error.schema.get("properties", {}))
    fix = suggestion(path, siblings, schema)
    location = origins.locate(path, key=True)
    return Finding("XS001", Severity.ERROR, f"{'.'.join(path)} is no key of this chart", location, ".".join(path), fix)


def suggestion(path: KeyPath, siblings: list[str], schema: Json) -> str:
    """Say what may have been meant by an unknown key; `siblings` are the keys that are known beside it."""
    key = path[-1]
    # clusterName, as other charts call it, is cluster.name here.
    squashed = {"".join(known).lower(): ".".join(known) for known in paths(schema)}
    if key.lower() in squashed and key not in siblings and "." in squashed[key.lower()]:
        return f"did you mean {squashed[key.lower()]}?"
    if close := difflib.get_close_matches(key, siblings, n=1, cutoff=0.75):
        return f"did you mean {'.'.join((*path[:-1], close[0]))}?"
    if any(word in key.lower().replace("-", "").replace("_", "") for word in _SECRET_WORDS):
        return "the token belongs in a Secret that xscaler.auth.existingSecret.name names (xscaler.auth.token to try)"
    if elsewhere := [".".join(known) for known in paths(schema) if known[-1] == key]:
        return f"did you mean {elsewhere[0]}?"
    everywhere = {known[-1]: ".".join(known) for known in paths(schema)}
    if close := difflib.get_close_matches(key, everywhere, n=1, cutoff=0.8):
        return f"did you mean {everywhere[close[0]]}?"
    return f"allowed here: {', '.join(sorted(siblings))}" if siblings else "remove it"


def paths(schema: Json, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of all keys, parents before their children."""
    for name, child in schema.get("properties", {}).items():
        yield (*path, name)
        yield from paths(child, (*path, name))


def _wrong_type(error: _Violation, path: str) -> tuple[str, str]:
    wanted = [_WANTED[name] for name in _as_list(error.wanted)]
    got = _TYPE_NAMES.get(type(error.value), "something else")
    return f"{path} is {got}", f"it must be {' or '.join(wanted)}"


def _not_allowed(error: _Violation, path: str) -> tuple[str, str]:
    allowed = [str(value) for value in error.wanted]
    close = difflib.get_close_matches(str(error.value), allowed, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{path} has a value that is not allowed", f"{hint}allowed: {', '.join(allowed)}"


def _pattern(error: _Violation, path: str) -> tuple[str, str]:
    expected = error.schema.get("x-error", f"it must match {error.wanted}")
    return f"{path} is not in the right form", str(expected)


def _bound(error: _Violation, path: str) -> tuple[str, str]:
    words = {
        "minimum": "at least",
        "maximum": "at most",
        "minLength": "characters at least",
        "maxLength": "characters at most",
    }
    return f"{path} is out of range", f"{words[error.rule]} {error.wanted}"


def _required(error: _Violation, path: str) -> tuple[str, str]:
    missing = [name for name in error.wanted if name not in error.value]
    return f"{path} lacks {', '.join(missing)}", f"add {', '.join(missing)} below {path}"


def _other(error: _Violation, path: str) -> tuple[str, str]:
    return f"{path or 'the values'} break the rule {error.rule}", "see the comment on the key in chart/values.yaml"


_WORDS: Mapping[str, Callable[[_Violation, str], tuple[str, str]]] = {
    "type": _wrong_type,
    "enum": _not_allowed,
    "pattern": _pattern,
    "minimum": _bound,
    "maximum": _bound,
    "minLength": _bound,
    "maxLength": _bound,
    "required": _required,
}


def _as_list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
