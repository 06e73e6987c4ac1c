"""`fit --stored` against the real local xScaler: from what is stored it estimates what the pods' responses give."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.published import published
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.local import certificates
from xscaler_istio.local.network import claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Version
from xscaler_istio.mesh.pages import Combination, Party
from xscaler_istio.rendered import responses, stored
from xscaler_istio.rendered.relabeling import RelabelRule, relabel
from xscaler_istio.rendered.release import Release
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE, OF_A_SCRAPE, Job
from xscaler_istio.rendered.stored import SeriesCount
from xscaler_istio.system import programs
from xscaler_istio.wire.remote_write import V1, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.command import Ran
    from xscaler_istio.local.xscaler.service import XScaler

VALUES = Path(__file__).parent / "doctor/clusters/mesh/values.yaml"
VERSION = Version(1, 31)
TARGETS = [
    {"job": "integrations/istio", "cluster": "prod-1", "namespace": "shop", "pod": name, "instance": f"{name}:15020"}
    for name in ("api-0", "api-1")
]
OTHERS = 3
SCRAPES = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added", "scrape_samples_x")


def page(pod: str) -> responses.Response:
    peers = tuple(
        Combination(reporter="destination", source=Party(f"client-{n}", "shop"), destination=Party(pod, "shop"))
        for n in range(3)
    )
    whole = pages.agent_page(VERSION) + pages.envoy_page(VERSION) + pages.standard_page(peers)
    return responses.parse(whole.render(1).decode())


def rendered(profile: str, histograms: str) -> Release:
    sets = (("--set", f"metrics.profile={profile},metrics.histograms={histograms}"),)
    inputs = helm.Inputs(
        chart=programs.chart(None),
        values=helm.ValuesArguments((str(VALUES),), sets),
        name="xscaler-istio",
        namespace="telemetry",
    )
    return Release.of(helm.answered(inputs).text)


def proxies(release: Release) -> Job:
    return next(job for job in release.jobs if job.name == "proxies")


def sent(release: Release) -> Iterator[dict[str, str]]:
    """Yield the series of two proxies, and three of another sender."""
    for target in TARGETS:
        for one in page(target["pod"]).series:
            if (labels := relabel({**one, **target}, proxies(release).metric_rules)) is not None:
                yield dict(labels)
        yield from ({"__name__": name, **target} for name in SCRAPES)
    yield from ({"__name__": "up", "job": "other", "instance": str(number)} for number in range(OTHERS))


async def push(xscaler: XScaler, ca: Any, series: Iterator[dict[str, str]]) -> None:
    now = int(time.time() * 1000)
    each = [Series(tuple(sorted(labels.items())), ((1.0, now),)) for labels in series]
    headers = {**V1.headers, "Authorization": "Bearer write", "X-Scope-OrgID": "acme"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ca)) as session:
        for first in range(0, len(each), 2000):
            data = V1.encode(each[first : first + 2000])
            async with session.post(xscaler.push_url, data=data, headers=headers) as answer:
                assert answer.status // 100 == 2, await answer.text()


@pytest.mark.parametrize(
    "backend", ["prometheus", pytest.param("mimir", marks=pytest.mark.whole("make test asks the other backend"))]
)
def test_what_is_stored_gives_what_the_responses_give(cli4: Callable[..., Ran], tmp_path: Path, backend: str) -> None:
    asyncio.run(_estimated(cli4, tmp_path, backend))


async def _estimated(cli: Callable[..., Ran], folder: Path, backend: str) -> None:
    full = await asyncio.to_thread(rendered, "full", CLASSIC)
    expected = {}
    for form in (CLASSIC, NATIVE):
        job = proxies(await asyncio.to_thread(rendered, "dashboards", form))
        expected[form] = sum(responses.kept(job, target, page(target["pod"]), form) for target in TARGETS)
    with claim() as network:
        authority = certificates.create(folder)
        tokens = {"write": Token("acme", Scope.WRITE), "read": Token("acme", Scope.READ)}
        parts: dict[str, Any] = {"backend": backend, "binary": tool(backend), "tokens": tokens}
        reader = service.Reader("read", "acme")
        async with service.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours:
            series = list(sent(full))
            await push(ours, authority.client_context(), iter(series))
            words = ("fit", "-f", str(VALUES), "--stored", "--query-url", ours.query_url, "-o", "json")
            limit = ("--max-series", str(expected[NATIVE] + len(series) - expected[CLASSIC]))
            environment = {"SSL_CERT_FILE": str(authority.ca_file), "XSCALER_READ_TOKEN": "read"}
            ran = await asyncio.to_thread(cli, *words, *limit, **environment)
            wrong = await asyncio.to_thread(cli, *words, **{**environment, "XSCALER_READ_TOKEN": "write"})
            absent = await asyncio.to_thread(cli, *words, "--set", "cluster.name=other", **environment)
    found: Mapping[str, Any] = json.loads(ran.out)
    published("fit", found)
    assert (found["source"], found["pods"]) == ("xscaler", {"target": len(TARGETS)})
    assert found["stored"]["series"] == len(series) - OTHERS
    assert found["stored"]["account"] == len(series)
    # Mimir has no such path.
    assert (found["stored"]["inMemory"] or 0) >= (len(series) if backend == "prometheus" else 0)
    assert found["today"]["series"] == expected[CLASSIC]
    assert found["proposals"][0] == {
        **found["proposals"][0],
        "values": {"metrics": {"histograms": "native"}},
        "series": expected[NATIVE],
    }
    # Larger profiles are not proposed: nothing is stored of what they add.
    profiles = {item["values"]["metrics"].get("profile") for item in found["proposals"]}
    assert "full" not in profiles
    assert (wrong.code, "answered 403: the token lacks the scope read" in wrong.err) == (4, True)
    assert (absent.code, absent.err.splitlines()[-2]) == (2, 'error: xScaler has no series with cluster="other"')


def job(name: str, histograms: str = CLASSIC, app: str = "", *rules: RelabelRule, label: str = "mesh") -> Job:
    constants = {"job": label, "app": app}
    return Job(
        name=name,
        path="/",
        interval="30s",
        timeout="10s",
        namespaces=(),
        sample_limit=0,
        body_size_limit="",
        histograms=histograms,
        target_rules=tuple(
            RelabelRule(target_label=key, replacement=value) for key, value in constants.items() if value
        ),
        metric_rules=rules,
    )


def keep(names: str) -> RelabelRule:
    return RelabelRule(action="keep", source_labels=("__name__",), regex=names)


STORED = (
    *(SeriesCount("h_bucket", le, "", 4) for le in ("1", "5", "+Inf")),
    SeriesCount("h_sum", "", "", 4),
    SeriesCount("h_count", "", "", 4),
    SeriesCount("total", "", "", 10),
    SeriesCount("total", "", "ztunnel", 7),
    *(SeriesCount(name, "", "", 1) for name in SCRAPES),
)


@pytest.mark.parametrize(
    ("seen", "form", "expected"),
    [
        (CLASSIC, CLASSIC, 5 * 4),
        (NATIVE, NATIVE, 4),
        (BOTH, BOTH, 6 * 4),
        # Rules of a collector that converts where it sends.
        (CLASSIC, NATIVE, 4),
        (CLASSIC, BOTH, 6 * 4),
    ],
)
def test_stored_histograms_count_in_the_form_that_is_sent(seen: str, form: str, expected: int) -> None:
    jobs = [job("proxies", seen, "", keep("h.*|total")), job("ztunnel", seen, "ztunnel", keep("other"))]
    found = stored.kept(STORED, jobs, "mesh", form)
    # ztunnel's rules keep none of its series.
    assert sum(item.series for _, item in found) == expected + 10 + OF_A_SCRAPE
    # Of what is stored in both forms, too.
    twice = (*STORED, SeriesCount("h", "", "", 4))
    assert sorted(map(repr, stored.kept(twice, jobs, "mesh", form))) == sorted(map(repr, found))


def test_rules_of_names_and_bounds_apply_and_others_count_as_applied() -> None:
    rules = (
        keep("h.*|total"),
        RelabelRule(action="drop", source_labels=("__name__", "le"), regex="h_bucket;(1|5)"),
        RelabelRule(action="keep", source_labels=("response_code",), regex="5.."),
        RelabelRule(action="drop", source_labels=("__name__", "reporter"), regex="total;"),
    )
    found = stored.kept(STORED, [job("proxies", CLASSIC, "", *rules)], "mesh", CLASSIC)
    assert sum(item.series for _, item in found if item.app == "") == 3 * 4 + 10 + OF_A_SCRAPE


def test_a_series_is_of_the_first_job_that_keeps_it_and_of_no_job_of_another_label() -> None:
    jobs = [
        job("self", CLASSIC, "", keep(".*"), label="own"),
        job("proxies", CLASSIC, "", keep("total")),
        dataclasses.replace(job("cni", CLASSIC, "", keep("total|cni")), interval="60s"),
    ]
    counts = (SeriesCount("total", "", "", 2), SeriesCount("cni", "", "", 3), SeriesCount("unknown", "", "", 5))
    found = stored.kept(counts, jobs, "mesh", CLASSIC)
    assert [(one.name, one.interval, item.series) for one, item in found] == [("proxies", "30s", 2), ("cni", "60s", 3)]
