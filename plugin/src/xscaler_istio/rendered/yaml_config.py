"""What collectors with a YAML configuration share: Prometheus' jobs, mounted files, changes by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.rendered import documents
from xscaler_istio.rendered.destination import Basic, File, Literal
from xscaler_istio.rendered.local_start import Override, local_file
from xscaler_istio.rendered.relabeling import RelabelRule
from xscaler_istio.rendered.scraping import Job, form

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xscaler_istio.rendered.local_start import Place, Surroundings
    from xscaler_istio.rendered.shipper import Tree

# The keys of the token's file; `filename` is OpenTelemetry's.
_TOKEN = ("credentials_file", "password_file", "filename")
# The keys of a job that Job has.
_READ = (
    "relabel_configs",
    "metric_relabel_configs",
    "metrics_path",
    "scrape_interval",
    "scrape_timeout",
    "sample_limit",
    "body_size_limit",
    "convert_classic_histograms_to_nhcb",
    "always_scrape_classic_histograms",
)


def jobs(config: Mapping[str, Any]) -> tuple[Job, ...]:
    """Return the jobs of a Prometheus configuration."""
    return tuple(_job(job, config["global"]) for job in config["scrape_configs"])


def _job(written: Mapping[str, Any], defaults: Mapping[str, Any]) -> Job:
    return Job(
        name=written["job_name"],
        path=written["metrics_path"],
        interval=str(written.get("scrape_interval", defaults["scrape_interval"])),
        timeout=str(written.get("scrape_timeout", defaults["scrape_timeout"])),
        namespaces=tuple(written["kubernetes_sd_configs"][0].get("namespaces", {}).get("names", ())),
        sample_limit=written.get("sample_limit", 0),
        body_size_limit=str(written.get("body_size_limit", "")),
        histograms=form(
            native=written.get("convert_classic_histograms_to_nhcb", False),
            classic=written.get("always_scrape_classic_histograms", False),
        ),
        target_rules=tuple(RelabelRule.of(rule) for rule in written["relabel_configs"]),
        metric_rules=tuple(RelabelRule.of(rule) for rule in written["metric_relabel_configs"]),
    )


def basic(written: Mapping[str, Any]) -> Basic:
    """Read basic authentication."""
    username = File(written["username_file"]) if "username_file" in written else Literal(written["username"])
    return Basic(username, File(written["password_file"]))


def rest(node: Tree) -> Tree:
    """Return a configuration without what its jobs and their defaults say as Job."""
    if not isinstance(node, dict):
        return node
    return {
        key: [_without_read(job) for job in value] if key == "scrape_configs" else rest(value)
        for key, value in node.items()
        if key not in _READ
    }


def _without_read(job: Mapping[str, Any]) -> Tree:
    return {key: value for key, value in job.items() if key not in _READ}


def scraping(place: Place, config: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    """Yield the changes to `global` and `scrape_configs` of a Prometheus configuration that lies at `place`."""
    yield from _intervals((*place, "global"), config["global"], surroundings)
    for number, job in enumerate(config["scrape_configs"]):
        own = (*place, "scrape_configs", number)
        yield from _intervals(own, job, surroundings)
        for index in range(len(job["kubernetes_sd_configs"])):
            discovery = (*own, "kubernetes_sd_configs", index)
            yield Override((*discovery, "api_server"), surroundings.api_server, "no cluster to run in")
            token = str(surroundings.api_token_file)
            yield Override((*discovery, "authorization", "credentials_file"), token, "no service account")
            yield Override((*discovery, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def _intervals(place: Place, node: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    if "scrape_interval" in node:
        yield Override((*place, "scrape_interval"), surroundings.scrape_interval, "evidence in seconds")
    if "scrape_timeout" in node:
        yield Override((*place, "scrape_timeout"), surroundings.scrape_timeout, "not above the interval")


def mounted_files(place: Place, node: object, surroundings: Surroundings) -> Iterator[Override]:
    """Yield a change for each value under `place` that names a mounted file."""
    if isinstance(node, str) and (change := local_file(place, node, surroundings, _TOKEN)):
        yield change
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from mounted_files((*place, key), child, surroundings)


def apply(config: str, changes: Sequence[Override]) -> str:
    """Return the configuration with these changes and no other."""
    loaded = documents.load(config)
    for change in changes:
        *parents, last = change.path
        node = loaded
        for step in parents:
            node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
        if change.local is None:
            del node[last]
        else:
            node[last] = change.local
    text: str = yaml.safe_dump(loaded, sort_keys=False)
    return text
