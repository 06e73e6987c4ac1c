"""The doctor's parts that take no cluster, and how it reads one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.support.paths import ROOT
from tests.support.tools import tool
from xscaler_istio.cluster import access, access_logs, network_policies, objects
from xscaler_istio.cluster.network_policies import EGRESS, INGRESS, Connection, End
from xscaler_istio.rendered import network_policy, telemetry
from xscaler_istio.system.errors import UnreachableError, UsageError

from . import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

MESH = Path(__file__).parent / "clusters" / "mesh"


def reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> access.Access:
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    monkeypatch.setenv("XSCALER_KUBECTL", str(tool("kubectl")))
    return access.access()


def test_a_long_list_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(access, "_PAGE", 5)
    reader = reading(tmp_path, monkeypatch)
    with recorded.serving(MESH, tmp_path / "kubeconfig"):
        found = reader.items("/api/v1/pods")
    expected = json.loads((MESH / "pods.json").read_text())["items"]
    assert len(expected) > 10
    assert [item["metadata"]["name"] for item in found] == [item["metadata"]["name"] for item in expected]


def test_what_the_cluster_refuses_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader = reading(tmp_path, monkeypatch)
    with recorded.serving(MESH, tmp_path / "kubeconfig", ("secrets",)):
        for path, reason in (("secrets/x", "Forbidden"), ("configmaps/x", "NotFound")):
            with pytest.raises(access.AnsweredError) as raised:
                reader.get(f"/api/v1/namespaces/telemetry/{path}")
            assert raised.value.reason == reason
    with pytest.raises(UnreachableError) as gone:
        reader.get("/api/v1/pods")
    assert not isinstance(gone.value, access.AnsweredError)


def test_a_probe_without_values_is_not_made_for_want_of_them(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    with recorded.serving(MESH.parent / "no-values", tmp_path / "kubeconfig"):
        environment = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "XSCALER_KUBECTL": str(tool("kubectl"))}
        ran = cli4("doctor", "-n", "telemetry", "--probe", **environment)
    (skipped,) = [line for line in ran.out.splitlines() if "XS450" in line]
    assert (ran.code, skipped.rpartition(": ")[2]) == (0, "no values were given (-f values.yaml)")


def test_helms_flags_are_kubectls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSCALER_KUBECTL", str(tool("kubectl")))
    monkeypatch.setenv("HELM_KUBECONTEXT", "staging")
    monkeypatch.setenv("HELM_KUBEASUSER", "jane")
    monkeypatch.setenv("HELM_KUBEASGROUPS", "ops,dev")
    assert access.access().flags == ("--context=staging", "--as=jane", "--as-group=ops", "--as-group=dev")
    assert access.access("prod").flags[0] == "--context=prod"
    # Helm always says of it whether it was given.
    monkeypatch.setenv("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", "false")
    assert "--insecure-skip-tls-verify" not in access.access().flags
    monkeypatch.setenv("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", "true")
    assert "--insecure-skip-tls-verify" in access.access().flags


def test_a_token_is_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSCALER_KUBECTL", str(tool("kubectl")))
    monkeypatch.setenv("HELM_KUBETOKEN", "s3cret")
    with pytest.raises(UsageError, match="list of processes would show it") as raised:
        access.access()
    assert "s3cret" not in f"{raised.value.message}{raised.value.fix}"


_HELM3 = pytest.mark.whole("Helm 4 tells its plugins the same, and chart and command line are not in it")


@pytest.mark.parametrize("helm", [pytest.param("helm3", marks=_HELM3), "helm4"])
def test_helm_passes_its_context_and_user_on(helm: str, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "xscaler").symlink_to(ROOT / "plugin")
    changed = {
        "HELM_PLUGINS": str(tmp_path / "plugins"),
        "XSCALER_PYTHON": sys.executable,
        "XSCALER_KUBECTL": str(tool("kubectl")),
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    with recorded.serving(MESH, tmp_path / "kubeconfig"):
        for context, code in (("recorded", 0), ("another", 4)):
            command = [str(tool(helm)), "--kube-context", context, "-n", "telemetry", "xscaler", "doctor"]
            done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **changed})
            assert done.returncode == code, done.stderr
            assert ("the release would find 9 targets" in done.stdout) is (code == 0)
    assert 'context "another" does not exist' in done.stderr


_OUTPUTS = pytest.mark.whole("a cluster's findings are findings, and test_report.py has every output")


@pytest.mark.parametrize(
    "output", ["json", *(pytest.param(name, marks=_OUTPUTS) for name in ("sarif", "junit", "github"))]
)
def test_every_output(output: str, cli4: Callable[..., Ran], tmp_path: Path) -> None:
    folder = MESH.parent / "namespace"
    with recorded.serving(folder, tmp_path / "kubeconfig"):
        environment = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "XSCALER_KUBECTL": str(tool("kubectl"))}
        ran = cli4("doctor", "-n", "telemetry", "-f", folder / "values.yaml", "-o", output, **environment)
    assert ran.code == 1, ran.err
    assert ran.out.count("XS442") >= 1
    if output == "json":
        document = json.loads(ran.out)
        jsonschema.validate(document, json.loads((ROOT / "docs/findings.schema.json").read_text()))
        assert (document["command"], document["summary"]["error"]) == ("doctor", 4)


# -- access logs --------------------------------------------------------------------------------------------------

ENVOY = {"providers": [{"name": "envoy"}]}


def config(mesh: str) -> objects.MeshConfig:
    return objects.mesh_config({"metadata": {"namespace": "istio-system", "name": "istio"}, "data": {"mesh": mesh}})


def written(namespace: str, *entries: dict[str, Any], created: str = "2026-01-01") -> telemetry.Telemetry:
    metadata = {"namespace": namespace, "name": "t", "creationTimestamp": created}
    return telemetry.parse({"metadata": metadata, "spec": {"accessLogging": list(entries)}})


FILE, DEFAULT = "accessLogFile: /dev/stdout", "defaultProviders: {accessLogging: [envoy]}"
# (mesh configuration, entries of the root's object and of the namespace's, whether lines are written).
# What istiod does: pilot/pkg/model/telemetry_test.go, telemetry_logging_test.go.
STATES: list[tuple[str, list[Any], list[Any], bool]] = [
    ("", [], [], False),
    (FILE, [], [], True),
    ("accessLogFile: /var/log/access.log", [], [], False),
    (DEFAULT, [], [], True),
    ("", [{}], [], False),
    ("", [ENVOY], [], True),
    ("", [ENVOY], [{**ENVOY, "disabled": True}], False),
    ("", [ENVOY], [{"disabled": True}], False),
    (FILE, [{"disabled": True}], [], True),
    (FILE, [{**ENVOY, "disabled": True}], [], False),
    (DEFAULT, [{"disabled": True}], [], False),
    ("", [], [{"providers": [{"name": "unknown"}]}], False),
    (FILE, [], [{"providers": [{"name": "unknown"}]}], True),
    ("", [{**ENVOY, "disabled": True}], [ENVOY], True),
    ("", [{**ENVOY, "match": {"mode": "CLIENT"}}], [], True),
]


@pytest.mark.parametrize(("mesh", "root", "own", "on"), STATES)
def test_the_effective_state_of_access_logs(mesh: str, root: list[Any], own: list[Any], on: bool) -> None:
    listed = [written(name, *entries) for name, entries in (("istio-system", root), ("shop", own)) if entries != []]
    assert access_logs.state("shop", config(mesh), listed, "istio-system").on is on


def test_of_two_objects_the_older_holds() -> None:
    older, newer = written("shop", ENVOY), written("shop", {**ENVOY, "disabled": True}, created="2026-02-01")
    assert access_logs.state("shop", config(""), [newer, older], "istio-system").on


# -- network policies ---------------------------------------------------------------------------------------------

COLLECTOR = End(
    namespace="telemetry", namespace_labels={"team": "platform"}, labels={"app": "collector"}, address="10.244.0.9"
)
PROXY = End(
    namespace="shop",
    namespace_labels={},
    labels={"app": "checkout"},
    address="10.244.0.5",
    ports={"http-envoy-prom": 15090},
)
SCRAPE = Connection(COLLECTOR, PROXY, 15020)
# (specification of a policy in the namespace shop, whether the scrape passes)
POLICIES: list[tuple[dict[str, Any], bool]] = [
    ({"podSelector": {}}, False),
    ({"podSelector": {"matchLabels": {"app": "another"}}}, True),
    ({"podSelector": {}, "policyTypes": ["Egress"]}, True),
    ({"podSelector": {}, "ingress": [{}]}, True),
    ({"podSelector": {}, "ingress": [{"ports": [{"port": 15020}]}]}, True),
    ({"podSelector": {}, "ingress": [{"ports": [{"port": 15020, "protocol": "UDP"}]}]}, False),
    ({"podSelector": {}, "ingress": [{"ports": [{"port": 15000, "endPort": 15019}]}]}, False),
    ({"podSelector": {}, "ingress": [{"ports": [{"port": "http-envoy-prom"}]}]}, False),
    ({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}, True),
    ({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}]}, False),
    ({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}, False),
    ({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}]}, True),
    (
        {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.244.0.0/16"]}}]}]},
        False,
    ),
    (
        {
            "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["checkout"]}]},
            "ingress": [],
        },
        True,
    ),
]


@pytest.mark.parametrize(("spec", "passes"), POLICIES)
def test_a_network_policy(spec: dict[str, Any], passes: bool) -> None:
    policy = network_policy.parse({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec})
    assert network_policies.in_the_way([policy], INGRESS, SCRAPE) == (() if passes else (policy,))


def test_policies_add_up() -> None:
    specs: tuple[dict[str, Any], ...] = (
        {"podSelector": {}},
        {"podSelector": {}, "ingress": [{"ports": [{"port": 15020}]}]},
    )
    policies = [network_policy.parse({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}) for spec in specs]
    assert network_policies.in_the_way(policies, INGRESS, SCRAPE) == ()
    # What a policy of the target's namespace says of going out is not about coming in.
    assert network_policies.in_the_way(policies, EGRESS, SCRAPE) == ()
