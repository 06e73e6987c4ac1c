"""The pipeline tier's Kubernetes API and the real one give the same targets for the same pods.

promtool runs Prometheus' own discovery with the configuration that the chart renders, against each of the two.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from anyio.from_thread import start_blocking_portal

from tests.support.rendering import prometheus_config, template
from tests.support.tools import tool
from xscaler_istio.local import certificates, kubernetes, network, oracle

from . import kubectl
from .release import VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "of-the-test"  # noqa: S105 - for a server of this test alone
# Namespaces of pods that stay while other tests run beside this one.
STABLE = ("shop", "istio-system", "ambient", "outside")
# Of a pod's labels what the API server adds later, such as a resource version, is in none of them.
Target = tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def pods() -> list[dict[str, Any]]:
    listed = kubectl.get("pods", "--all-namespaces")["items"]
    return [pod for pod in listed if pod["metadata"]["namespace"] in STABLE]


@pytest.fixture(scope="module")
def pretended(pods: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve the same pods as the pipeline tier does; give a kubeconfig for it."""
    folder = tmp_path_factory.mktemp("pretended")
    authority = certificates.create(folder)
    with network.claim() as own, start_blocking_portal() as portal:
        host, port = own.infrastructure, network.API_SERVER_PORT
        tls = authority.server_context(host)
        serving = kubernetes.serving(host=host, port=port, tls=tls, token=TOKEN, pods=pods)
        with portal.wrap_async_context_manager(serving) as api:
            cluster = {"server": api.url, "certificate-authority": str(authority.ca_file)}
            content = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"token": TOKEN}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
            (folder / "kubeconfig").write_text(json.dumps(content))
            yield folder / "kubeconfig"


def discovered(kubeconfig: str, folder: Path) -> collections.Counter[Target]:
    """Return the labels of every target that is kept, of all jobs."""
    config = prometheus_config(template("helm4", "--values", str(VALUES)))
    for job in config["scrape_configs"]:
        (discovery,) = job["kubernetes_sd_configs"]
        discovery["kubeconfig_file"] = kubeconfig
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    found: collections.Counter[Target] = collections.Counter()
    for job in config["scrape_configs"]:
        command = [str(tool("promtool")), "check", "service-discovery", "--timeout=5s", str(file), job["job_name"]]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        items = json.loads(done.stdout)
        kept = {tuple(sorted(item["labels"].items())) for item in items if item.get("labels")}
        found.update(target for target in kept if dict(target)["namespace"] in STABLE)
    return found


def test_both_give_the_same_targets(pods: list[dict[str, Any]], pretended: Path, tmp_path: Path) -> None:
    real = discovered(os.environ["KUBECONFIG"], tmp_path)
    assert real == discovered(str(pretended), tmp_path)
    # And as many as must be.
    expected = oracle.expected_targets(pods, oracle.Choices(cluster="prod-1"))
    assert {dict(target)["instance"] for target in real} == {target.labels["instance"] for target in expected}
    assert len(real) == len(expected) > 5
