"""The bill of materials, CycloneDX as JSON: Python packages of the plugin, images, and the Go modules they are of."""

from __future__ import annotations

import configparser
import datetime
import json
import re
import uuid
from typing import TYPE_CHECKING

import yaml
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

from release import versions
from release.errors import ReleaseError
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LICENSE = DisjunctiveLicense(id="Apache-2.0")
# The tool in tools.ini that the tests run for the image of a block of the values.
TESTED_WITH = {**{name: collector.program for name, collector in COLLECTORS.items()}, "logAgent": LOG_AGENT.program}

_NAMESPACE = uuid.UUID("0d3f6a52-6a1e-4c55-9c0b-0a4b1f0f0003")


def text(root: Path, epoch: int) -> str:
    """Return the bill of materials of a release whose commit has this Unix time."""
    name, version = "xscaler-istio", versions.current(root)
    main = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=name, licenses=[LICENSE])
    # Unique for this release and equal in every build of it.
    bom = Bom(
        components=[*python_packages(root), *images(root)], serial_number=uuid.uuid5(_NAMESPACE, f"{version} {epoch}")
    )
    bom.metadata.timestamp = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    bom.metadata.component = main
    bom.register_dependency(main, bom.components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def python_packages(root: Path) -> Iterator[Component]:
    """Yield the packages of the lock file, which the plugin's launcher installs, with the digests of their files."""
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        pinned = Requirement(entry.splitlines()[0].rstrip("\\ "))
        version = str(pinned.specifier).removeprefix("==")
        digests = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in re.findall(r"sha256:(\w+)", entry)]
        page = XsUri(f"https://pypi.org/project/{pinned.name}/{version}/")
        yield Component(
            type=ComponentType.LIBRARY,
            name=pinned.name,
            version=version,
            bom_ref=f"pypi-{pinned.name}-{version}",
            purl=PackageURL("pypi", None, pinned.name, version),
            external_references=[ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=page, hashes=digests)],
        )


def images(root: Path) -> Iterator[Component]:
    """Yield each image that the values name, once."""
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
    """Return the Go module of an image's program, in the version that the tests run."""
    tools = configparser.ConfigParser(interpolation=None)
    tools.read(root / "tools/tools.ini")
    name = tools[tool]["requires"]
    go_mod = (root / "tools" / tools[tool].get("module", tool) / "go.mod").read_text(encoding="utf-8")
    required = re.search(rf"(?m)^\s*(?:require )?{re.escape(name)} v(\S+)", go_mod)
    if not required:
        raise ReleaseError(f"tools of {tool} do not require {name}", "fix tools/tools.ini")
    namespace, _, last = name.rpartition("/")
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=f"v{required[1]}",
        bom_ref=f"go-{name}",
        purl=PackageURL("golang", namespace, last, f"v{required[1]}"),
    )
