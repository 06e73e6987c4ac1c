"""What a collector's configuration says, as the same data for all collectors: readers of one shape, chosen by name."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import alloy, manifests
from xscaler_istio.rendered.relabeling import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.rendered.manifests import CollectorConfig

    # A configuration's content: arbitrary by nature, and read in this module alone.
    Parsed = Mapping[str, Any]

TENANT_HEADER = "X-Scope-OrgID"
# The tenant is read from the mounted Secret.
FROM_SECRET = "read from the Secret"  # noqa: S105 - no secret


@dataclasses.dataclass(frozen=True)
class Job:
    """One scrape job. Durations and sizes as written; empty and 0 mean no limit, no namespaces all of them."""

    name: str
    path: str
    interval: str
    timeout: str
    namespaces: tuple[str, ...]
    sample_limit: int
    body_size_limit: str
    target_rules: tuple[Rule, ...]
    metric_rules: tuple[Rule, ...]


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where it is pushed and how the collector proves who it is; `headers` are further ones, as `name: value`."""

    url: str
    tenant: str
    headers: tuple[str, ...]
    authentication: str
    proxy: str
    own_authority: bool


@dataclasses.dataclass(frozen=True)
class Scraping:
    """A collector's jobs and destination."""

    jobs: tuple[Job, ...]
    destination: Destination


def read(collector: str, text: str) -> Scraping:
    """Return what a rendered configuration of this collector says."""
    return READERS[collector](text)


def _read_prometheus(text: str) -> Scraping:
    loaded = manifests.load(text)
    write = loaded["remote_write"][0]
    destination = Destination(
        write["url"],
        *_tenant_and_headers(_prometheus_headers(write)),
        _authentication(write.get("basic_auth")),
        write.get("proxy_url", ""),
        "ca_file" in write.get("tls_config", {}),
    )
    return Scraping(_jobs(loaded), destination)


def _read_opentelemetry(text: str) -> Scraping:
    # The collector expands variables, so that a dollar sign is written twice.
    loaded = manifests.load(text.replace("$$", "$"))
    http = loaded["exporters"]["prometheus_remote_write"]["http"]
    destination = Destination(
        http["endpoint"],
        *_tenant_and_headers(http["headers"]),
        _authentication(loaded["extensions"].get("basicauth", {}).get("client_auth")),
        http.get("proxy_url", ""),
        "ca_file" in http.get("tls", {}),
    )
    return Scraping(_jobs(loaded["receivers"]["prometheus"]["config"]), destination)


def _read_alloy(text: str) -> Scraping:
    blocks = alloy.parse(text)
    names = [header.split('"')[1] for header in blocks if header.startswith("prometheus.scrape ")]
    return Scraping(
        tuple(_alloy_job(blocks, name) for name in names),
        alloy_destination(blocks['prometheus.remote_write "xscaler"']["endpoint"]),
    )


READERS: Mapping[str, Callable[[str], Scraping]] = {
    "prometheus": _read_prometheus,
    "alloy": _read_alloy,
    "opentelemetry": _read_opentelemetry,
}


def _jobs(prometheus: Parsed) -> tuple[Job, ...]:
    return tuple(_job(job, prometheus["global"]) for job in prometheus["scrape_configs"])


def _job(written: Parsed, defaults: Parsed) -> Job:
    return Job(
        written["job_name"],
        written["metrics_path"],
        str(written.get("scrape_interval", defaults["scrape_interval"])),
        str(written.get("scrape_timeout", defaults["scrape_timeout"])),
        tuple(written["kubernetes_sd_configs"][0].get("namespaces", {}).get("names", ())),
        written.get("sample_limit", 0),
        str(written.get("body_size_limit", "")),
        tuple(Rule.of(rule) for rule in written["relabel_configs"]),
        tuple(Rule.of(rule) for rule in written["metric_relabel_configs"]),
    )


def _alloy_job(blocks: Parsed, name: str) -> Job:
    scrape = {key: _literal(value) for key, value in blocks[f'prometheus.scrape "{name}"'].items()}
    return Job(
        scrape["job_name"],
        scrape["metrics_path"],
        scrape["scrape_interval"],
        scrape["scrape_timeout"],
        alloy_namespaces(blocks),
        scrape.get("sample_limit", 0),
        scrape.get("body_size_limit", ""),
        alloy_rules(blocks[f'discovery.relabel "{name}"']),
        # The first keeps the report of a scrape from coming twice; Prometheus has no such rule.
        alloy_rules(blocks[f'prometheus.relabel "{name}"'])[1:],
    )


def alloy_rules(component: Parsed) -> tuple[Rule, ...]:
    """Return the rules of a relabelling component of Alloy's."""
    blocks = [block for key, block in component.items() if key.partition("#")[0] == "rule"]
    return tuple(Rule.of({name: _literal(value) for name, value in block.items()}) for block in blocks)


def alloy_destination(endpoint: Parsed) -> Destination:
    """Return the destination of an `endpoint` of prometheus.remote_write or loki.write."""
    headers = {name: _literal(value) for name, value in _PAIR.findall(endpoint.get("headers", ""))}
    if "tenant_id" in endpoint:
        headers[TENANT_HEADER] = _literal(endpoint["tenant_id"])
    return Destination(
        _literal(endpoint["url"]),
        *_tenant_and_headers(headers),
        _authentication({name: _literal(value) for name, value in endpoint.get("basic_auth", {}).items()} or None),
        _literal(endpoint.get("proxy_url", '""')),
        "ca_file" in endpoint.get("tls_config", {}),
    )


# A pair of a map as Alloy writes it: a name, and a text or an expression.
_PAIR = re.compile(r'"?([\w-]+)"?\s*[=:]\s*("(?:[^"\\]|\\.)*"|[^,}]+)')


def alloy_namespaces(blocks: Parsed) -> tuple[str, ...]:
    """Return the namespaces that Alloy discovers pods in; none mean all."""
    names = blocks['discovery.kubernetes "pods"'].get("namespaces", {}).get("names", "[]")
    return tuple(_literal(names))


def _prometheus_headers(write: Parsed) -> Mapping[str, str]:
    """Return headers by name. Those of http_headers are lists of values, or of files, which hold what is secret."""
    of_files = "${file:%s}"
    rich = {
        name: (written.get("values") or [of_files % written["files"][0]])[0]
        for name, written in write.get("http_headers", {}).items()
    }
    return {**write.get("headers", {}), **rich}


def _tenant_and_headers(headers: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    tenant = headers.get(TENANT_HEADER, "")
    others = tuple(f"{name}: {value}" for name, value in sorted(headers.items()) if name != TENANT_HEADER)
    # What the OpenTelemetry Collector, and what Alloy reads from a file.
    return FROM_SECRET if tenant.startswith(("${file:", "string.")) else tenant, others


def _literal(text: str) -> Any:
    """Return an attribute's value; what is no literal, such as a reference, stays text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _authentication(basic: Parsed | None) -> str:
    """Say how xScaler is told who sends; `basic` are the settings of basic authentication, if it is chosen."""
    if basic is None:
        return "bearer"
    written = basic.get("username", "")
    in_file = "username_file" in basic or written.startswith("string.")
    return f"basic, user name {FROM_SECRET if in_file else written or '(empty)'}"


WRITE = 'loki.write "xscaler"'


def destination(config: CollectorConfig) -> Destination:
    """Return where the lines go."""
    return alloy_destination(alloy.parse(config.text)[WRITE]["endpoint"])
