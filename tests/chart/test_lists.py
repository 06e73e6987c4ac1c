"""Lists that the chart joins with those of the values: the API server takes them, and the values win where they may.

`tests.support.rendering.render` checks every rendering of the tests as server-side apply does; here it is the subject.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.paths import ci
from tests.support.rendering import of_kind, render, run_template, template
from tests.support.tools import HELMS
from tests.support.typed_apply import duplicates, type_name, types
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from pathlib import Path

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")


def containers(*sets: str) -> dict[str, dict[str, Any]]:
    """Return the program's container by the kind of its workload."""
    text = template("helm4", *BASE, *(word for item in sets for word in ("--set-json", item)))
    kinds = ("Deployment", "DaemonSet")
    return {kind: of_kind(text, kind)[0]["spec"]["template"]["spec"]["containers"][0] for kind in kinds}


# -- the check ----------------------------------------------------------------------------------------------------


def pod(**lists: object) -> dict[str, Any]:
    container: dict[str, object] = {"name": "a"}
    container |= {key: lists.pop(key) for key in ("env", "ports") if key in lists}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {**lists, "containers": [container]}}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (pod(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]), 'spec.containers[0].env: {"name": "A"}'),
        (pod(volumes=[{"name": "a"}, {"name": "b"}, {"name": "a"}]), 'spec.volumes: {"name": "a"}'),
        (pod(imagePullSecrets=[{"name": "a"}, {"name": "a"}]), 'spec.imagePullSecrets: {"name": "a"}'),
        (
            # TCP by default.
            pod(ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]),
            'spec.containers[0].ports: {"containerPort": 80, "protocol": "TCP"}',
        ),
        ({**pod(), "metadata": {"finalizers": ["a", "a"]}}, 'metadata.finalizers: "a"'),
    ],
)
def test_an_entry_with_the_key_of_another_is_found(document: dict[str, Any], found: str) -> None:
    assert duplicates(document) == [f"Pod.{found}"]


def test_lists_that_are_replaced_as_a_whole_may_repeat_entries() -> None:
    toleration = {"operator": "Exists"}
    assert duplicates(pod(tolerations=[toleration, toleration], env=[{"name": "A"}, {"name": "B"}])) == []


@pytest.mark.parametrize("values", ["default", "operations", "extended"])
def test_the_types_of_what_the_chart_renders_are_known(values: str) -> None:
    custom = {"PrometheusRule", "ServiceMonitor", "Telemetry", "SecurityContextConstraints"}
    text = template("helm4", "--values", str(ci(values)))
    kinds = {type_name(item) for item in yaml.safe_load_all(text) if item and item["kind"] not in custom}
    assert kinds
    assert kinds <= types().keys()


# -- variables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_variable_of_the_values_takes_the_place_of_the_charts(collector: str) -> None:
    own = [{"name": "GOMEMLIMIT", "value": "1500MiB"}, {"name": "A", "value": "$(GOMEMLIMIT)"}]
    found = containers(f'metrics.collector="{collector}"', f"pod.extraEnv={json.dumps(own)}")
    assert found["Deployment"]["env"] == own
    assert [item["name"] for item in found["DaemonSet"]["env"]] == ["NODE_NAME", "GOMEMLIMIT", "A"]


def test_the_node_of_a_log_agent_may_be_given_as_what_it_is() -> None:
    own = [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    assert containers(f"logAgent.pod.extraEnv={json.dumps(own)}")["DaemonSet"]["env"] == own


def test_a_pull_secret_that_is_named_in_several_places_is_there_once() -> None:
    shared = {"image": {"pullSecrets": [{"name": "login"}]}, "imagePullSecrets": ["login", "other"]}
    sets = (f"global={json.dumps(shared)}", 'pod.imagePullSecrets=[{"name":"login"}]')
    text = template("helm4", *BASE, *(word for item in sets for word in ("--set-json", item)))
    for kind in ("Deployment", "DaemonSet"):
        spec = of_kind(text, kind)[0]["spec"]["template"]["spec"]
        assert spec["imagePullSecrets"] == [{"name": "login"}, {"name": "other"}]


# -- flags --------------------------------------------------------------------------------------------------------

RETENTION = "--storage.agent.retention.max-time"


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ([f"{RETENTION}=2h"], f"{RETENTION}=6h"),
        ([RETENTION, "2h"], f"{RETENTION}=6h"),
        (["--no-config.auto-reload"], "--config.auto-reload"),
        (["--config.auto-reload-interval=1m"], "--config.auto-reload-interval=30s"),
        (["--web.enable-lifecycle", "--log.level=debug"], None),
        (["--agent"], "--agent"),
    ],
)
def test_a_flag_of_the_values_takes_the_place_of_the_charts(given: list[str], gone: str | None) -> None:
    before = containers()["Deployment"]["args"]
    assert gone is None or gone in before
    after = containers(f"prometheus.extraArgs={json.dumps(given)}")["Deployment"]["args"]
    assert after == [*(word for word in before if word != gone), *given]


def test_values_that_a_program_joins_stay() -> None:
    given = ["--feature-gates=-a.b", "--config=/etc/more/otelcol.yaml", "--set=a=b", "--set=c=d"]
    sets = ('metrics.collector="opentelemetry"', f"opentelemetry.extraArgs={json.dumps(given)}")
    before = containers(sets[0])["Deployment"]["args"]
    assert containers(*sets)["Deployment"]["args"] == [*before, *given]


def test_what_is_no_flag_stays() -> None:
    args = containers('logAgent.extraArgs=["--disable-reporting=false"]')["DaemonSet"]["args"]
    assert args[0] == "run"
    assert args[-2:] == ["/etc/collector/config.alloy", "--disable-reporting=false"]
    assert "--disable-reporting" not in args


# -- any of them --------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["config", "auth", "ca", "storage", "logs-0", "collector", "GOMEMLIMIT", "NODE_NAME", "own"])
PATHS = st.sampled_from(
    ["/etc/collector", "/etc/xscaler/auth/", "/prometheus", "/var/lib/alloy", "/var/log/pods", "/a"]
)
LISTS = {
    "extraEnv": st.builds(lambda name: {"name": name, "value": "x"}, NAMES),
    "extraVolumes": st.builds(lambda name: {"name": name, "emptyDir": {}}, NAMES),
    "extraVolumeMounts": st.builds(lambda name, path: {"name": name, "mountPath": path}, NAMES, PATHS),
    "extraContainers": st.builds(lambda name: {"name": name, "image": "a"}, NAMES),
    "initContainers": st.builds(lambda name: {"name": name, "image": "a"}, NAMES),
    "imagePullSecrets": st.builds(lambda name: {"name": name}, NAMES),
    "hostAliases": st.builds(lambda end: {"ip": f"192.0.2.{end}", "hostnames": ["a"]}, st.integers(1, 2)),
}
BLOCK = st.fixed_dictionaries({}, optional={key: st.lists(entry, max_size=2) for key, entry in LISTS.items()})


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(collector=st.sampled_from(list(COLLECTORS)), shared=BLOCK, own=BLOCK, agents=BLOCK)
def test_any_lists_are_taken_by_the_api_server_or_refused_by_name(
    collector: str,
    shared: dict[str, Any],
    own: dict[str, Any],
    agents: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    blocks = {"pod": shared, collector: {"pod": own}, "logAgent": {"pod": agents}}
    file: Path = tmp_path_factory.mktemp("values") / "values.yaml"
    file.write_text(json.dumps({**blocks, "metrics": {"collector": collector}}))
    done = render("helm4", *BASE, "--values", str(file))
    if done.returncode:
        assert "Kubernetes rejects" in done.stderr or "sets NODE_NAME, by which" in done.stderr, done.stderr


@pytest.mark.parametrize("helm", HELMS)
def test_a_name_of_the_chart_is_refused_by_both_helms(helm: str) -> None:
    done = run_template(helm, *BASE, "--set-json", 'logAgent.pod.extraVolumes=[{"name":"logs-0","emptyDir":{}}]')
    assert "logAgent.pod.extraVolumes has the volume logs-0, which the pod has already." in done.stderr
