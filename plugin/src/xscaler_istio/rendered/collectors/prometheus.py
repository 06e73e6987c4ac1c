"""Prometheus in agent mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import documents, own_metrics, yaml_config
from xscaler_istio.rendered.destination import Bearer, Destination, File, Literal
from xscaler_istio.rendered.local_start import Override, Surroundings, replace_values, without_proxy
from xscaler_istio.rendered.scraping import REMOTE_WRITE_2, Scraping, form_of_jobs
from xscaler_istio.rendered.shipper import Collector, Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.destination import Value
    from xscaler_istio.rendered.shipper import Tree

_PORT = 9090


def _read(tree: Tree) -> Scraping:
    write = tree["remote_write"][0]
    basic = write.get("basic_auth")
    destination = Destination.of(
        url=write["url"],
        headers={name: _value(header) for name, header in write["http_headers"].items()},
        authentication=yaml_config.basic(basic) if basic else Bearer(File(write["authorization"]["credentials_file"])),
        proxy=write.get("proxy_url", ""),
        authority=write.get("tls_config", {}).get("ca_file", ""),
    )
    jobs = yaml_config.jobs(tree)
    # Each of several remote writes must carry them.
    carries = all(
        one.get("protobuf_message") == REMOTE_WRITE_2 and one.get("send_native_histograms", False)
        for one in tree["remote_write"]
    )
    return Scraping(jobs, destination, form_of_jobs(jobs), carries_native=carries)


def _value(header: Mapping[str, Any]) -> Value:
    """Read one of http_headers: a list of values, or of files, which hold what is secret."""
    return Literal(header["values"][0]) if "values" in header else File(header["files"][0])


def _overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    loaded = documents.load(config)
    return (
        *yaml_config.scraping((), loaded, surroundings),
        *_destination(loaded["remote_write"][0], surroundings),
    )


def _destination(remote_write: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    place = ("remote_write", 0)
    yield Override((*place, "url"), surroundings.push_url, "the local xScaler")
    yield Override((*place, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")
    yield from without_proxy(place, remote_write)
    yield from yaml_config.mounted_files(place, remote_write, surroundings)


def _command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    local = {
        "--config.file": str(config_file),
        "--storage.agent.path": str(surroundings.storage_folder),
        "--web.listen-address": surroundings.listen_address,
    }
    return replace_values(arguments, local)


COLLECTOR = Collector(
    program="prometheus",
    where_to_get={"promtool": "it comes with Prometheus: https://prometheus.io/download/"},
    validator=Validator("promtool", ("check", "config", "--agent", "--lint=all", "--lint-fatal")),
    config_file="prometheus.yml",
    metrics_port=_PORT,
    # The comment on prometheus.resources.
    parse=documents.load,
    read=_read,
    rest=yaml_config.rest,
    overrides=_overrides,
    apply=yaml_config.apply,
    command=_command,
    targets=own_metrics.targets_of_api(_PORT),
    pushes=own_metrics.pushes_of_remote_storage(_PORT),
    refusal=own_metrics.REMOTE_STORAGE_REFUSAL,
)
