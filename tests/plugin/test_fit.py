"""`fit` on a recorded cluster whose pods answer: its estimate, and that what it proposes fits.

That the estimate is what arrives: tests/pipeline/test_series.py, test_histograms.py, and on a real cluster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.published import published
from tests.support.tools import tool
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Version
from xscaler_istio.mesh.pages import Combination, Party
from xscaler_istio.rendered import responses
from xscaler_istio.rendered.relabeling import RelabelRule
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE, OF_A_SCRAPE, Job

from .doctor import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.command import Ran

MESH = Path(__file__).parent / "doctor/clusters/mesh"
VERSION = Version(1, 31)
PEERS = tuple(
    Combination(reporter="destination", source=Party(f"client-{number}", "shop"), destination=Party("api", "shop"))
    for number in range(10)
)
PROXY = pages.agent_page(VERSION) + pages.envoy_page(VERSION) + pages.standard_page(PEERS)


def scraped(path: str) -> bytes:
    """Answer as the pod of a path does."""
    if "/proxy/" not in path:
        return b""
    if "istiod" in path:
        return pages.istiod_page(VERSION).render(1)
    if "cni" in path:
        return pages.cni_page(VERSION).render(1)
    return (pages.ztunnel_page(VERSION, ()) if "ztunnel" in path else PROXY).render(1)


@pytest.fixture
def fit(cli4: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    def run(*words: str, forbidden: Sequence[str] = (), answers: recorded.Scraped = scraped) -> Ran:
        with recorded.serving(MESH, tmp_path / "kubeconfig", tuple(forbidden), answers):
            environment = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "XSCALER_KUBECTL": str(tool("kubectl"))}
            return cli4("fit", "-n", "telemetry", "-f", MESH / "values.yaml", *words, **environment)

    return run


def test_what_is_proposed_fits_and_costs_what_was_said(fit: Callable[..., Ran], tmp_path: Path) -> None:
    first = fit("-o", "json")
    assert first.code == 0, first.err
    today: dict[str, Any] = json.loads(first.out)
    published("fit", today)
    series = today["today"]["series"]
    assert today["fits"]
    assert all(item["fits"] for item in today["proposals"])
    costs = [item["series"] for item in today["proposals"]]
    assert series > costs[0] > costs[-1] > 0
    assert costs == sorted(costs, reverse=True)

    limited = fit("-o", "json", "--max-series", str(costs[-1]))
    assert limited.code == 1, limited.err
    found = json.loads(limited.out)
    published("fit", found)
    assert (found["limit"], found["fits"]) == (costs[-1], False)
    assert found["chosen"] == today["proposals"][-1]["values"]
    patch = tmp_path / "patch.yaml"
    patch.write_text(yaml.safe_dump(found["chosen"]))
    again = fit("-o", "json", "-f", str(patch), "--max-series", str(costs[-1]))
    assert (again.code, json.loads(again.out)["today"]["series"]) == (0, costs[-1]), again.err


def test_a_proposal_keeps_what_the_user_excludes(fit: Callable[..., Ran]) -> None:
    ran = fit("-o", "json", "--classic", "--set", "metrics.excludeMetrics={envoy_wasm_.*}", "--max-series", "1")
    proposals = json.loads(ran.out)["proposals"]
    assert proposals[-1]["values"]["metrics"]["excludeMetrics"] == [
        "envoy_wasm_.*",
        "istio_(request|response)_bytes.*",
    ]
    assert not any("histograms" in item["values"]["metrics"] for item in proposals)


def test_it_says_what_a_reader_needs(fit: Callable[..., Ran]) -> None:
    ran = fit("--max-series", "1")
    assert ran.code == 1
    assert "\nlimit: 1 active series; these values use " in ran.out
    assert "\nmetrics.histograms: native → " in ran.out
    assert "\n  loses: what reads _bucket finds nothing (docs/histograms.md)\n" in ran.out
    # A proposal loses what each of its changes does.
    lost = [line for line in ran.out.splitlines() if line.startswith("  loses: ")]
    assert lost[1] == f"{lost[0]}; panels of request and response sizes are empty"
    assert "fit: no change fits: the cheapest is " in ran.out
    assert fit("--max-series", "100000000").out.endswith("fit: these values fit\n")
    assert fit().out.endswith("fit: no limit is stated: set xscaler.plan.activeSeries, or give --max-series\n")


def test_a_pod_that_does_not_answer_is_named(fit: Callable[..., Ran]) -> None:
    ran = fit("-o", "json", answers=lambda path: b"" if "istiod" in path else scraped(path))
    assert ran.code == 0, ran.err
    (name,) = json.loads(ran.out)["notRead"]
    assert name.startswith("istio-system/istiod-")
    silent = fit(answers=lambda _: b"")
    assert silent.code == 4
    assert "no proxy answers through the API server" in silent.err


def test_values_without_a_collector(fit: Callable[..., Ran]) -> None:
    ran = fit("--set", "metrics.collector=none,logs.enabled=true")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: metrics.collector is none: no metrics are sent")


def test_an_expression_that_only_re2_understands(fit: Callable[..., Ran]) -> None:
    ran = fit("--set", "metrics.includeMetrics={[[:alpha:]]+_total}")
    assert ran.code == 3
    assert "error: an expression of the values cannot be evaluated here: " in ran.err


RESPONSE = """\
# HELP h sizes
# TYPE h histogram
h_bucket{le="1",path="a\\"},b"} 1
h_bucket{le="+Inf",path="a\\"},b"} 2 1700000000000
h_sum{path="a\\"},b"} 3
h_count{path="a\\"},b"} 2
# TYPE x_count gauge
x_count 4
up{job="application"} 1 # {trace_id="a"} 1
{"quoted.name",a="b"} 1
"""


def job(histograms: str, *rules: RelabelRule) -> Job:
    return Job(
        name="j",
        path="/",
        interval="30s",
        timeout="10s",
        namespaces=(),
        sample_limit=0,
        body_size_limit="",
        histograms=histograms,
        target_rules=(),
        metric_rules=rules,
    )


def test_a_response_is_read() -> None:
    found = responses.parse(RESPONSE)
    assert found.histograms == {"h"}
    assert [labels["__name__"] for labels in found.series] == [
        *("h_bucket", "h_bucket", "h_sum", "h_count", "x_count", "up"),
    ]
    assert found.series[1] == {"__name__": "h_bucket", "le": "+Inf", "path": 'a"},b'}


def test_a_page_of_a_proxy_is_read_whole() -> None:
    assert len(responses.parse(PROXY.render(1).decode()).series) == PROXY.series


@pytest.mark.parametrize(
    ("form", "sent", "expected"),
    [
        (CLASSIC, CLASSIC, 6),
        (NATIVE, NATIVE, 3),
        (BOTH, BOTH, 7),
        # The OpenTelemetry Collector's rules see classic ones.
        (CLASSIC, NATIVE, 3),
        (CLASSIC, BOTH, 7),
    ],
)
def test_histograms_count_in_the_form_that_is_sent(form: str, sent: str, expected: int) -> None:
    found = responses.parse(RESPONSE)
    assert responses.kept(job(form), {"job": "mesh"}, found, sent) == expected + OF_A_SCRAPE


def test_rules_see_the_labels_of_the_target() -> None:
    found = responses.parse(RESPONSE)
    renamed = RelabelRule(action="keep", source_labels=("exported_job", "job"), regex="application;mesh")
    assert responses.kept(job(CLASSIC, renamed), {"job": "mesh"}, found, CLASSIC) == 1 + OF_A_SCRAPE


# -- a stated size ------------------------------------------------------------------------------------------------


def test_a_stated_size_is_what_validate_computes(cli4: Callable[..., Ran]) -> None:
    words = ("fit", "-f", MESH / "values.yaml", "--mesh", "proxies=300,peers=10,codes=3")
    ran = cli4(*words, "--max-series", "60000", "-o", "json")
    assert ran.code == 1, ran.err
    found = json.loads(ran.out)
    published("fit", found)
    # docs/cost.md, with the five series of each scrape.
    today = found["today"]
    assert (today["series"], today["samplesPerMinute"]) == (354_300, 708_600)
    native = found["proposals"][0]
    assert today["bytesPerMinute"] / today["samplesPerMinute"] > native["bytesPerMinute"] / native["samplesPerMinute"]
    assert (found["source"], found["pods"], found["read"]) == ("mesh", {"proxy": 300}, 0)
    assert found["chosen"] == {"metrics": {"histograms": "native"}}
    assert found["proposals"][0]["series"] == 39_300
    assert found["logBytesPerDay"] is None
    # Sizes are given up before the health of proxies and control plane is.
    less = json.loads(cli4(*words, "--max-series", "25000", "-o", "json").out)
    assert less["chosen"]["metrics"].keys() == {"histograms", "excludeMetrics"}
    assert cli4(*words).out.startswith("mesh: 300 proxies; as stated\nthese values: 354,300 active series, ")


def test_lines_of_a_stated_size_are_sampled_to_fit(cli4: Callable[..., Ran]) -> None:
    def ran(*more: str) -> Ran:
        size = "proxies=3,peers=2,codes=1,requests=100"
        return cli4("fit", "-f", MESH / "values.yaml", "--mesh", size, "--set", "logs.enabled=true", *more)

    # As docs/cost.md says.
    assert "\naccess logs: about 7.4 GB a day as TEXT, 86,000 bytes a second\n" in ran().out
    limited = ran("--set", "xscaler.plan.logBytesPerSecond=30000", "--max-series", "1000000")
    assert limited.code == 1
    assert limited.out.endswith("change that does:\n\nlogs:\n  sampling:\n    successPercent: 34\n")
    found = json.loads(
        ran("--set", "xscaler.plan.logBytesPerSecond=30000,logs.sampling.successPercent=34", "-o", "json").out
    )
    assert (found["fits"], found["logBytesPerDay"]) == (True, 2_526_336_000)
    hopeless = ran("--set", "xscaler.plan.logBytesPerSecond=1")
    assert hopeless.code == 1
    assert hopeless.out.endswith(
        "fit: no sampling fits the access logs: collect those of fewer namespaces (logs.namespaces)\n"
    )


def test_lines_of_a_running_mesh_are_its_requests(fit: Callable[..., Ran]) -> None:
    ran = fit("-o", "json", "--set", "logs.enabled=true")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    published("fit", found)
    # Each of the proxies but ztunnel answers the same, since the start of its Envoy.
    page = responses.parse(PROXY.render(1).decode())
    assert page.requests
    proxies = sum(number for kind, number in found["pods"].items() if kind not in ("istiod", "istio-cni", "ztunnel"))
    assert found["logBytesPerDay"] == pytest.approx(page.requests * proxies * 430 * 86_400)


def test_sources_exclude_each_other(cli4: Callable[..., Ran]) -> None:
    both = cli4("fit", "-f", MESH / "values.yaml", "--mesh", "proxies=1,peers=1,codes=1", "--stored")
    assert (both.code, both.err.splitlines()[0]) == (2, "error: --mesh and --stored exclude each other")
    ran = cli4("fit", "-f", MESH / "values.yaml", "--tenant", "acme")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: --tenant works only with --stored")
    ran = cli4("fit", "-f", MESH / "values.yaml", "--stored", "--kube-context", "prod")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: --stored and --kube-context exclude each other")
    ran = cli4("fit", "-f", MESH / "values.yaml", "--mesh", "proxies=1,peers=1,codes=1", "--sample", "5")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: --mesh and --sample exclude each other")
    no_token = cli4("fit", "-f", MESH / "values.yaml", "--stored")
    assert (no_token.code, no_token.err.splitlines()[0]) == (2, "error: --stored needs a token with the read scope")
    unscraped = cli4(
        "fit",
        "-f",
        MESH / "values.yaml",
        "--mesh",
        "proxies=1,peers=1,codes=1",
        "--set",
        "metrics.targets.proxies.enabled=false",
    )
    assert (unscraped.code, unscraped.err.splitlines()[0]) == (2, "error: these values scrape no proxies")
