"""The schemas that are published for outputs."""

from __future__ import annotations

import json

import jsonschema

from .paths import ROOT


def published(name: str, document: object) -> None:
    """Check the output of a command for programs against the schema that is published for it, formats too."""
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
