"""The bill of materials, CycloneDX as JSON: Python packages of the plugin, images, and the Go modules they are of."""

from __future__ import annotations

import configparser
import datetime
import json
import os
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any

import yaml
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from release import versions
from release.errors import ReleaseError
from release.programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LICENSE = DisjunctiveLicense(id="Apache-2.0")
# The tool in tools.ini that the tests run for the image of a block of the values.
TESTED_WITH = {"prometheus": "prometheus", "alloy": "alloy", "opentelemetry": "otelcol", "logAgent": "alloy"}

_NAMESPACE = uuid.UUID("0d3f6a52-6a1e-4c55-9c0b-0a4b1f0f0003")


def text(root: Path, epoch: int) -> str:
    """Return the bill of materials of a release that was committed at a time of Unix' clock."""
    document = python_packages(root)
    for component in document["components"]:
        # cyclonedx-py repeats the whole line of the lock file, a hundred digests of one package.
        component.pop("description", None)
    document["metadata"]["timestamp"] = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).isoformat()
    # The library's own reader of its own format.
    loaded: Bom = Bom.from_json(data=document)  # type: ignore[attr-defined]
    # A number of this release's own, and the same whenever it is built.
    loaded.serial_number = uuid.uuid5(_NAMESPACE, f"{versions.current(root)} {epoch}")
    name, version = "xscaler-istio", versions.current(root)
    main = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=name, licenses=[LICENSE])
    loaded.metadata.component = main
    loaded.components.update(images(root))
    loaded.register_dependency(main, loaded.components)
    return make_outputter(loaded, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def python_packages(root: Path) -> dict[str, Any]:
    """Return CycloneDX of what the plugin's launcher installs, by its lock file."""
    command = ["-m", "cyclonedx_py", "requirements", "requirements.lock", "--output-reproducible", "--of", "JSON"]
    environment = dict(os.environ, PYTHONWARNINGS="ignore")
    loaded: dict[str, Any] = json.loads(run(sys.executable, *command, folder=root, environment=environment))
    return loaded


def images(root: Path) -> Iterator[Component]:
    """Yield an image for each block of the values that names one, each image once."""
    values = yaml.safe_load((root / "chart/values.yaml").read_text(encoding="utf-8"))
    blocks: dict[str, list[str]] = {}
    for block, content in values.items():
        image = content.get("image") if isinstance(content, dict) else None
        if image and "repository" in image:
            blocks.setdefault(json.dumps(image), []).append(block)
    for image, names in blocks.items():
        yield _image(json.loads(image), names, root)


def _image(image: Mapping[str, str], blocks: list[str], root: Path) -> Component:
    namespace, _, name = image["repository"].rpartition("/")
    qualifiers = {"repository_url": image["registry"]}
    modules = {TESTED_WITH[block] for block in blocks if block in TESTED_WITH}
    return Component(
        type=ComponentType.CONTAINER,
        name=f"{image['registry']}/{image['repository']}",
        version=image["tag"],
        bom_ref=f"image-{name}",
        purl=PackageURL("docker", namespace, name, image["tag"], qualifiers),
        properties=[Property(name="xscaler-istio:values", value=block) for block in blocks],
        components=[go_module(root, tool) for tool in sorted(modules)],
    )


def go_module(root: Path, tool: str) -> Component:
    """Return the Go module that an image's program is of, in the version that the tests run."""
    tools = configparser.ConfigParser(interpolation=None)
    tools.read(root / "tools/tools.ini")
    name = tools[tool]["requires"]
    go_mod = (root / "tools" / tools[tool].get("module", tool) / "go.mod").read_text(encoding="utf-8")
    required = re.search(rf"(?m)^\s*(?:require )?{re.escape(name)} v(\S+)", go_mod)
    if not required:
        raise ReleaseError(f"tools of {tool} do not require {name}", "mend tools/tools.ini")
    namespace, _, last = name.rpartition("/")
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=f"v{required[1]}",
        bom_ref=f"go-{name}",
        purl=PackageURL("golang", namespace, last, f"v{required[1]}"),
    )
