"""What a user does after reading the README: install, test, look; with each collector and with access logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from xscaler_istio.local import oracle
from xscaler_istio.local.verdict import REQUIRED
from xscaler_istio.rendered.collectors import COLLECTORS

from . import kubectl
from .release import NAME, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

FAST = "metrics.scrapeInterval=5s,metrics.scrapeTimeout=5s"
# Of what real sidecars count here, each with the labels that dashboards ask for.
LABELS = {
    "source_workload",
    "destination_workload",
    "destination_service",
    "response_code",
    "reporter",
    "namespace",
    "pod",
}


def configurations(release: Release) -> dict[str, str]:
    """Return how `kubectl get configmap -o yaml` begins to print each file of the release, by its key."""
    printed = kubectl.run(
        "-n", release.namespace, "get", "configmap", "-l", f"app.kubernetes.io/instance={NAME}", "-o", "yaml"
    )
    keys = {key for item in yaml.safe_load(printed)["items"] for key in item["data"]}
    return {key: re.findall(rf"^ +{re.escape(key)}: (.)", printed, re.MULTILINE)[0] for key in keys}


@pytest.mark.parametrize(("collector", "major"), [("prometheus", 3), ("alloy", 4), ("opentelemetry", 4)])
def test_install_test_and_uninstall(collector: str, major: int, new_release: Callable[..., Release]) -> None:
    release = new_release(major)
    release.install(f"metrics.collector={collector}")
    said = release.test()
    assert set(configurations(release).values()) == {"|"}
    expected = release.expected()
    # Its own pod is one more.
    assert f"{len(expected) + 1} of {len(expected) + 1} targets are up" in said
    assert "PASSED" in said
    # The ten-line values as they are: a scrape every half minute.
    eventually(lambda: release.found(45), expected)
    assert set(expected.values()) == {1}
    eventually(lambda: release.found(45, oracle.OWN_JOB_LABEL), release.expected_of_itself(collector))
    assert sum(release.expected_of_itself(collector).values()) == 1
    for metric in sorted({name for names in REQUIRED.values() for name in names}):
        assert release.query(f'count({metric}{{cluster="{release.cluster}"}})'), metric
    (requests,) = release.query(
        f'topk(1, istio_requests_total{{cluster="{release.cluster}",namespace="shop",pod=~"frontend-.*"}})'
    )
    assert requests["metric"].keys() >= LABELS
    buckets = release.query(
        f'count by (pod) (istio_request_duration_milliseconds_bucket{{cluster="{release.cluster}",namespace="shop"}})'
    )
    assert {re.sub("-.*", "", item["metric"]["pod"]) for item in buckets} == {"checkout", "classic", "frontend"}
    release.uninstall()
    kinds = "all,configmap,secret,serviceaccount,persistentvolumeclaim"
    of_the_release = ("-n", release.namespace, "-l", f"app.kubernetes.io/instance={NAME}", "-o", "name")
    # Helm leaves pods of tests, as it says. A collector may take a minute to send what it has.
    eventually(lambda: kubectl.run("get", kinds, *of_the_release).split(), [f"pod/{NAME}-test-metrics"])
    roles = kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name")
    assert release.namespace not in roles


def test_access_logs_come_once(new_release: Callable[..., Release]) -> None:
    release = new_release(level="privileged")
    release.install("metrics.collector=none,logs.enabled=true")
    assert set(configurations(release).values()) == {"|"}
    said = release.test()
    assert "PASSED" in said
    pods = kubectl.get("pods", "-n", "shop", "-l", "app=frontend")["items"]
    name = pods[0]["metadata"]["name"]
    eventually(lambda: len(_numbered(release, name)) > 5, True)
    numbers = _numbered(release, name)
    # Requests of the frontend are numbered, and written when they end: from the first that came to the last none is
    # missing, and none twice.
    written = re.findall(r"GET /orders/(\d+)", kubectl.run("-n", "shop", "logs", name, "-c", "istio-proxy"))
    places = sorted(map(written.index, numbers))
    assert places == list(range(places[0], places[-1] + 1))
    lines = [line for line in release.backend.lines(release.cluster) if line["labels"]["pod"] == name]
    access = [line for line in lines if line["labels"]["log_type"] == "access"]
    assert all(line["metadata"]["response_code"] for line in access)
    assert {line["labels"]["job"] for line in lines} == {"integrations/istio"}
    assert not [line for line in release.backend.lines(release.cluster) if "s3cret" in line["line"]]
    assert {line["labels"]["container"] for line in lines} == {"istio-proxy"}
    stored = release.backend.log_query(
        release.reader,
        "acme",
        f'sum(count_over_time({{cluster="{release.cluster}", log_type="access"}} | response_code="404" [10m]))',
    )
    assert float(stored[0]["value"][1]) > 0


def _numbered(release: Release, pod: str) -> list[str]:
    """Return the numbers of the frontend's orders in the order in which their lines arrived."""
    lines = [line for line in release.backend.lines(release.cluster) if line["labels"]["pod"] == pod]
    return [found[1] for line in lines if (found := re.search(r"GET /orders/(\d+)", line["line"]))]


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_wrong_token_is_named(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.secret("wrong")
    release.install(f"metrics.collector={collector},{FAST},tests.timeout=60s")
    said = release.failed_test()
    assert re.search(r"xScaler (rejects samples permanently|has accepted nothing and rejected)", said)
    assert "401 is the token" in " ".join(said.split())
    # The hint leads to the reason.
    logs = kubectl.run("-n", release.namespace, "logs", "-l", f"app.kubernetes.io/instance={NAME}", "--tail=-1")
    assert "401" in logs
    assert "wrong" not in logs


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_backend_that_is_away_is_named(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    url = "xscaler.metrics.url=https://nobody.xscaler.svc/api/v1/push"
    release.install(f"metrics.collector={collector},{FAST},{url},tests.timeout=25s")
    said = release.failed_test()
    assert "xScaler has accepted nothing yet" in said
    assert "check that https://nobody.xscaler.svc/api/v1/push is right" in said


@pytest.mark.parametrize("collector", COLLECTORS)
def test_missing_rights_are_named(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(f"metrics.collector={collector},{FAST},tests.timeout=25s")
    kubectl.run("delete", "clusterrolebinding", f"{NAME}-metrics.{release.namespace}")
    kubectl.run("-n", release.namespace, "delete", "pods", "--all", "--now")
    said = release.failed_test()
    assert "the Kubernetes API rejects the list of pods" in said
    account = f"--as=system:serviceaccount:{release.namespace}:{NAME}-metrics"
    assert account in said
    asked = kubectl.run("auth", "can-i", "list", "pods", "--all-namespaces", account, check=False)
    assert asked.startswith("no")


@pytest.mark.parametrize("collector", COLLECTORS)
def test_no_mesh_is_named(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    only = ",".join(f"metrics.targets.{kind}.enabled=false" for kind in ("istiod", "cni", "ztunnel"))
    nowhere = "metrics.namespaces.include={nowhere}"
    release.install(f"metrics.collector={collector},{FAST},{only},tests.timeout=20s", nowhere)
    said = release.failed_test()
    assert "no target: the collector finds no pod with a container istio-proxy, discovery or install-cni" in said


@pytest.mark.parametrize("collector", COLLECTORS)
def test_rights_in_chosen_namespaces_are_enough(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(f"metrics.collector={collector},{FAST}", "rbac.namespaces={shop,istio-system}")
    assert "PASSED" in release.test()
    of_those = {pod: 1 for pod in release.expected() if pod[0] in ("shop", "istio-system")}
    assert of_those.keys() < release.expected().keys()
    eventually(lambda: release.found(10), of_those)
    account = f"--as=system:serviceaccount:{release.namespace}:{NAME}-metrics"

    def may(verb: str, what: str, *where: str) -> str:
        return kubectl.run("auth", "can-i", verb, what, *where, account, check=False).split()[0]

    assert [may(verb, "pods", "-n", "shop") for verb in ("list", "watch")] == ["yes", "yes"]
    refused = [
        ("list", "pods", "-n", "ambient"),
        ("list", "pods", "--all-namespaces"),
        ("get", "secrets", "-n", "shop"),
    ]
    assert [may(*words) for words in refused] == ["no"] * len(refused)
    assert release.namespace not in kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name")
