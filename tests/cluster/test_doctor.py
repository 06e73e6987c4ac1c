"""`helm xscaler doctor` on a real cluster, through the console script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.tools import tool

from . import authority, kubectl
from .release import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

_LOGS = ("--set", "logs.enabled=true")


def doctor(release: Release, *flags: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the command before the release is installed; return its exit code and its report."""
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "doctor", "-n", release.namespace, "-o", "json"]
    programs = {"HELM_BIN": str(tool(f"helm{release.major}")), "XSCALER_KUBECTL": str(tool("kubectl"))}
    done = subprocess.run(
        [*command, "-f", str(VALUES), *flags],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **programs, **environment},
        timeout=kubectl.SECONDS,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def said(report: dict[str, Any], rule: str) -> list[str]:
    return [f"{item['file']}: {item['message']}" for item in report["findings"] if item["rule"] == rule]


def test_a_cluster_that_is_ready(new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release(level="privileged")
    ca = tmp_path / "ca.crt"
    ca.write_bytes(authority.xscaler().cert_pem.bytes())
    urls = (release.backend.metrics, release.backend.logs)
    sets = ("--set", f"xscaler.metrics.url={urls[0]}/api/v1/push", "--set", f"xscaler.logs.url={urls[1]}/api/v1/push")
    code, report = doctor(release, *_LOGS, *sets, "--probe", SSL_CERT_FILE=str(ca))
    assert (code, report["summary"]["error"], report["skipped"]) == (0, 0, []), report
    (what,) = said(report, "XS400")
    assert what.startswith("cluster: Istio 1.31.0: ")
    (found,) = said(report, "XS403")
    # By the oracle, which knows nothing of the rules.
    assert found.startswith(f"cluster: the release would find {len(release.expected())} targets: ")
    (logs,) = said(report, "XS410")
    assert logs.startswith("cluster: access logs on, TEXT (meshConfig.accessLogFile /dev/stdout): ")
    assert [line.rpartition(" accepted ")[2] for line in sorted(said(report, "XS454"))] == ["a line", "a sample"]


def test_what_is_missing_and_in_the_way(new_release: Callable[..., Release]) -> None:
    release = new_release(level="restricted")
    name = release.namespace
    kubectl.run("-n", name, "delete", "secret", "xscaler-token")
    policy = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 443}]}]}
    metadata = {"name": "https-only", "namespace": name}
    kubectl.apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": policy})
    telemetry = {"accessLogging": [{"providers": [{"name": "envoi"}]}]}
    metadata = {"name": "misspelt", "namespace": name}
    kubectl.apply({"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": telemetry})
    code, report = doctor(release, *_LOGS)
    assert code == 1
    (secret,) = said(report, "XS442")
    assert secret.endswith(f": the namespace {name} has no Secret xscaler-token")
    (needs,) = said(report, "XS440")
    assert needs.startswith(f"Namespace {name}: it enforces the pod-security level restricted, but DaemonSet ")
    blocked = [line.removeprefix(f"Namespace {name}: NetworkPolicy https-only ") for line in said(report, "XS433")]
    assert "keeps the collector from the cluster's DNS" in blocked
    assert any(line.startswith("keeps the collector from port 15020 of ") for line in blocked)
    assert not any("xScaler" in line for line in blocked)
    assert said(report, "XS412") == [
        f"Telemetry {name}/misspelt: turns nothing on: meshConfig.extensionProviders has no envoi"
    ]


def test_who_may_read_nothing_is_told_which_rights(new_release: Callable[..., Release]) -> None:
    release = new_release()
    code, report = doctor(release, HELM_KUBEASUSER="jane")
    assert (code, report["findings"]) == (0, [])
    missing = [line.rpartition(": ")[2] for line in report["skipped"]]
    assert missing == [
        "no permission to list pods in all namespaces",
        "no permission to list telemetries.telemetry.istio.io in all namespaces",
        "no permission to get configmaps in the namespace istio-system",
        "no permission to list workloadentries.networking.istio.io in all namespaces",
        "no permission to list namespaces",
        f"no permission to get secrets in the namespace {release.namespace}",
        "only --probe asks xScaler",
    ]
