"""Objects of the user's need not be whole: everything that reads rendered objects reads whatever YAML they hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import CHART
from xscaler_istio.checks import catalogue
from xscaler_istio.rendered import network_policy, pod_security, telemetry
from xscaler_istio.rendered.manifests import Manifest, manifests
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary import accounts
from xscaler_istio.values import schema
from xscaler_istio.values.places import Origins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANYTHING: st.SearchStrategy[Any] = st.sampled_from([None, {}, [], [{}], [None], "text", 5])
KEYS = {
    "Deployment": ("containers", "initContainers", "volumes", "securityContext"),
    "Pod": ("containers", "volumes"),
    "RoleBinding": ("roleRef", "subjects"),
    "ClusterRole": ("rules",),
}


def whole(kind: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with these parts where its kind has them."""
    top = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}}
    if kind == "Deployment":
        return {**top, "spec": {"template": {"spec": parts}}}
    return {**top, "spec": parts} if kind == "Pod" else {**top, **parts}


@st.composite
def odd_objects(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an object of which any part lacks, or is of another type."""
    kind = draw(st.sampled_from(sorted(KEYS)))
    entry = st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("name", "image", "resources", "env", "args", "ports", "hostPath", "securityContext", "verbs", "resources"),
            ANYTHING,
        ),
    )
    part = st.one_of(ANYTHING, st.lists(entry, max_size=2))
    found = whole(kind, draw(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS[kind], part))))
    for key in draw(st.sampled_from([(), ("spec",), ("metadata",)])):
        found[key] = draw(ANYTHING)
    return found


@given(odd_objects())
def test_readers_take_any_object(document: dict[str, Any]) -> None:
    (item,) = manifests(json.dumps(document))
    accounts.permissions_section((item,))
    assert [subject.name for subject in accounts.objects_section((item,)).subjects] == [accounts.title(item)]
    pod_security.needs((item,))
    list(catalogue.of_object(item))
    assert Release((item,)).configs == ()


@pytest.mark.parametrize(
    ("read", "spec"),
    [
        (network_policy.parse, {"podSelector": {}}),
        (network_policy.parse, None),
        (telemetry.parse, {"accessLogging": [{"providers": [{}]}]}),
        (telemetry.parse, None),
    ],
)
def test_objects_without_a_namespace_are_in_that_of_the_release(read: Callable[..., Any], spec: Any) -> None:
    assert read({"metadata": {"name": "a"}, "spec": spec}).namespace == ""


def test_a_generated_name_names_an_object() -> None:
    (item,) = manifests(json.dumps({"kind": "Job", "metadata": {"generateName": "a-"}}))
    assert item == Manifest("Job", "a-", item.document)


INCOMPLETE = [
    ("pod.extraContainers", {}, "name, image"),
    ("pod.extraContainers", {"name": "a"}, "image"),
    ("pod.initContainers", {"image": "a"}, "name"),
    ("pod.extraEnv", {"value": "a"}, "name"),
    ("pod.extraVolumes", {"emptyDir": {}}, "name"),
    ("pod.extraVolumeMounts", {"name": "a"}, "mountPath"),
    ("pod.hostAliases", {"hostnames": ["a"]}, "ip"),
    ("pod.topologySpreadConstraints", {"maxSkew": 1}, "topologyKey, whenUnsatisfiable"),
]


@pytest.mark.parametrize("block", ["", "logAgent."])
@pytest.mark.parametrize(("key", "entry", "lacks"), INCOMPLETE, ids=[f"{key}: {lacks}" for key, _, lacks in INCOMPLETE])
def test_entries_that_kubernetes_would_reject_are_refused(block: str, key: str, entry: Any, lacks: str) -> None:
    values: Any = [entry]
    for step in reversed(f"{block}{key}".split(".")):
        values = {step: values}
    (problem,) = schema.check(values, schema.load(CHART), Origins())
    assert problem.message == f"required keys are missing below {block}{key}[0]: {lacks}"
