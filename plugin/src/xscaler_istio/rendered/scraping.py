"""What a collector's configuration says, as the same data for all collectors: readers of one shape, chosen by name."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import alloy
from xscaler_istio.rendered.destination import TENANT_HEADER, Basic, Bearer, Destination, File, Header, Literal
from xscaler_istio.rendered.relabeling import RelabelRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.rendered.destination import Value
    from xscaler_istio.rendered.manifests import Tree

    # A part of a configuration: arbitrary by nature.
    Parsed = Mapping[str, Any]


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
    target_rules: tuple[RelabelRule, ...]
    metric_rules: tuple[RelabelRule, ...]


@dataclasses.dataclass(frozen=True)
class Scraping:
    """A collector's jobs and destination."""

    jobs: tuple[Job, ...]
    destination: Destination


def _read_prometheus(tree: Tree) -> Scraping:
    write = tree["remote_write"][0]
    basic = write.get("basic_auth")
    destination = _destination(
        url=write["url"],
        headers={name: _of_prometheus(value) for name, value in write["http_headers"].items()},
        authentication=_basic(basic) if basic else Bearer(File(write["authorization"]["credentials_file"])),
        proxy=write.get("proxy_url", ""),
        authority=write.get("tls_config", {}).get("ca_file", ""),
    )
    return Scraping(_jobs(tree), destination)


def _of_prometheus(header: Parsed) -> Value:
    """Read one of http_headers: a list of values, or of files, which hold what is secret."""
    return Literal(header["values"][0]) if "values" in header else File(header["files"][0])


def _read_opentelemetry(tree: Tree) -> Scraping:
    http, extensions = tree["exporters"]["prometheus_remote_write"]["http"], tree["extensions"]
    basic = extensions.get("basicauth")
    destination = _destination(
        url=_expanded(http["endpoint"]),
        headers={name: _of_opentelemetry(value) for name, value in http["headers"].items()},
        authentication=_basic(_expanded(basic["client_auth"]))
        if basic
        else Bearer(File(extensions["bearertokenauth"]["filename"])),
        proxy=_expanded(http.get("proxy_url", "")),
        authority=http.get("tls", {}).get("ca_file", ""),
    )
    return Scraping(_jobs(_expanded(tree["receivers"]["prometheus"]["config"])), destination)


_VARIABLE = re.compile(r"\$\{file:(.+)\}")


def _of_opentelemetry(text: str) -> Value:
    found = _VARIABLE.fullmatch(text)
    return File(found[1]) if found else Literal(_expanded(text))


def _expanded(node: Any) -> Any:
    """Return a part of a configuration as the collector has it: it expands variables, so `$` is written twice."""
    if isinstance(node, dict):
        return {key: _expanded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_expanded(item) for item in node]
    return node.replace("$$", "$") if isinstance(node, str) else node


def _read_alloy(tree: Tree) -> Scraping:
    names = [header.split('"')[1] for header in tree if header.startswith("prometheus.scrape ")]
    destination = alloy_destination(tree, tree['prometheus.remote_write "xscaler"']["endpoint"])
    return Scraping(tuple(_alloy_job(tree, name) for name in names), destination)


# What reads the parsed configuration of each collector.
READERS: Mapping[str, Callable[[Tree], Scraping]] = {
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
        tuple(RelabelRule.of(rule) for rule in written["relabel_configs"]),
        tuple(RelabelRule.of(rule) for rule in written["metric_relabel_configs"]),
    )


def _alloy_job(blocks: Parsed, name: str) -> Job:
    scrape = {key: alloy.literal(value) for key, value in blocks[f'prometheus.scrape "{name}"'].items()}
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


def alloy_rules(component: Parsed) -> tuple[RelabelRule, ...]:
    """Return the rules of a relabelling component of Alloy's."""
    blocks = [block for key, block in component.items() if key.partition("#")[0] == "rule"]
    return tuple(RelabelRule.of({name: alloy.literal(value) for name, value in block.items()}) for block in blocks)


def alloy_destination(blocks: Parsed, endpoint: Parsed) -> Destination:
    """Return the destination of an `endpoint` of prometheus.remote_write or loki.write."""
    headers = {name: _of_alloy(blocks, value) for name, value in _PAIR.findall(endpoint.get("headers", ""))}
    if "tenant_id" in endpoint:
        headers[TENANT_HEADER] = _of_alloy(blocks, endpoint["tenant_id"])
    basic = endpoint.get("basic_auth")
    return _destination(
        url=alloy.literal(endpoint["url"]),
        headers=headers,
        authentication=Basic(_of_alloy(blocks, basic["username"]), File(alloy.literal(basic["password_file"])))
        if basic
        else Bearer(File(alloy.literal(endpoint["authorization"]["credentials_file"]))),
        proxy=alloy.literal(endpoint.get("proxy_url", '""')),
        authority=alloy.literal(endpoint.get("tls_config", {}).get("ca_file", '""')),
    )


# A pair of a map as Alloy writes it: a name, and a text or an expression.
_PAIR = re.compile(r'"?([\w-]+)"?\s*[=:]\s*("(?:[^"\\]|\\.)*"|[^,}]+)')
_CONTENT = re.compile(r"string\.trim_space\(local\.file\.(\w+)\.content\)")


def _of_alloy(blocks: Parsed, expression: str) -> Value:
    """Read a text, or a reference to the component that reads a file."""
    found = _CONTENT.fullmatch(expression)
    if found:
        return File(alloy.literal(blocks[f'local.file "{found[1]}"']["filename"]))
    return Literal(alloy.literal(expression))


def alloy_namespaces(blocks: Parsed) -> tuple[str, ...]:
    """Return the namespaces that Alloy discovers pods in; none mean all."""
    names = blocks['discovery.kubernetes "pods"'].get("namespaces", {}).get("names", "[]")
    return tuple(alloy.literal(names))


def _destination(
    *, url: str, headers: Mapping[str, Value], authentication: Bearer | Basic, proxy: str, authority: str
) -> Destination:
    """Take the tenant out of the headers; `authority` is a path, or empty."""
    return Destination(
        url=url,
        tenant=headers[TENANT_HEADER],
        headers=tuple(Header(name, headers[name]) for name in sorted(headers) if name != TENANT_HEADER),
        authentication=authentication,
        proxy=proxy,
        authority=File(authority) if authority else None,
    )


def _basic(written: Parsed) -> Basic:
    """Read basic authentication as Prometheus and the OpenTelemetry Collector write it."""
    username = File(written["username_file"]) if "username_file" in written else Literal(written["username"])
    return Basic(username, File(written["password_file"]))
