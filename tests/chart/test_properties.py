"""Any values that the schema admits either render and keep the contract, or are refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest  # noqa: TC002 - Hypothesis reads the annotations
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.any_values import SCHEMA, SETTINGS, ForHelm, values
from tests.support.environments import by_collector
from tests.support.paths import CHART
from tests.support.relabel import relabel
from tests.support.rendering import configs, effective, log_configs, objects, render
from tests.support.tools import tool
from xscaler_istio.commands import lint
from xscaler_istio.rendered.collectors import COLLECTORS

from .test_objects import FIND_PODS, READ_LOGS

FACTS = yaml.safe_load((CHART / "files/labels.yaml").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def test_every_setting_can_be_drawn() -> None:
    assert len(SETTINGS) > 100
    assert ("metrics", "targets", "proxies", "port") in {path for path, _ in SETTINGS}


@by_collector()
@settings(max_examples=30, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_values_keep_the_contract_or_are_refused(
    collector: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in {entry.validator.program for entry in COLLECTORS.values()}:
        monkeypatch.setenv(f"XSCALER_{name.upper()}", str(tool(name)))
    chosen = data.draw(values())
    chosen.setdefault("metrics", {})["collector"] = collector
    # Half of them with access logs, whatever else was drawn.
    chosen.setdefault("logs", {}).setdefault("enabled", data.draw(st.booleans()))
    file = tmp_path_factory.mktemp("values") / "values.yaml"
    file.write_text(yaml.dump(chosen, Dumper=ForHelm))
    done = render("helm4", "--values", str(file))
    if done.returncode:
        # Said by a rule, and not by a template that broke; or by a condition of the schema: each value is right by
        # itself, not always beside the others.
        monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
        merged = effective(CHART, file).values
        fits = jsonschema.Draft7Validator(SCHEMA).is_valid(merged)
        expected = "the values need changes:" if fits else "values don't meet the specifications of the schema"
        assert expected in done.stderr, done.stderr
        return
    assert render("helm4", "--values", str(file)).stdout == done.stdout
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
    limit = chosen.get("xscaler", {}).get("limits", {}).get("labelsPerSeries", 30)
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
