"""Writes the schemas of Kubernetes that `lint` uses, from the package kubernetes-validate: `make kubernetes-schemas`.

One file has the kinds of every minor version, strict, without descriptions and without the web addresses that
kubeconform would fetch. Packed it has about as much as one minor, since minors differ little.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from xscaler_istio.commands import lint

SOURCE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def packed() -> dict[str, dict[str, Any]]:
    """Return the schemas by version (1.37.0), and there by the file names that kubeconform asks for."""
    return {
        folder.name.removeprefix("v").removesuffix("-local-strict"): dict(sorted(_files(folder)))
        for folder in sorted(SOURCE.glob("v*-local-strict"))
    }


def _files(folder: Path) -> list[tuple[str, Any]]:
    loaded = ((file.name, json.loads(file.read_text(encoding="utf-8"))) for file in folder.glob("*.json"))
    return [(name, _plain(schema)) for name, schema in loaded if name == "_definitions.json" or _is_object(schema)]


def _is_object(schema: Any) -> bool:
    """Return whether a schema is that of a kind, and not of a part of one."""
    properties = schema.get("properties") or {}
    return "enum" in properties.get("apiVersion", {}) and "enum" in properties.get("kind", {})


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node.replace("/api/_definitions.json#", "_definitions.json#") if isinstance(node, str) else node
    # A property may be called description: its value is a schema, not text.
    return {
        key: _plain(value)
        for key, value in node.items()
        if key != "$id" and not (key == "description" and isinstance(value, str))
    }


if __name__ == "__main__":
    text = json.dumps(packed(), separators=(",", ":"), sort_keys=True).encode()
    lint.SCHEMAS.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
