"""Keys of the values: every one can be explained, with an example that the schema takes."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import CHART
from xscaler_istio.system.errors import UsageError
from xscaler_istio.values import keys, renamed, schema

SCHEMA = schema.load(CHART)
EVERY = list(keys.every(SCHEMA))


def nested(path: str, value: object) -> object:
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


@pytest.mark.parametrize("key", [key for key in EVERY if key.example], ids=lambda key: key.path)
def test_the_example_is_not_the_default_and_the_schema_takes_it(key: keys.Key) -> None:
    assert key.example != key.default
    found = jsonschema.Draft7Validator(SCHEMA).iter_errors(nested(key.path, json.loads(key.example)))
    # What else is required says Helm, which knows the defaults.
    assert [error.message for error in found if error.validator != "required"] == []


def test_every_key_with_a_value_has_an_example() -> None:
    # The example of a list shows its elements.
    of_elements = tuple(f"{key.path}." for key in EVERY if key.type.startswith("list"))
    without = [key.path for key in EVERY if not key.example and not key.children]
    assert [path for path in without if not path.startswith(of_elements)] == []


def test_every_key_is_explained() -> None:
    assert [key.path for key in EVERY if not key.description and ".resources" not in key.path] == []


def test_each_context_names_keys_of_the_chart() -> None:
    for key in EVERY:
        for name, _ in key.context:
            assert keys.find(SCHEMA, name).path == name


@pytest.mark.parametrize(
    "name",
    ["metrics.targets.proxies.port", ".Values.metrics.targets.proxies.port", "metrics/targets/proxies/port"],
)
def test_names_as_people_write_them(name: str) -> None:
    key = keys.find(SCHEMA, name)
    assert (key.path, key.type, key.default, key.unit, key.allowed, key.example) == (
        "metrics.targets.proxies.port",
        "integer",
        "15020",
        "TCP port",
        ("15020", "15090"),
        "15090",
    )


def test_a_key_of_a_lists_elements() -> None:
    key = keys.find(SCHEMA, "metrics.extraMetricRelabelConfigs[0].regex")
    assert (key.path, key.type, key.example) == ("metrics.extraMetricRelabelConfigs.regex", "string", "")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("metric", "did you mean metrics?"),
        ("metrics.scrapInterval", "did you mean metrics.scrapeInterval?"),
        ("clusterName", "did you mean cluster.name?"),
        ("scrapeInterval", "did you mean metrics.scrapeInterval?"),
        # Spelled like the end of a key beside it, and the same as keys elsewhere.
        ("metrics.intervall", "did you mean metrics.scrapeInterval?"),
        ("metrics.timeout", "did you mean metrics.scrapeTimeout?"),
        ("metrics.region", "did you mean xscaler.region?"),
        ("xscaler.url", "did you mean xscaler.metrics.url or xscaler.logs.url?"),
        ("persistence", "did you mean prometheus.persistence, alloy.persistence or opentelemetry.persistence?"),
        # Nothing is near, or too much is.
        ("prometheus.memory", "allowed here: extraArgs, image, persistence, pod, queue, resources"),
        ("selfMonitoring.on", "allowed here: enabled"),
        ("dashboards.replicas", "allowed here: annotations, enabled, labels, namespace"),
        ("rbac.enabled", "allowed here: create, namespaces"),
        ("metrics.profile.full", "remove it"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name: str, fix: str) -> None:
    with pytest.raises(UsageError, match="is not a key of this chart") as refused:
        keys.find(SCHEMA, name)
    assert refused.value.fix == fix


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("metrics.extraLabels", "cluster.labels"),
        ("metrics.extraMetricRelabelings[0].regex", "metrics.extraMetricRelabelConfigs.regex"),
        ("limits", "xscaler.limits"),
        (".Values.limits.logLineBytes", "xscaler.limits.logLineBytes"),
    ],
)
def test_an_old_name_finds_the_key_that_has_a_new_one(name: str, new: str) -> None:
    found = keys.find(SCHEMA, name)
    assert found.path == new
    assert found == dataclasses.replace(keys.find(SCHEMA, new), asked_as=found.asked_as)
    assert found.asked_as in name.replace("[0]", "")


def test_old_names_are_not_offered() -> None:
    old = {item.old for item in renamed.listed(CHART) if item.old != item.new}
    assert not old & {key.path for key in EVERY}
    assert not [name for name, _ in keys.beginning_with(SCHEMA, "limits")]
    assert list(keys.values_of(SCHEMA, "logs.source")) == ["files", "api", "filesAndFargate"]
    assert keys.find(SCHEMA, "logs.source").allowed == ("files", "api", "filesAndFargate")


step = st.one_of(
    st.text(max_size=6), st.sampled_from(["metrics", "targets", "proxies", "logs", "[0]", ".Values", "x-y"])
)


@given(name=st.lists(step, max_size=4).map(".".join))
def test_any_name_is_found_or_refused(name: str) -> None:
    with contextlib.suppress(UsageError):
        assert keys.find(SCHEMA, name).type
    assert all(found.startswith(name) for found, _ in keys.beginning_with(SCHEMA, name))
