"""Grafana Alloy, which is both a collector and the log agent: how both read and change its configurations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.alloy_syntax import Reference, evaluated, parse, write
from xscaler_istio.rendered.destination import TENANT_HEADER, Basic, Bearer, Destination, File, Literal
from xscaler_istio.rendered.local_start import Override, Surroundings, local_file, replace_values
from xscaler_istio.rendered.relabeling import RelabelRule
from xscaler_istio.rendered.shipper import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.alloy_syntax import Blocks
    from xscaler_istio.rendered.destination import Value

PROGRAM = "alloy"
WHERE_TO_GET: Mapping[str, str] = {PROGRAM: "https://github.com/grafana/alloy/releases (1.18 or newer)"}
VALIDATOR = Validator(PROGRAM, ("validate",))
# Of all that it serves.
PORT = 12345

_API = 'discovery.kubernetes "pods"'
# The attributes of the token's file.
_TOKEN = ("credentials_file", "password_file")


# -- its meaning --------------------------------------------------------------------------------------------------


def rules(component: Mapping[str, Any]) -> tuple[RelabelRule, ...]:
    """Return the rules of a relabelling component."""
    blocks = [block for key, block in component.items() if key.partition("#")[0] == "rule"]
    return tuple(RelabelRule.of({name: evaluated(value) for name, value in block.items()}) for block in blocks)


def namespaces(blocks: Blocks) -> tuple[str, ...]:
    """Return the namespaces that it discovers pods in; none mean all."""
    return tuple(evaluated(blocks[_API].get("namespaces", {}).get("names", "[]")))


def destination(blocks: Blocks, endpoint: Mapping[str, Any]) -> Destination:
    """Return the destination of an `endpoint` of prometheus.remote_write or loki.write."""
    headers = {name: _value(blocks, value) for name, value in evaluated(endpoint.get("headers", "{}")).items()}
    if "tenant_id" in endpoint:
        headers[TENANT_HEADER] = _value(blocks, evaluated(endpoint["tenant_id"]))
    basic = endpoint.get("basic_auth")
    return Destination.of(
        url=evaluated(endpoint["url"]),
        headers=headers,
        authentication=Basic(_value(blocks, evaluated(basic["username"])), File(evaluated(basic["password_file"])))
        if basic
        else Bearer(File(evaluated(endpoint["authorization"]["credentials_file"]))),
        proxy=evaluated(endpoint.get("proxy_url", '""')),
        authority=evaluated(endpoint.get("tls_config", {}).get("ca_file", '""')),
    )


_CONTENT = re.compile(r"string\.trim_space\(local\.file\.(\w+)\.content\)")


def _value(blocks: Blocks, value: str | Reference) -> Value:
    """Return a text, or the file behind a reference to the component that reads it."""
    found = isinstance(value, Reference) and _CONTENT.fullmatch(value.text)
    if found:
        return File(evaluated(blocks[f'local.file "{found[1]}"']["filename"]))
    return Literal(str(value))


# -- outside a cluster --------------------------------------------------------------------------------------------


def discovery(surroundings: Surroundings) -> Iterator[Override]:
    """Yield the changes that let it find pods without a cluster."""
    yield Override((_API, "api_server"), surroundings.api_server, "no cluster to run in")
    yield Override((_API, "authorization", "type"), "Bearer", "no service account")
    yield Override((_API, "authorization", "credentials_file"), str(surroundings.api_token_file), "no service account")
    yield Override((_API, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def texts(node: Blocks, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the attributes under `place` that are texts."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from texts(value, (*place, key))
        elif isinstance(text := evaluated(value), str):
            yield (*place, key), text


def mounted_files(blocks: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    """Yield a change for each attribute that names a mounted file."""
    for place, text in texts(blocks):
        if change := local_file(place, text, surroundings, _TOKEN):
            yield change


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
            node[str(last)] = json.dumps(change.local, ensure_ascii=False)
    return "\n".join([*write(blocks), ""])


# Where both workloads mount their ConfigMap (templates/collectors/_alloy.tpl, templates/logs/_agents.tpl).
_MOUNTED = "/etc/collector/config.alloy"


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    """Return the rendered arguments with file, folder and address changed."""
    local = {
        "--storage.path": str(surroundings.storage_folder),
        "--server.http.listen-addr": surroundings.listen_address,
    }
    # Flags of the values follow the file, and the value of one may be the next word.
    return [str(config_file) if word == _MOUNTED else word for word in replace_values(arguments, local)]
