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
from xscaler_istio.system.masks import looks_like_token
from xscaler_istio.values import foreign, lookalikes
from xscaler_istio.values.excerpt import may_be_secret
from xscaler_istio.values.places import dotted, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import jsonschema

    from xscaler_istio.values.places import KeyPath, Origins

    Steps = tuple[str | int, ...]
    # JSON Schema and values are arbitrary JSON.
    Json = Mapping[str, Any]

# No one reads more of them, and each takes a millisecond.
MOST_FINDINGS = 300
# Enough to recognise a block by.
_MOST_KEYS = 5
_TYPE_NAMES = {
    bool: "true/false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a map",
    type(None): "nothing (null)",
}
_WANTED = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string (in quotes)",
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
        raise SetupError(f"cannot read {file}", "give a chart with --chart") from error
    found: Json = _with_patterns(loaded)
    return found


def _with_patterns(node: Any) -> Any:
    """Return a schema with plain patterns; the chart has them in a form of which Helm prints no value."""
    if isinstance(node, list):
        return [_with_patterns(item) for item in node]
    if not isinstance(node, dict):
        return node
    read = {key: _with_patterns(child) for key, child in node.items()}
    condition = read.get("if")
    if (
        isinstance(condition, dict)
        and condition.keys() == {"pattern"}
        and read.get("else") == {"const": read["x-error"]}
    ):
        del read["if"], read["else"]
        read |= condition
    return read


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
    # Imported only after Helm has refused values: the import takes as long as Helm's start.
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
        # Unknown keys are not a fault of the map that they stand in.
        place = (violation.path, violation.of_key, violation.rule == "additionalProperties")
        if place not in chosen or _weight(violation) < _weight(chosen[place]):
            chosen[place] = violation
    return list(chosen.values())


def _weight(violation: _Violation) -> int:
    return _WEIGHT.index(violation.rule) if violation.rule in _WEIGHT else len(_WEIGHT)


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
        fix = f"{fix} with --set-json {error.name}=…; this flag makes it a string"
    yield Finding(rule="XS002", severity=Severity.ERROR, message=words, location=place, path=error.name, fix=fix)


def _is_text_by_flag(error: _Violation, place: Location) -> bool:
    """Return whether a value is a string only because of its flag: --set knows only whole numbers, true and false."""
    if error.rule != "type" or not isinstance(error.value, str) or not place.file.startswith("--set"):
        return False
    if _beyond_integers(error):
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
        message = "the text after a comma is not a key of this chart (hidden: it may be part of a token)"
        flag = Location(location.file.partition(" ")[0])
        return Finding(
            rule="XS001",
            severity=Severity.ERROR,
            message=message,
            location=flag,
            path="",
            fix=r"a comma within a value takes a backslash: \,",
        )
    fix = suggestion(path, list(lasting(error.schema)), known)
    split = _split_at_dots(path) in known
    return Finding(
        rule="XS001",
        severity=Severity.ERROR,
        message=f"{name} is written as one key, and YAML does not split it at the dots"
        if split
        else f"{name} is not a key of this chart",
        location=location,
        path=name,
        fix=fix,
    )


def _unwanted_key(key: str, error: _Violation, _known: Sequence[KeyPath], origins: Origins) -> Finding:
    """Say that a key has no place beside others, which the condition names."""
    name, beside = dotted((*error.steps, key)), ", ".join(error.schema["properties"])
    location = origins.locate((*error.path, key), key=True)
    message = f"{name} is not allowed here, {error.because}"
    return Finding(
        rule="XS002", severity=Severity.ERROR, message=message, location=location, path=name, fix=f"allowed: {beside}"
    )


def _split_at_dots(path: KeyPath) -> KeyPath | None:
    """Return the path that was meant by a key with dots in it; nothing for one without."""
    return (*path[:-1], *path[-1].split(".")) if "." in path[-1] else None


def suggestion(path: KeyPath, siblings: list[str], known: Sequence[KeyPath]) -> str:
    """Say what may have been meant by an unknown key; `siblings` are the keys beside it, `known` all there are."""
    key = path[-1]
    if _split_at_dots(path) in known:
        *parents, last = key.split(".")
        return f"nest it: {''.join(f'{parent}: {{' for parent in parents)}{last}: …{'}' * len(parents)}"
    if len(path) == 1 and key in foreign.KEYS:
        return foreign.KEYS[key]
    # clusterName, as other charts call it, is cluster.name here.
    squashed = {"".join(other).lower(): ".".join(other) for other in known}
    if key.lower() in squashed and key not in siblings and "." in squashed[key.lower()]:
        return f"did you mean {squashed[key.lower()]}?"
    known = [other for other in known if other[-1] not in _SAYS_LITTLE]
    same = [other for other in known if other[-1] == key]
    below = len(path) > 1 and any(other[: len(path) - 1] == path[:-1] for other in same)
    beside = _near(key, {name: name for name in siblings})
    beside = beside or ("" if below else _near(key, {tail: name for name in siblings for tail in _tails(name)}))
    if beside:
        return f"did you mean {'.'.join((*path[:-1], beside))}?"
    if any(word in key.lower().replace("-", "").replace("_", "") for word in _SECRET_WORDS):
        return (
            "put the token into a Secret and name it in xscaler.auth.existingSecret.name"
            " (xscaler.auth.token is for a trial)"
        )
    close = difflib.get_close_matches(key, {other[-1] for other in known}, n=1, cutoff=0.8) if not same else []
    if meant := _nearest(path, same or [other for other in known if other[-1] in close]):
        *others, last = (".".join(other) for other in meant)
        return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    return f"allowed here: {', '.join(sorted(siblings))}" if siblings else "remove it"


def _near(key: str, names: Mapping[str, str]) -> str:
    """Return the name of the spelling that is most like a key; nothing if none is like it."""
    spelled = {spelling.lower(): name for spelling, name in names.items()}
    close = difflib.get_close_matches(key.lower(), spelled, n=1, cutoff=_ALIKE)
    return spelled[close[0]] if close else ""


# Of two names, as difflib.SequenceMatcher.ratio counts: one wrong letter in four.
_ALIKE = 0.75


def _tails(name: str) -> list[str]:
    """Return what remains of a name in camel case without its first words: Interval of scrapeInterval."""
    return [name[start:] for start in range(1, len(name)) if name[start].isupper()]


# More would not help to find the right one.
_MOST_MEANT = 5
# So many blocks have it that the name does not show which is meant.
_SAYS_LITTLE = ("enabled",)


def _nearest(path: KeyPath, same: Iterable[KeyPath]) -> list[KeyPath]:
    """Return those of the keys of one name that are nearest to a path: in the same blocks, or else the least deep.

    None where they are many: then nothing says which is meant.
    """

    def distance(other: KeyPath) -> tuple[int, int]:
        shared = next((depth for depth, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), len(path))
        return -shared, len(other)

    keys = list(same)
    best = min(map(distance, keys), default=None)
    found = [other for other in keys if distance(other) == best]
    return found if len(found) <= _MOST_MEANT else []


def paths(schema: Json, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of all keys, parents before their children; old names are left out."""
    for name, child in lasting(schema).items():
        yield (*path, name)
        yield from paths(child, (*path, name))


def lasting(schema: Json) -> Mapping[str, Json]:
    """Return the properties of a schema without old names."""
    return {name: child for name, child in schema.get("properties", {}).items() if not child.get("deprecated")}


def _wrong_type(error: _Violation, path: str) -> tuple[str, str]:
    # Null is admitted for old names only, and counts as absent.
    wanted = [_WANTED[name] for name in _as_list(error.wanted) if name != "null"]
    got = "empty" if error.value == "" else _TYPE_NAMES.get(type(error.value), "something else")
    if _beyond_integers(error):
        return f"{path} is out of range", f"use at most {error.schema.get('maximum', _LARGEST_INTEGER)}"
    form, pattern = error.schema.get("x-error"), str(error.schema.get("pattern", ""))
    # 30 in quotes is not a duration either; 1e3 and yes in quotes may be what was meant.
    whole = form and pattern and isinstance(error.value, int)
    if whole and not re.search(_end_of_text(pattern), json.dumps(error.value), re.ASCII):
        return f"{path} is {got}", f"use {form}"
    fix = f"use {' or '.join(wanted)}"
    if isinstance(error.value, bool) and wanted == [_WANTED["string"]]:
        fix += "; without quotes, YAML reads y, n, yes, no, on and off as true or false"
    if wanted == [_WANTED["object"]] and (keys := list(lasting(error.schema))):
        first = error.value.partition(" ")[0] if isinstance(error.value, str) else ""
        if first in keys:
            return f"{path} is {got}", f"put a colon after {first}, as in {first}: …"
        fix += f" with {', '.join(keys[:_MOST_KEYS])}{', …' if len(keys) > _MOST_KEYS else ''}"
    if wanted == [_WANTED["array"]]:
        fix += ": [a, b], or a line with - for each item"
    return f"{path} is {got}", fix


_LARGEST_INTEGER = 2**63 - 1


def _beyond_integers(error: _Violation) -> bool:
    """Return whether a string is a whole number that is none to Helm, because 64 bits do not hold it."""
    digits = re.fullmatch(r"[-+]?0*([1-9][0-9]{18,})", error.value) if isinstance(error.value, str) else None
    # Compared as text: Python reads no number of thousands of digits.
    largest = str(_LARGEST_INTEGER)
    number = digits[1] if digits else ""
    wanted = _as_list(error.wanted)
    return bool({"integer", "number"} & set(wanted)) and (len(number), number) > (len(largest), largest)


def _not_allowed(error: _Violation, path: str) -> tuple[str, str]:
    old = error.schema.get("x-deprecated-values", ())
    allowed = [str(value) for value in error.wanted if value not in old and value is not None]
    close = difflib.get_close_matches(str(error.value), allowed, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{path} has a value that is not allowed", f"{hint}allowed: {listed(allowed)}"


def _pattern(error: _Violation, path: str) -> tuple[str, str]:
    expected = f"use {error.schema.get('x-error', f'a text that matches {error.wanted}')}"
    if looks_like_token(error.value):
        return f"{path} looks like a token", f"{expected}; put the token into a Secret"
    if found := lookalikes.placeholder(error.value):
        return f"{path} contains the placeholder {found}", f"{expected}; Helm does not expand placeholders in values"
    return f"{path} {lookalikes.untidy(error.value) or 'is not in the right form'}", expected


def _bound(error: _Violation, path: str) -> tuple[str, str]:
    if (error.rule, error.wanted, error.value) == ("minLength", 1, ""):
        return f"{path} is empty", "give it a value"
    most = "at most" if error.rule.startswith("max") else "at least"
    unit = " characters" if error.rule.endswith("Length") else ""
    return f"{path} is out of range", f"use {most} {error.wanted}{unit}"


def _required(error: _Violation, path: str) -> tuple[str, str]:
    missing = ", ".join(name for name in error.wanted if name not in error.value)
    place = f" below {path}" if path else ""
    return f"required keys are missing{place}: {missing}", f"add {missing}{place}"


def _constant(error: _Violation, path: str) -> tuple[str, str]:
    return f"{path} has a value that is not allowed", f"allowed: {json.dumps(error.wanted)}"


def _alternatives(error: _Violation, path: str) -> tuple[str, str]:
    forms = [_form(branch) for branch in error.wanted]
    return (
        f"{path or 'the values'}: the value matches none of {len(forms)} allowed forms",
        f"write one of: {'; or '.join(forms)}",
    )


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
    return (
        f"{path or 'the values'}: the schema's rule `{error.rule}` does not hold",
        "see the comment on the key in chart/values.yaml",
    )


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
