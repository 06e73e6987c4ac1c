"""Grafana Alloy, which is a collector and the log agent: its language, and what both do with it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.destination import TENANT_HEADER, Basic, Bearer, Destination, File, Literal
from xscaler_istio.rendered.local_start import MOUNTED_AUTH, Override, Surroundings, replace_values
from xscaler_istio.rendered.relabeling import RelabelRule
from xscaler_istio.rendered.shipper import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.destination import Value
    from xscaler_istio.rendered.local_start import Place

PROGRAM = "alloy"
WHERE_TO_GET: Mapping[str, str] = {PROGRAM: "https://github.com/grafana/alloy/releases (1.18 or newer)"}
VALIDATOR = Validator(PROGRAM, ("validate",))
# Of all that it serves.
PORT = 12345
# A tree of blocks: by header, with the repeated ones (`rule`) numbered, and attributes as the text of their value.
Blocks = dict[str, Any]

_API = 'discovery.kubernetes "pods"'


# -- its language -------------------------------------------------------------------------------------------------


def parse(config: str) -> Blocks:
    """Read a rendered config.alloy, which has one statement a line; comments are left out."""
    root: Blocks = {}
    open_blocks = [root]
    for line in (text.strip() for text in config.splitlines()):
        if not line or line.startswith("//"):
            continue
        if line == "}":
            open_blocks.pop()
        elif line.endswith("{"):
            header, block = line.removesuffix("{").strip(), Blocks()
            alike = sum(key.partition("#")[0] == header for key in open_blocks[-1])
            open_blocks[-1][f"{header}#{alike}" if alike else header] = block
            open_blocks.append(block)
        else:
            name, _, value = line.partition(" = ")
            open_blocks[-1][name] = value
    return root


def literal(text: str) -> Any:
    """Return an attribute's value; what is no literal, such as a reference, stays text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _write(blocks: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in blocks.items():
        if isinstance(value, dict):
            yield f"{indent}{key.partition('#')[0]} {{"
            yield from _write(value, indent + "  ")
            yield f"{indent}}}"
        else:
            yield f"{indent}{key} = {value}"


# -- what it says -------------------------------------------------------------------------------------------------


def rules(component: Mapping[str, Any]) -> tuple[RelabelRule, ...]:
    """Return the rules of a relabelling component."""
    blocks = [block for key, block in component.items() if key.partition("#")[0] == "rule"]
    return tuple(RelabelRule.of({name: literal(value) for name, value in block.items()}) for block in blocks)


def namespaces(blocks: Blocks) -> tuple[str, ...]:
    """Return the namespaces that it discovers pods in; none mean all."""
    return tuple(literal(blocks[_API].get("namespaces", {}).get("names", "[]")))


def destination(blocks: Blocks, endpoint: Mapping[str, Any]) -> Destination:
    """Return the destination of an `endpoint` of prometheus.remote_write or loki.write."""
    headers = {name: _value(blocks, value) for name, value in _PAIR.findall(endpoint.get("headers", ""))}
    if "tenant_id" in endpoint:
        headers[TENANT_HEADER] = _value(blocks, endpoint["tenant_id"])
    basic = endpoint.get("basic_auth")
    return Destination.of(
        url=literal(endpoint["url"]),
        headers=headers,
        authentication=Basic(_value(blocks, basic["username"]), File(literal(basic["password_file"])))
        if basic
        else Bearer(File(literal(endpoint["authorization"]["credentials_file"]))),
        proxy=literal(endpoint.get("proxy_url", '""')),
        authority=literal(endpoint.get("tls_config", {}).get("ca_file", '""')),
    )


# A pair of a map: a name, and a text or an expression.
_PAIR = re.compile(r'"?([\w-]+)"?\s*[=:]\s*("(?:[^"\\]|\\.)*"|[^,}]+)')
_CONTENT = re.compile(r"string\.trim_space\(local\.file\.(\w+)\.content\)")


def _value(blocks: Blocks, expression: str) -> Value:
    """Read a text, or a reference to the component that reads a file."""
    found = _CONTENT.fullmatch(expression)
    if found:
        return File(literal(blocks[f'local.file "{found[1]}"']["filename"]))
    return Literal(literal(expression))


# -- outside a cluster --------------------------------------------------------------------------------------------


def discovery(surroundings: Surroundings) -> Iterator[Override]:
    """Yield the changes that let it find pods without a cluster."""
    yield Override((_API, "api_server"), surroundings.api_server, "no cluster to run in")
    yield Override((_API, "authorization", "type"), "Bearer", "no service account")
    yield Override((_API, "authorization", "credentials_file"), str(surroundings.api_token_file), "no service account")
    yield Override((_API, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def proxy(blocks: Blocks, place: tuple[str, str]) -> Iterator[Override]:
    """Yield the removal of a proxy from the endpoint at `place`."""
    component, endpoint = place
    if "proxy_url" in blocks[component][endpoint]:
        yield Override((*place, "proxy_url"), None, "nothing leaves this machine")


def mounted_files(place: Place, node: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    """Yield a change for each attribute under `place` that names a file of the mounted Secret."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from mounted_files((*place, key), value, surroundings)
        elif found := re.fullmatch(rf'"{MOUNTED_AUTH}(.*)"', value):
            yield Override((*place, key), str(surroundings.auth_folder / found[1]), "no mounted Secret")


def apply(config: str, changes: Sequence[Override]) -> str:
    """Return the configuration with these changes and no other."""
    blocks = parse(config)
    for change in changes:
        *parents, last = change.path
        node = blocks
        for step in parents:
            node = node.setdefault(str(step), {})
        if change.local is None:
            del node[str(last)]
        else:
            node[str(last)] = json.dumps(change.local)
    return "\n".join([*_write(blocks), ""])


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    """Return the rendered arguments with file, folder and address changed."""
    local = {
        "--storage.path": str(surroundings.storage_folder),
        "--server.http.listen-addr": surroundings.listen_address,
    }
    *flags, _ = replace_values(arguments, local)
    return [*flags, str(config_file)]
