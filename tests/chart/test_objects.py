"""Every object of every values file of ci/ and examples/, rendered by both Helms."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, CI_FILES, ci
from tests.support.rendering import objects, of_kind, render, run_template, template
from tests.support.schemas import custom_schemas
from tests.support.tools import tool
from xscaler_istio.commands.lint import NEWEST_KUBERNETES, kubernetes_schemas
from xscaler_istio.values import places

if TYPE_CHECKING:
    from pathlib import Path

OLDEST = 25
# Every minor that Chart.yaml claims and that schemas exist of; `kubeVersion` has no upper end.
MINORS = tuple(f"1.{minor}.0" for minor in range(OLDEST, int(NEWEST_KUBERNETES.split(".")[1]) + 1))


def rendered(helm: str, file: Path, *more: str) -> str:
    return template(helm, "--values", str(file), *more)


def pods(text: str) -> list[dict[str, Any]]:
    return [item["spec"]["template"] for kind in ("Deployment", "DaemonSet") for item in of_kind(text, kind)]


def restricted(text: str) -> list[dict[str, Any]]:
    """Return the pods that make no exception: all but the agents that read the files of a node."""
    return [pod for pod in pods(text) if pod["metadata"]["labels"]["app.kubernetes.io/component"] != "logs"]


BETWEEN = pytest.mark.whole("make test judges by the oldest and the newest minor")


@pytest.mark.parametrize(
    "kubernetes", [MINORS[0], *(pytest.param(minor, marks=BETWEEN) for minor in MINORS[1:-1]), MINORS[-1]]
)
def test_kubernetes_admits_every_object(kubernetes: str, tmp_path: Path) -> None:
    # Both Helms render the same.
    for file in CI_FILES:
        (tmp_path / file.name).write_text(rendered("helm4", file, "--kube-version", kubernetes))
    schemas = kubernetes_schemas(kubernetes)
    assert schemas, f"no schemas of Kubernetes {kubernetes}"
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(tool("kubeconform")), "-strict", "-summary", "-n", "2", "-schema-location", location]
    command += ["-schema-location", f"{custom_schemas()}/{{{{ .ResourceKind }}}}.json", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    number = sum(len(objects(file.read_text())) for file in tmp_path.iterdir())
    assert f"{number} resources found in {len(CI_FILES)} files - Valid: {number}, " in done.stdout
    assert "Skipped: 0" in done.stdout


def test_the_versions_of_kubernetes_are_those_that_the_chart_claims() -> None:
    claimed = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    assert claimed == f">={MINORS[0]}-0"
    # One more than the newest would have no schemas: then NEWEST_KUBERNETES is to be raised.
    assert kubernetes_schemas(f"1.{OLDEST + len(MINORS)}.0") is None


def test_every_kubernetes_gets_the_same_but_for_one_field(helm: str, ci_file: Path) -> None:
    oldest, newest = (rendered(helm, ci_file, "--kube-version", version) for version in (MINORS[0], MINORS[-1]))
    since_1_27 = r"(?m)^  # A collector that is not ready .*\n  unhealthyPodEvictionPolicy: AlwaysAllow\n"
    assert newest == rendered(helm, ci_file)
    assert oldest == re.sub(since_1_27, "", newest)


@pytest.mark.parametrize(("version", "known"), [("1.26.0", False), ("1.27.0", True), ("v1.27.3-gke.100", True)])
def test_a_collector_that_is_not_ready_holds_up_no_drain(version: str, known: bool) -> None:
    text = rendered("helm4", ci("operations"), "--kube-version", version)
    (budget,) = of_kind(text, "PodDisruptionBudget")
    assert (budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow") is known


def test_kubernetes_older_than_claimed_is_refused(each_helm: str) -> None:
    for version in ("1.24.9", "v1.24.17-eks-5e0fdde", "v1.24.14-gke.2700"):
        done = run_template(each_helm, "--values", str(ci("default")), "--kube-version", version)
        assert done.returncode == 1
        assert "requires kubeVersion: >=1.25.0-0" in done.stderr


# As GKE, EKS, AKS, k3s, RKE2, OpenShift, Alibaba and Huawei name theirs. To SemVer what follows a dash is a
# pre-release, which a range without one leaves out.
MANAGED = (
    "v1.31.4-gke.100",
    "v1.30.3-eks-abc",
    "v1.25.0-eks-1234",
    "v1.32.6",
    "v1.33.1+k3s1",
    "v1.34.2+rke2r1",
    "v1.30.5-aliyun.1",
    "v1.29.13-r0-29.0.2.6",
    "v1.35.0-rc.1",
)


@pytest.mark.parametrize("version", MANAGED)
def test_managed_clusters_with_a_suffix_are_admitted(helm: str, version: str) -> None:
    assert rendered(helm, ci("default"), "--kube-version", version)


def test_both_helms_render_equal_objects(ci_file: Path) -> None:
    assert objects(rendered("helm3", ci_file)) == objects(rendered("helm4", ci_file))


def test_two_renders_are_equal(helm: str, ci_file: Path) -> None:
    arguments = ("--values", str(ci_file))
    assert render(helm, *arguments).stdout == render(helm, *arguments).stdout != ""


def test_pods_meet_the_restricted_level(ci_file: Path) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    for pod in restricted(rendered("helm4", ci_file)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all({"configMap", "secret", "emptyDir", "persistentVolumeClaim"} & v.keys() for v in spec["volumes"])
        for container in spec["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_pods_stay_outside_the_mesh(ci_file: Path) -> None:
    for pod in pods(rendered("helm4", ci_file)):
        assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
        assert pod["metadata"]["labels"]["istio.io/dataplane-mode"] == "none"
        assert pod["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"


FIND_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}
# The agent that reads logs through the API server asks for each pod, and for its log.
READ_LOGS = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


def test_roles_allow_to_find_pods_and_nothing_else(ci_file: Path) -> None:
    text = rendered("helm4", ci_file)
    roles = {
        role["metadata"]["labels"]["app.kubernetes.io/component"]: role["rules"]
        for kind in ("ClusterRole", "Role")
        for role in of_kind(text, kind)
    }
    allowed = {"metrics": [FIND_PODS], "logs": [FIND_PODS], "logs-api": READ_LOGS}
    assert roles
    assert roles == {component: allowed[component] for component in roles}
    # Each component has its own, bound to its own account.
    bindings = (*of_kind(text, "ClusterRoleBinding"), *of_kind(text, "RoleBinding"))
    bound = {item["roleRef"]["name"]: item["subjects"] for item in bindings}
    assert len(bound) == len(roles)
    assert {pod["spec"]["serviceAccountName"] for pod in pods(text)} == {
        subject["name"] for subjects in bound.values() for subject in subjects
    }


def test_selectors_match_their_pods(ci_file: Path) -> None:
    text = rendered("helm4", ci_file)
    for workload in (*of_kind(text, "Deployment"), *of_kind(text, "DaemonSet")):
        selector = workload["spec"]["selector"]["matchLabels"]
        assert selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_pods_find_their_volumes(ci_file: Path) -> None:
    text = rendered("helm4", ci_file)
    config_maps = {item["metadata"]["name"] for item in of_kind(text, "ConfigMap")}
    for pod in pods(text):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert volumes["config"]["configMap"]["name"] in config_maps
        mounts = {mount["name"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        assert mounts == volumes.keys()
        # A subPath mount is never updated: neither the token nor the configuration would be.
        assert "subPath" not in yaml.safe_dump(pod)


def test_a_token_is_in_the_secret_only() -> None:
    for item in objects(template("helm4", "--values", str(ci("tryout")))):
        held = "not-a-real-token" in yaml.safe_dump(item)
        assert held == (item["kind"] == "Secret"), item["kind"]


def test_no_secret_is_made_beside_an_existing_one() -> None:
    default = ci("default")
    assert of_kind(rendered("helm4", default), "Secret") == []


def test_every_image_comes_from_the_registry_that_was_set() -> None:
    scheduling = ci("scheduling")
    images = [c["image"] for pod in pods(rendered("helm4", scheduling)) for c in pod["spec"]["containers"]]
    assert images
    assert all(image.startswith("registry.example/") and "@sha256:" in image for image in images)


def test_a_newer_chart_leaves_the_pod_template_alone(tmp_path: Path) -> None:
    # A new chart version must not restart Prometheus: what it has not sent would be lost.
    import shutil

    newer = tmp_path / "chart"
    shutil.copytree(CHART, newer)
    manifest = newer / "Chart.yaml"
    manifest.write_text(manifest.read_text().replace("version: 0.1.0", "version: 0.9.9", 1))
    values = ("--values", str(ci("default")), "--namespace", "telemetry")
    done = subprocess.run([tool("helm4"), "template", "t", newer, *values], check=True, capture_output=True, text=True)
    assert "xscaler-istio-0.9.9" in done.stdout
    assert pods(done.stdout) == pods(rendered("helm4", ci("default")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("t", "telemetry"), ("t", "elsewhere")),
        (("prod-xscaler-istio", "team"), ("xscaler-istio", "team-prod")),
        (("xscaler-istio", "api-telemetry"), ("xscaler-istio", "telemetry")),
    ],
)
def test_two_releases_share_nothing_outside_their_namespaces(one: tuple[str, str], other: tuple[str, str]) -> None:
    def names(release: str, namespace: str) -> set[str]:
        sets = "logs.enabled=true,logs.source=filesAndFargate,platform=openshift"
        words = (tool("helm4"), "template", release, CHART, "-n", namespace, "-f", ci("default"), "--set", sets)
        text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        kinds = ("ClusterRole", "ClusterRoleBinding", "SecurityContextConstraints")
        found = {item["metadata"]["name"] for kind in kinds for item in of_kind(text, kind)}
        (agent,) = of_kind(text, "DaemonSet")
        volumes = agent["spec"]["template"]["spec"]["volumes"]
        (state,) = (item["hostPath"]["path"] for item in volumes if item.get("hostPath", {}).get("type"))
        return found | {state}

    assert len(names(*one)) == 4
    assert not names(*one) & names(*other)


@pytest.mark.parametrize("name", ["short", "a.b", "x" * 44, "observability-production-mesh-europe-metrics-a"])
def test_kubernetes_leaves_the_number_of_a_shard_in_a_pods_name(name: str) -> None:
    words = (tool("helm4"), "template", name, CHART, "-f", ci("default"), "--set", "metrics.shards=100")
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    deployments = [item["metadata"]["name"] for item in of_kind(text, "Deployment")]
    assert len(set(deployments)) == 100
    # What Kubernetes makes of it: a hash of a ReplicaSet behind it, cut at 58 characters, and five more.
    assert {f"{deployment}-0123456789-"[:58].startswith(f"{deployment}-") for deployment in deployments} == {True}
    assert all(re.fullmatch("[a-z0-9-]{1,63}", item["metadata"]["name"]) for item in of_kind(text, "Service"))


def test_long_names_stay_apart() -> None:
    def shard(release: str) -> str:
        words = (tool("helm4"), "template", release, CHART, "-f", ci("default"))
        text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return str(of_kind(text, "Deployment")[0]["metadata"]["name"])

    assert shard("observability-production-mesh-metrics-a") != shard("observability-production-mesh-metrics-b")


def test_no_label_is_there_twice() -> None:
    labels = {"release": "kps", "app.kubernetes.io/version": "2", "app.kubernetes.io/name": "mine"}
    sets = (f"commonLabels={json.dumps(labels)}", 'serviceMonitor={"enabled":true,"labels":{"release":"other"}}')
    text = template("helm4", "--values", str(ci("default")), *(word for item in sets for word in ("--set-json", item)))
    assert not [found for part in text.split("---\n") for found in places.parse(part.encode(), "-").findings if part]
    for item in objects(text):
        own = item["metadata"]["labels"]
        assert own["app.kubernetes.io/version"] != "2"
        assert own["app.kubernetes.io/name"] == "xscaler-istio"
    (monitor,) = of_kind(text, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "other"


def test_shards_are_one_deployment_and_one_configuration_each() -> None:
    full = ci("full")
    text = rendered("helm4", full)
    for kind in ("Deployment", "ConfigMap", "PersistentVolumeClaim"):
        names = [item["metadata"]["name"] for item in of_kind(text, kind)]
        assert names == [f"t-xscaler-istio-metrics-{shard}" for shard in range(3)]
    assert all(item["spec"]["replicas"] == 1 for item in of_kind(text, "Deployment"))
    assert all(item["spec"]["strategy"] == {"type": "Recreate"} for item in of_kind(text, "Deployment"))


def test_works_as_a_subchart(each_helm: str, tmp_path: Path) -> None:
    umbrella = tmp_path / "umbrella"
    (umbrella / "charts").mkdir(parents=True)
    (umbrella / "charts/xscaler-istio").symlink_to(CHART)
    dependency = {"name": "xscaler-istio", "version": "0.1.0", "condition": "xscaler-istio.enabled"}
    chart = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}
    (umbrella / "Chart.yaml").write_text(yaml.safe_dump(chart))
    values = {"enabled": True, **yaml.safe_load(ci("default").read_text())}
    (umbrella / "values.yaml").write_text(yaml.safe_dump({"global": {"a": 1}, "xscaler-istio": values}))
    done = subprocess.run([tool(each_helm), "template", "t", umbrella], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert of_kind(done.stdout, "Deployment")
