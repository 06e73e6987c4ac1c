"""`.xscaler.yaml` in the working directory: facts that values do not contain, and which findings are accepted.

mesh: {proxies: 300, peers: 10, codes: 3}
podSecurity: privileged        # the level that the namespace of the release enforces
ignore:
  - {rule: XS213, path: metrics.profile, reason: we debug Envoy until March}
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.checks.case import POD_SECURITY_LEVELS, Environment, Mesh, is_mesh, is_size
from xscaler_istio.findings.findings import Location
from xscaler_istio.findings.ignores import Ignore
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = ".xscaler.yaml"
_KEYS = ("mesh", "podSecurity", "ignore")
_IGNORE_KEYS = ("rule", "path", "reason")


@dataclasses.dataclass(frozen=True)
class Project:
    """The content of the file."""

    environment: Environment = dataclasses.field(default_factory=Environment)
    ignores: tuple[Ignore, ...] = ()

    def with_mesh(self, mesh: Mesh | None) -> Project:
        """Return it with the size of a mesh in the place of the file's, where one is given."""
        environment = dataclasses.replace(self.environment, mesh=mesh or self.environment.mesh)
        return dataclasses.replace(self, environment=environment)


def read(folder: Path) -> Project:
    """Read the file of a folder; an empty project where there is none. Raises SetupError with the key that is wrong."""
    file = folder / NAME
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Project()
    except OSError as error:
        raise SetupError(f"cannot read {file}: {error.strerror}", "fix or remove it") from error
    parsed = places.parse(content, NAME)
    for finding in parsed.findings:
        raise SetupError(f"{finding.location}: {finding.message}", finding.fix)
    return _parse(_load(content) or {}, parsed)


class _Loader(yaml.SafeLoader):
    """PyYAML's, which names the place of a value that only looks like what it is read as: 2026-02-30 is not a date."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, AttributeError, LookupError) as error:
            why = "is not valid for its type; quote it if it is a string"
            raise yaml.constructor.ConstructorError(None, None, f"the value {why}", node.start_mark) from error


def _load(content: bytes) -> Any:
    try:
        return yaml.load(content, _Loader)  # noqa: S506 - a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Location(NAME, mark.line + 1, mark.column + 1) if mark else Location(NAME)
        raise SetupError(f"{place}: {error.problem}", "write plain keys, texts, numbers and lists") from error


def _parse(document: Mapping[str, object], places: places.ValuesFile) -> Project:
    """Turn the parsed file into a project; raise SetupError with the key that is wrong."""
    _known(document, _KEYS, "")
    level = document.get("podSecurity", "")
    if not isinstance(level, str) or level not in ("", *POD_SECURITY_LEVELS):
        raise SetupError(f"{NAME}: podSecurity is not a valid level", f"use one of: {', '.join(POD_SECURITY_LEVELS)}")
    listed = document.get("ignore") or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise SetupError(f"{NAME}: ignore must be a list of maps", "- {rule: XS213, reason: why}")
    ignores = tuple(_ignore(item, number, places) for number, item in enumerate(listed))
    return Project(Environment(_mesh(document.get("mesh")), level), ignores)


def _mesh(block: object) -> Mesh | None:
    if block is None:
        return None
    given = block if isinstance(block, dict) else {}
    whole = {
        str(name): size
        for name, size in given.items()
        if isinstance(size, int) and not isinstance(size, bool) and is_size(size)
    }
    if len(whole) != len(given) or not is_mesh(whole):
        raise SetupError(f"{NAME}: mesh is not a size", "mesh: {proxies: 300, peers: 10, codes: 3}")
    return Mesh(**whole)


def _ignore(item: Mapping[str, object], number: int, places: places.ValuesFile) -> Ignore:
    _known(item, _IGNORE_KEYS, f"ignore[{number}].")
    place = places.places.get(("ignore", str(number)))
    rule, path, reason = (str(item.get(key) or "").strip() for key in _IGNORE_KEYS)
    return Ignore(rule=rule, reason=reason, location=place.value if place else Location(NAME), path=path)


def _known(block: Mapping[str, object], keys: tuple[str, ...], prefix: str) -> None:
    for key in block:
        if key not in keys:
            raise SetupError(f"{NAME}: unknown key {prefix}{key}", f"allowed: {', '.join(keys)}")
