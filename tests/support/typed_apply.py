"""What the API server checks of lists in server-side apply, which Helm 4 uses: no two entries with the same key.

The types are those of client-go, from which structured-merge-diff checks an applied object:
https://github.com/kubernetes/client-go/blob/v0.37.1/applyconfigurations/internal/internal.go
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import yaml

from .tools import go_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE = "applyconfigurations/internal/internal.go"
# Groups whose name is not the first part of the API group.
_PACKAGES = {"": "core", "rbac.authorization.k8s.io": "rbac"}

# A type of structured-merge-diff's schema, and a part of an object: YAML, arbitrary by nature.
Type = dict[str, Any]


@functools.cache
def types() -> dict[str, Type]:
    """Return the types of Kubernetes' objects by name, as Helm 4's client-go has them."""
    text = (go_module("k8s.io/client-go", "helm4") / _FILE).read_text(encoding="utf-8")
    schema = text.partition("typed.YAMLObject(`")[2].partition("`)")[0]
    return {item["name"]: item for item in yaml.load(schema, Loader=yaml.CSafeLoader)["types"]}


def type_name(document: Mapping[str, Any]) -> str:
    """Return the name of the type of an object."""
    group, _, version = document["apiVersion"].rpartition("/")
    return f"io.k8s.api.{_PACKAGES.get(group) or group.partition('.')[0]}.{version}.{document['kind']}"


def duplicates(document: Mapping[str, Any]) -> list[str]:
    """Return the entries of an object's lists that have the key of an earlier entry; none for a kind of other APIs."""
    found = types().get(type_name(document))
    return list(_duplicates(found, document, document["kind"])) if found else []


def _duplicates(kind: Type, node: Any, place: str) -> Iterator[str]:
    kind = types()[kind["namedType"]] if "namedType" in kind else kind
    if isinstance(node, dict) and "map" in kind:
        known = {field["name"]: field["type"] for field in kind["map"].get("fields", ())}
        of_others = kind["map"].get("elementType", {})
        for key, value in node.items():
            yield from _duplicates(known.get(key, of_others), value, f"{place}.{key}")
    if isinstance(node, list) and "list" in kind:
        associative = kind["list"]["elementRelationship"] == "associative"
        keys = [_key(kind["list"], entry) for entry in node] if associative else []
        yield from (f"{place}: {key}" for number, key in enumerate(keys) if key in keys[:number])
        for number, entry in enumerate(node):
            yield from _duplicates(kind["list"]["elementType"], entry, f"{place}[{number}]")


def _key(kind: Type, entry: Any) -> str:
    """Return what an entry is found by: its keys, with their defaults, or itself."""
    defaults = {field["name"]: field.get("default") for field in _fields(kind["elementType"])}
    return json.dumps({key: entry.get(key, defaults.get(key)) for key in kind["keys"]} if "keys" in kind else entry)


def _fields(kind: Type) -> list[Type]:
    kind = types()[kind["namedType"]] if "namedType" in kind else kind
    fields: list[Type] = kind.get("map", {}).get("fields", [])
    return fields
