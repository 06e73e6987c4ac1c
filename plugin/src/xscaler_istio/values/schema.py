"""Values against the chart's JSON schema, as findings that a person can act on. No finding shows a value that may
be a secret."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.findings.findings import Finding, Location, Severity
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values.excerpt import may_be_secret
from xscaler_istio.values.places import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import jsonschema

    from xscaler_istio.values.effective import Effective
    from xscaler_istio.values.places import KeyPath, Origins

    Steps = tuple[str | int, ...]
    # JSON Schema and values are arbitrary JSON.
    Json = Mapping[str, Any]

# Nobody reads more of them, and each takes a millisecond.
MOST_FINDINGS = 300
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Violation:
    """One error of the validator: the rule broken, what it wanted, the schema around it, and the value.

    `steps` is the value's path, with numbers for elements of lists. `because` is the condition under which the rule
    holds, in words; nothing where it always does. With `of_key` it is the name of a key that breaks the rule, and
    `steps` ends with it.
    """

    rule: str
    wanted: Any
    schema: Json
    value: Any
    steps: Steps
    because: str = ""
    of_key: bool = False

    @classmethod
    def of(cls, error: jsonschema.ValidationError, schema: Json) -> _Violation:
        around = error.schema if isinstance(error.schema, dict) else {}
        steps = tuple(error.absolute_path)
        rules = list(error.absolute_schema_path)
        because = _condition(rules, steps, schema)
        of_key = "propertyNames" in rules
        place = (*steps, str(error.instance)) if of_key else steps
        return cls(
            rule=str(error.validator),
            wanted=error.validator_value,
            schema=around,
            value=error.instance,
            steps=place,
            because=because,
            of_key=of_key,
        )

    @property
    def path(self) -> KeyPath:
        """The path as places are looked up."""
        return tuple(map(str, self.steps))

    @property
    def name(self) -> str:
        """The path as people read it."""
        return dotted(self.steps)


def load(chart: Path) -> Json:
    """Return the chart's schema; raise SetupError where it has none."""
    file = chart / "values.schema.json"
    try:
        loaded: Json = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SetupError(f"cannot read {file}", "name a chart with --chart") from error
    return loaded


def check(values: Json, schema: Json, origins: Origins) -> tuple[Finding, ...]:
    """Return what is wrong, in the order of its places: of each value the one violation that matters.

    More than MOST_FINDINGS are not looked for.
    """
    known = tuple(paths(schema))
    errors = itertools.islice(_validator()(schema).iter_errors(values), MOST_FINDINGS)
    violations = _one_for_each_value(_Violation.of(error, schema) for error in errors)
    findings = (finding for violation in violations for finding in _findings(violation, known, origins))
    found = itertools.islice(findings, MOST_FINDINGS)
    return tuple(sorted(found, key=lambda finding: (finding.location.file, finding.location.line, finding.path)))


def _pattern_as_in_go(
    _validator: object, pattern: str, instance: object, _schema: Json
) -> Iterator[jsonschema.ValidationError]:
    """Match as Helm does: to Go's RE2 `$` is the end and not a line's, and letters and digits are those of ASCII."""
    import jsonschema

    if isinstance(instance, str) and not re.search(_end_of_text(pattern), instance, re.ASCII):
        yield jsonschema.ValidationError("does not match")


def _end_of_text(pattern: str) -> str:
    return re.sub(r"(\\.|\[(?:\\.|[^\]\\])*\])|\$", lambda found: found[1] or r"\Z", pattern)


@functools.cache
def _validator() -> Callable[[Json], jsonschema.protocols.Validator]:
    # Loaded where Helm refuses values, and has to be said why: it takes as long as Helm to start.
    import jsonschema
    import jsonschema.validators

    extended: Callable[[Json], jsonschema.protocols.Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft7Validator, {"pattern": _pattern_as_in_go}
    )
    return extended


# A value of a wrong type breaks its pattern and bounds too, and means nothing to the rules around it.
_WEIGHT = ("additionalProperties", "type", "const", "enum", "pattern")


def _one_for_each_value(violations: Iterable[_Violation]) -> list[_Violation]:
    chosen: dict[tuple[KeyPath, bool, bool], _Violation] = {}
    for violation in violations:
        # Unknown keys are no fault of the map that they stand in.
        place = (violation.path, violation.of_key, violation.rule == "additionalProperties")
        if place not in chosen or _weight(violation) < _weight(chosen[place]):
            chosen[place] = violation
    return list(chosen.values())


def _weight(violation: _Violation) -> int:
    return _WEIGHT.index(violation.rule) if violation.rule in _WEIGHT else len(_WEIGHT)


def deprecated(effective: Effective, schema: Json, origins: Origins) -> Iterator[Finding]:
    """Yield the keys that are set and that the schema marks with `x-deprecated: {since, use}`."""
    for path in effective.changed():
        keys = tuple(path.split("."))
        for length in range(1, len(keys) + 1):
            marked = _at(schema, keys[:length]).get("x-deprecated")
            if marked:
                name = ".".join(keys[:length])
                message = f"{name} is deprecated since {marked['since']}, and will be refused later"
                place = origins.locate(keys[:length], key=True)
                yield Finding(
                    rule="XS003",
                    severity=Severity.WARNING,
                    message=message,
                    location=place,
                    path=name,
                    fix=f"use {marked['use']}",
                )
                break


def _at(schema: Json, keys: KeyPath) -> Json:
    for key in keys:
        schema = schema.get("properties", {}).get(key, {})
    return schema


def _condition(steps: list[str | int], path: Steps, schema: Json) -> str:
    """Return the condition on the way to a rule, if it lies below `then` or `else`, in words; path is the value's."""
    around: Any = schema
    depth = 0
    for before, step in zip([None, *steps], steps, strict=False):
        if step in ("then", "else") and isinstance(around, dict) and "if" in around:
            words = " and ".join(_conditions(around["if"], path[:depth]))
            return f"{'because' if step == 'then' else 'unless'} {words}" if words else ""
        around = around[step]
        depth += before == "properties" or step == "items"
    return ""


def _conditions(condition: Json, path: Steps = ()) -> Iterator[str]:
    for name, child in condition.get("properties", {}).items():
        key = dotted((*path, name))
        if "const" in child:
            yield f"{key} is {json.dumps(child['const'])}"
        elif "enum" in child:
            yield f"{key} is one of {', '.join(map(str, child['enum']))}"
        yield from _conditions(child, (*path, name))
    judged = condition.get("properties", {})
    yield from (f"{dotted((*path, name))} is set" for name in condition.get("required", []) if name not in judged)


def _findings(error: _Violation, known: Sequence[KeyPath], origins: Origins) -> Iterator[Finding]:
    if error.rule == "additionalProperties" and isinstance(error.value, dict):
        word = _unwanted_key if error.because else _unknown_key
        yield from (word(key, error, known, origins) for key in _extra_keys(error))
        return
    message, fix = _WORDS.get(error.rule, _other)(error, f"the name of {error.name}" if error.of_key else error.name)
    words = f"{message}, {error.because}" if error.because else message
    place = origins.locate(error.path, key=error.of_key)
    if _is_text_by_flag(error, place):
        fix = f"{fix}, of which this flag makes a text: --set-json {error.name}=…"
    yield Finding(rule="XS002", severity=Severity.ERROR, message=words, location=place, path=error.name, fix=fix)


def _is_text_by_flag(error: _Violation, place: Location) -> bool:
    """Return whether a value is a text only because of its flag: --set knows whole numbers, true and false alone."""
    if error.rule != "type" or not isinstance(error.value, str) or not place.file.startswith("--set"):
        return False
    try:
        return bool(_validator()({"type": error.wanted}).is_valid(json.loads(error.value)))
    except ValueError:
        return False


def _extra_keys(error: _Violation) -> list[str]:
    known = error.schema.get("properties", {})
    return [key for key in error.value if key not in known and not str(key).startswith("x-")]


def _unknown_key(key: str, error: _Violation, known: Sequence[KeyPath], origins: Origins) -> Finding:
    name, path = dotted((*error.steps, key)), (*error.path, key)
    location = origins.locate(path, key=True)
    if location.file.startswith("--set") and not error.path and may_be_secret(key):
        message = "a part behind a comma is no key of this chart, and not shown as it may be one of a token"
        flag = Location(location.file.partition(" ")[0])
        return Finding(
            rule="XS001",
            severity=Severity.ERROR,
            message=message,
            location=flag,
            path="",
            fix=r"a comma within a value takes a backslash: \,",
        )
    fix = suggestion(path, list(error.schema.get("properties", {})), known)
    return Finding(
        rule="XS001",
        severity=Severity.ERROR,
        message=f"{name} is no key of this chart",
        location=location,
        path=name,
        fix=fix,
    )


def _unwanted_key(key: str, error: _Violation, _known: Sequence[KeyPath], origins: Origins) -> Finding:
    """Say that a key has no place beside others, which the condition names."""
    name, beside = dotted((*error.steps, key)), ", ".join(error.schema["properties"])
    location = origins.locate((*error.path, key), key=True)
    message = f"{name} has no place here, {error.because}"
    return Finding(
        rule="XS002", severity=Severity.ERROR, message=message, location=location, path=name, fix=f"allowed: {beside}"
    )


def suggestion(path: KeyPath, siblings: list[str], known: Sequence[KeyPath]) -> str:
    """Say what may have been meant by an unknown key; `siblings` are the keys beside it, `known` all there are."""
    key = path[-1]
    # clusterName, as other charts call it, is cluster.name here.
    squashed = {"".join(other).lower(): ".".join(other) for other in known}
    if key.lower() in squashed and key not in siblings and "." in squashed[key.lower()]:
        return f"did you mean {squashed[key.lower()]}?"
    if close := difflib.get_close_matches(key, siblings, n=1, cutoff=0.75):
        return f"did you mean {'.'.join((*path[:-1], close[0]))}?"
    if longer := [other for other in siblings if other.endswith(f"{key[:1].upper()}{key[1:]}")]:
        return f"did you mean {'.'.join((*path[:-1], longer[0]))}?"
    if any(word in key.lower().replace("-", "").replace("_", "") for word in _SECRET_WORDS):
        return "the token belongs in a Secret that xscaler.auth.existingSecret.name names (xscaler.auth.token to try)"
    if elsewhere := [".".join(other) for other in known if other[-1] == key]:
        return f"did you mean {elsewhere[0]}?"
    everywhere = {other[-1]: ".".join(other) for other in known}
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
    form, pattern = error.schema.get("x-error"), str(error.schema.get("pattern", ""))
    # 30 in quotes is no duration either; 1e3 and yes in quotes may be what was meant.
    whole = form and pattern and isinstance(error.value, int)
    if whole and not re.search(_end_of_text(pattern), json.dumps(error.value), re.ASCII):
        return f"{path} is {got}", str(form)
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
    if (error.rule, error.wanted, error.value) == ("minLength", 1, ""):
        return f"{path} is empty", "give it a value"
    words = {
        "minimum": "at least",
        "maximum": "at most",
        "minLength": "characters at least",
        "maxLength": "characters at most",
    }
    return f"{path} is out of range", f"{words[error.rule]} {error.wanted}"


def _required(error: _Violation, path: str) -> tuple[str, str]:
    missing = ", ".join(name for name in error.wanted if name not in error.value)
    place = f" below {path}" if path else ""
    return f"{path or 'the whole'} lacks {missing}", f"add {missing}{place}"


def _constant(error: _Violation, path: str) -> tuple[str, str]:
    return f"{path} has a value that is not allowed", f"allowed: {json.dumps(error.wanted)}"


def _alternatives(error: _Violation, path: str) -> tuple[str, str]:
    forms = [_form(branch) for branch in error.wanted]
    return f"{path or 'the whole'} fits none of {len(forms)} allowed forms", f"write one of: {'; or '.join(forms)}"


def _form(branch: Json) -> str:
    """Return what a branch of oneOf or anyOf wants, in words."""
    if title := branch.get("title") or branch.get("description"):
        return str(title)
    fixed = [f"{name}: {child['const']}" for name, child in branch.get("properties", {}).items() if "const" in child]
    needed = [name for name in branch.get("required", []) if name not in branch.get("properties", {}) or not fixed]
    if fixed or needed:
        return f"a map with {', '.join((*fixed, *needed))}"
    wanted = [_WANTED[name] for name in _as_list(branch.get("type", []))]
    return " or ".join(wanted) or json.dumps(branch)


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
    "const": _constant,
    "oneOf": _alternatives,
    "anyOf": _alternatives,
}


def _as_list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
