"""Grafana Alloy as the collector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import alloy, own_metrics
from xscaler_istio.rendered.alloy_syntax import evaluated, parse
from xscaler_istio.rendered.local_start import Override, Surroundings, without_proxy
from xscaler_istio.rendered.own_metrics import Target
from xscaler_istio.rendered.scraping import REMOTE_WRITE_2, Job, Scraping, form, form_of_jobs
from xscaler_istio.rendered.shipper import Collector, IgnoredKeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.alloy_syntax import Blocks
    from xscaler_istio.rendered.own_metrics import Fetch

_SCRAPE = "prometheus.scrape "
_RULES = ("discovery.relabel ", "prometheus.relabel ")
_ENDPOINT = ('prometheus.remote_write "xscaler"', "endpoint")
# The attributes of a scraping component that Job has; rules are separate components.
_CONVERSION = ("convert_classic_histograms_to_nhcb", "scrape_classic_histograms")
_READ = ("metrics_path", "scrape_interval", "scrape_timeout", "sample_limit", "body_size_limit", *_CONVERSION)


def _read(tree: Blocks) -> Scraping:
    component, endpoint = _ENDPOINT
    names = [header.split('"')[1] for header in tree if header.startswith(_SCRAPE)]
    jobs = tuple(_job(tree, name) for name in names)
    # Each of several endpoints must carry them.
    carries = all(
        evaluated(block.get("protobuf_message", '""')) == REMOTE_WRITE_2
        and evaluated(block.get("send_native_histograms", "false"))
        for header, written in tree.items()
        if header.startswith("prometheus.remote_write ")
        for key, block in written.items()
        if key.partition("#")[0] == "endpoint"
    )
    destination = alloy.destination(tree, tree[component][endpoint])
    return Scraping(jobs, destination, form_of_jobs(jobs), carries_native=carries)


def _job(tree: Blocks, name: str) -> Job:
    scrape = {key: evaluated(value) for key, value in tree[f'{_SCRAPE}"{name}"'].items()}
    return Job(
        name=scrape["job_name"],
        path=scrape["metrics_path"],
        interval=scrape["scrape_interval"],
        timeout=scrape["scrape_timeout"],
        namespaces=alloy.namespaces(tree),
        sample_limit=scrape.get("sample_limit", 0),
        body_size_limit=scrape.get("body_size_limit", ""),
        target_rules=alloy.rules(tree[f'discovery.relabel "{name}"']),
        histograms=form(native=scrape.get(_CONVERSION[0], False), classic=scrape.get(_CONVERSION[1], False)),
        # The first keeps the report of a scrape from coming twice; Prometheus has no such rule.
        metric_rules=alloy.rules(tree[f'prometheus.relabel "{name}"'])[1:],
    )


def _rest(tree: Blocks) -> Blocks:
    others = ((header, block) for header, block in tree.items() if not header.startswith(_RULES))
    return {
        header: {key: value for key, value in block.items() if key not in _READ}
        if header.startswith(_SCRAPE)
        else block
        for header, block in others
    }


def _overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    blocks, (component, endpoint) = parse(config), _ENDPOINT
    return (
        *alloy.discovery(surroundings),
        *_intervals(blocks, surroundings),
        Override((*_ENDPOINT, "url"), surroundings.push_url, "the local xScaler"),
        Override((*_ENDPOINT, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run"),
        *without_proxy(_ENDPOINT, blocks[component][endpoint]),
        *alloy.mounted_files(blocks, surroundings),
    )


def _intervals(blocks: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    for header in blocks:
        if header.startswith(_SCRAPE):
            yield Override((header, "scrape_interval"), surroundings.scrape_interval, "evidence in seconds")
            yield Override((header, "scrape_timeout"), surroundings.scrape_timeout, "not above the interval")


def _targets(fetch: Fetch, jobs: tuple[str, ...]) -> tuple[Target, ...]:
    """Read what its scraping components say of themselves."""

    def attributes(block: Mapping[str, Any]) -> dict[str, str]:
        values = [item for item in block["body"] if item["type"] == "attr" and item["value"]["type"] == "string"]
        return {item["name"]: item["value"]["value"] for item in values}

    def read() -> Iterator[Target]:
        for job in jobs:
            component = json.loads(fetch(alloy.PORT, f"/api/v0/web/components/prometheus.scrape.{job}"))
            for block in component.get("debugInfo") or []:
                found = attributes(block)
                yield Target(job, found["url"], found["health"], found.get("last_error", ""))

    return tuple(read())


COLLECTOR = Collector(
    program=alloy.PROGRAM,
    where_to_get=alloy.WHERE_TO_GET,
    validator=alloy.VALIDATOR,
    config_file="config.alloy",
    metrics_port=alloy.PORT,
    # The comment on alloy.resources.
    parse=parse,
    read=_read,
    rest=_rest,
    overrides=_overrides,
    apply=alloy.apply,
    command=alloy.command,
    targets=_targets,
    pushes=own_metrics.pushes_of_remote_storage(alloy.PORT),
    refusal=own_metrics.REMOTE_STORAGE_REFUSAL,
    ignored=(
        IgnoredKeys(
            ("metrics.targets.*.sampleLimit",),
            "Alloy counts all samples of the response, the others only those that the profile keeps",
            "means something else here",
            "use bodySizeLimit, which means the same everywhere",
        ),
    ),
)
