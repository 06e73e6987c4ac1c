"""Any values that the schema admits either render and keep the contract, or are refused with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from xscaler_istio.commands import lint
from xscaler_istio.helm import ValuesArguments, effective_values
from xscaler_istio.local import run

from .conftest import CHART, ci, configs, log_configs, objects, run_template, tool
from .relabel import relabel
from .test_objects import FIND_PODS, READ_LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
FACTS = yaml.safe_load((CHART / "files/labels.yaml").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
DEFAULT = yaml.safe_load(ci("default").read_text())
# Free text goes through YAML, Alloy's syntax and variable expansion: the characters that mean something there.
CHARACTERS = "abz019 -_.:/$'\"\\{}#%&*!|>@`,"
# Kubernetes takes these as they are; what it refuses is not the chart's to say.
PASSED_ON = {"resources", "affinity", "tolerations", "topologySpreadConstraints", "imagePullSecrets", "nodeSelector"}
EXPRESSIONS = ["istio_.*", "envoy_x_(sum|count|bucket)", "a|b", "pilot_xds_pushes"]


class ForHelm(yaml.SafeDumper):
    """Quotes every text: y is true and 08 a number to Helm, and both are texts to PyYAML."""


ForHelm.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))

NAME = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


def leaves(schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every setting of the schema that takes a value, with its path."""
    if path and path[-1] in PASSED_ON:
        return
    if "properties" not in schema:
        yield path, schema
        return
    for name, child in schema["properties"].items():
        if (not name.startswith("x-") and name not in ("global", "enabled")) or path:
            yield from leaves(child, (*path, name))


def drawn(path: Path, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return what a setting may be."""
    if path[-1] in ("labels", "annotations", "commonLabels", "commonAnnotations"):
        return st.dictionaries(NAME, NAME, max_size=2)
    if schema.get("type") == "string" and not {"pattern", "enum"} & schema.keys():
        if path[-1] in ("name", "registry", "repository", "tag", "storageClassName"):
            return NAME
        return st.text(alphabet=CHARACTERS, min_size=schema.get("minLength", 0), max_size=12)
    if path[-1] in ("url", "proxyUrl"):
        return st.from_regex(
            r"(https?://(a\.example|\[::1\]|127\.0\.0\.1)(:[1-9][0-9]{0,3})?(/[!-$&-~]{0,9})?)?", fullmatch=True
        )
    if path[-1] == "extraLabels":
        return st.dictionaries(NAME, st.text(alphabet=CHARACTERS, max_size=12), max_size=3)
    if path[-1] in ("includeMetrics", "excludeMetrics"):
        return st.lists(st.sampled_from(EXPRESSIONS), max_size=2)
    if path[-1] == "extraArgs":
        return st.just([])
    if path[-1] == "shards":
        return st.integers(1, 3)
    plain = {key: schema[key] for key in schema if not key.startswith("x-")}
    strategy: st.SearchStrategy[Any] = from_schema(plain, codec="ascii", allow_x00=False)
    return strategy


SETTINGS = [(path, schema) for path, schema in leaves(SCHEMA)]


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the ten-line values with some settings changed."""
    whole: dict[str, Any] = json.loads(json.dumps(DEFAULT))
    for path, schema in draw(
        st.lists(st.sampled_from(SETTINGS), min_size=1, max_size=6, unique_by=lambda item: item[0])
    ):
        node = whole
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = draw(drawn(path, schema))
    return whole


def test_every_setting_can_be_drawn() -> None:
    assert len(SETTINGS) > 100
    assert ("metrics", "targets", "proxies", "port") in {path for path, _ in SETTINGS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("values")


@pytest.mark.parametrize("collector", run.COLLECTORS)
@settings(max_examples=30, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_values_keep_the_contract_or_are_refused(
    collector: str, data: st.DataObject, folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("promtool", "alloy", "otelcol"):
        monkeypatch.setenv(f"XSCALER_{name.upper()}", str(tool(name)))
    chosen = data.draw(values())
    chosen.setdefault("metrics", {})["collector"] = collector
    # Half of them with access logs, whatever else was drawn.
    chosen.setdefault("logs", {}).setdefault("enabled", data.draw(st.booleans()))
    file = folder / "values.yaml"
    file.write_text(yaml.dump(chosen, Dumper=ForHelm))
    done = run_template("helm4", "--values", str(file))
    if done.returncode:
        # Said by a rule, and not by a template that broke; or by a condition of the schema: each value is right by
        # itself, not always beside the others.
        monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
        merged = effective_values(CHART, ValuesArguments((str(file),)))
        fits = jsonschema.Draft7Validator(SCHEMA).is_valid(merged)
        expected = "the values need changes:" if fits else "values don't meet the specifications of the schema"
        assert expected in done.stderr, done.stderr
        return
    assert run_template("helm4", "--values", str(file)).stdout == done.stdout
    rendered = objects(done.stdout)
    for item in rendered:
        _CHECKS.get(item["kind"], _nothing)(item, chosen)
    for config in (*configs(done.stdout), *log_configs(done.stdout)):
        assert lint.check_config(config) == []
        if config.collector == "prometheus":
            _label_budget(yaml.safe_load(config.text), chosen)


def _nothing(_item: dict[str, Any], _chosen: dict[str, Any]) -> None:
    """Hold for objects of which nothing is asked."""


def _role(item: dict[str, Any], _chosen: dict[str, Any]) -> None:
    component = item["metadata"]["labels"]["app.kubernetes.io/component"]
    assert item["rules"] == (READ_LOGS if component == "logs-api" else [FIND_PODS])


def merged(defaults: Any, chosen: Any) -> Any:
    """Return values as Helm coalesces them: maps key by key, everything else as a whole."""
    if not (isinstance(defaults, dict) and isinstance(chosen, dict)):
        return chosen
    return {
        key: merged(defaults[key], chosen[key]) if key in chosen and key in defaults else {**defaults, **chosen}[key]
        for key in {**defaults, **chosen}
    }


def _image(settings_: dict[str, Any]) -> str:
    """Return the reference that the values ask for."""
    image = settings_["image"]
    path = "/".join(filter(None, [image["registry"], image["repository"]]))
    return f"{path}@{image['digest']}" if image["digest"] else f"{path}:{image['tag']}"


def _workload(item: dict[str, Any], chosen: dict[str, Any]) -> None:
    spec, pod = item["spec"], item["spec"]["template"]
    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert pod["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
    token = chosen["xscaler"]["auth"].get("token")
    container, *_ = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    component = item["metadata"]["labels"]["app.kubernetes.io/component"]
    program = chosen["metrics"]["collector"] if component == "metrics" else "logAgent"
    assert container["image"] == _image(merged(VALUES, chosen)[program])
    if token and len(token) > 4:
        assert token not in json.dumps(container)


def _config_map(item: dict[str, Any], chosen: dict[str, Any]) -> None:
    token = chosen["xscaler"]["auth"].get("token")
    if token and len(token) > 4:
        assert token not in json.dumps(item["data"])


_CHECKS = {"ClusterRole": _role, "Deployment": _workload, "DaemonSet": _workload, "ConfigMap": _config_map}


def _label_budget(config: dict[str, Any], chosen: dict[str, Any]) -> None:
    limit = chosen.get("limits", {}).get("labelsPerSeries", 30)
    tags = chosen.get("istio", {}).get("customTags", [])
    for job in config["scrape_configs"]:
        extra = {
            rule["target_label"]: rule.get("replacement", "x")
            for rule in job["relabel_configs"]
            if rule.get("target_label", "__").startswith("__") is False
        }
        own = {**extra, **dict.fromkeys(tags if job["job_name"] in FACTS["customTags"] else (), "x")}
        for family, groups in FACTS["families"].get(job["job_name"], {}).items():
            labels = {label: "1" for group in groups for label in FACTS["groups"][group]}
            series = relabel({**labels, **own, "__name__": family}, job["metric_relabel_configs"])
            assert series is None or len(series) <= limit
