"""The log agents: what they may do, exception by exception, and the Telemetry object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import of_kind, run_template, template
from tests.support.tools import tool
from xscaler_istio.commands import lint
from xscaler_istio.rendered.release import Release

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = ("--values", str(ci("default")), "--set", "logs.enabled=true,metrics.collector=none")


def rendered(*sets: str) -> str:
    return template("helm4", *DEFAULT, *(word for pair in sets for word in ("--set", pair)))


def workload(text: str, kind: str) -> dict[str, Any]:
    (found,) = of_kind(text, kind)
    return found


def test_the_agent_on_a_node_makes_these_exceptions_and_no_other() -> None:
    pod = workload(rendered(), "DaemonSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    # uid 0: the files belong to root and nobody else may read them.
    assert pod["securityContext"] == {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # hostPath: the files, read only; and a folder of its own to write to.
    paths = {volume["name"]: volume["hostPath"] for volume in pod["volumes"] if "hostPath" in volume}
    assert paths == {
        "logs-0": {"path": "/var/log/pods"},
        "storage": {"path": "/var/lib/xscaler-istio/telemetry/t-xscaler-istio", "type": "DirectoryOrCreate"},
    }
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["logs-0"] == {"name": "logs-0", "mountPath": "/var/log/pods", "readOnly": True}
    writable = [name for name, mount in mounts.items() if not mount.get("readOnly")]
    assert writable == ["storage"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["tolerations"] == [{"operator": "Exists"}]


def test_docker_adds_its_own_folder_and_only_then() -> None:
    def folders(*sets: str) -> list[str]:
        volumes = workload(rendered(*sets), "DaemonSet")["spec"]["template"]["spec"]["volumes"]
        return [volume["hostPath"]["path"] for volume in volumes if volume["name"].startswith("logs-")]

    assert folders() == ["/var/log/pods"]
    assert folders("logs.runtime=docker") == ["/var/log/pods", "/var/lib/docker/containers"]


def test_through_the_api_nothing_is_excepted() -> None:
    text = rendered("logs.source=api")
    assert of_kind(text, "DaemonSet") == []
    pod = workload(text, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    assert "tolerations" not in pod
    assert workload(text, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_both_share_the_pods_between_them() -> None:
    found = Release.of(rendered("logs.source=filesAndFargate")).log_agents
    rules = [config.text.split("eks_amazonaws_com_fargate_profile")[1].split("}")[0] for config in found]
    assert [re.findall(r'action = "(\w+)"', rule) for rule in rules] == [["drop"], ["keep"]]
    assert "loki.source.file" in found[0].text
    assert "loki.source.kubernetes" in found[1].text
    assert "eks_amazonaws" not in rendered()


def test_the_agent_ends_after_its_queue_is_sent() -> None:
    pod = workload(rendered("logAgent.queue.drainTimeout=2m"), "DaemonSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 150
    text = rendered("logAgent.queue.drainTimeout=2m")
    assert 'drain_timeout = "2m"' in text
    assert "max_backoff_retries = 0" in text


def test_a_token_file_and_nothing_else_proves_who_the_agent_is() -> None:
    text = rendered()
    assert 'credentials_file = "/etc/xscaler/auth/token"' in text
    assert of_kind(text, "Secret") == []
    file = "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/vault/secrets/token,pod.annotations.a=b"
    text = rendered(*file.split(","))
    assert 'credentials_file = "/vault/secrets/token"' in text
    assert "/etc/xscaler/auth" not in text
    assert {volume["name"] for volume in workload(text, "DaemonSet")["spec"]["template"]["spec"]["volumes"]} == {
        "config",
        "storage",
        "logs-0",
    }


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSCALER_ALLOY", str(tool("alloy")))


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("source", ["files", "api", "filesAndFargate"])
@pytest.mark.parametrize("runtime", ["cri", "docker"])
@pytest.mark.parametrize("start", ["beginning", "end"])
def test_alloy_accepts_every_configuration(source: str, runtime: str, start: str) -> None:
    sets = (f"logs.source={source}", f"logs.runtime={runtime}", f"logs.startAt={start}")
    more = (
        "logs.maskForwardedFor=true",
        "logs.streamLabels={protocol,request_method,response_code}",
        "xscaler.tls.ca.name=ca",
        "logs.sampling.successPercent=0",
    )
    for config in Release.of(rendered(*sets, *more)).log_agents:
        assert lint.check_config(config) == []


def test_no_telemetry_object_unless_it_is_asked_for() -> None:
    assert of_kind(rendered(), "Telemetry") == []


@pytest.mark.parametrize(
    ("sets", "spec"),
    [
        (
            "istio.telemetry.accessLogging.enabled=true",
            {"accessLogging": [{"providers": [{"name": "envoy"}]}]},
        ),
        (
            "istio.telemetry.trimTags.enabled=true",
            {
                "metrics": [
                    {
                        "providers": [{"name": "prometheus"}],
                        "overrides": [
                            {
                                "match": {"metric": "ALL_METRICS"},
                                "tagOverrides": {
                                    f"{side}_{what}": {"operation": "REMOVE"}
                                    for side in ("source", "destination")
                                    for what in ("app", "version")
                                },
                            }
                        ],
                    }
                ]
            },
        ),
    ],
)
def test_the_telemetry_object_holds_what_is_enabled(sets: str, spec: dict[str, Any]) -> None:
    item = workload(rendered(sets, "istio.rootNamespace=mesh"), "Telemetry")
    assert item["metadata"]["namespace"] == "mesh"
    assert item["spec"] == spec


def test_both_parts_are_one_object_of_the_version_that_was_chosen() -> None:
    both = ("istio.telemetry.accessLogging.enabled=true", "istio.telemetry.trimTags.enabled=true")
    item = workload(rendered(*both, "istio.telemetry.apiVersion=telemetry.istio.io/v1alpha1"), "Telemetry")
    assert item["apiVersion"] == "telemetry.istio.io/v1alpha1"
    assert item["spec"].keys() == {"accessLogging", "metrics"}


def test_the_tags_that_are_trimmed_are_those_that_the_chart_empties() -> None:
    item = workload(rendered("istio.telemetry.trimTags.enabled=true"), "Telemetry")
    emptied = {rule["target_label"] for rule in yaml.safe_load((CHART / "files/rules/label-budget.yaml").read_text())}
    assert item["spec"]["metrics"][0]["overrides"][0]["tagOverrides"].keys() == emptied


def test_logs_and_metrics_can_be_two_releases(helm: str, tmp_path: Path) -> None:  # noqa: ARG001 - one shape
    metrics = run_template(helm, "--values", str(ci("default"))).stdout
    logs = run_template(helm, *DEFAULT).stdout
    assert of_kind(metrics, "DaemonSet") == of_kind(logs, "Deployment") == []
    names = [{(i["kind"], i["metadata"]["name"]) for i in yaml.safe_load_all(text) if i} for text in (metrics, logs)]
    assert not names[0] & names[1]
