"""`diff`: charts, pipes, exit codes; nothing is left unsaid and no secret said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CHART, EXAMPLE, ROOT
from tests.support.rendering import template
from tests.support.tools import tool
from xscaler_istio.commands import diff
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary import upgrade
from xscaler_istio.summary.metrics import SeriesFacts
from xscaler_istio.summary.rendering import Rendering
from xscaler_istio.system.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

FLAGS = ("-f", str(EXAMPLE))


def changes(old: tuple[str, ...], new: tuple[str, ...]) -> list[str]:
    sides = (Rendering(Release.of(template("helm4", *FLAGS, *flags)), SeriesFacts({}, 0), "") for flags in (old, new))
    return [str(change) for change in diff.compare(*sides)]


def test_another_version_of_the_chart(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    old = tmp_path / "chart"
    shutil.copytree(CHART, old)
    profile = old / "files/profiles/dashboards.yaml"
    profile.write_text(profile.read_text().replace("    - envoy_server_memory_allocated\n", ""))
    (old / "Chart.yaml").write_text((old / "Chart.yaml").read_text().replace("version: 0.1.0", "version: 0.0.9"))
    ran = cli4("diff", EXAMPLE, "--chart", old, "--against-chart", CHART, "--detailed-exitcode")
    assert ran.code == 1
    assert "  ~ proxies: keep expressions: now also envoy_server_memory_allocated\n" in ran.out
    # The label of all objects is said once.
    assert ran.out.count("xscaler-istio-0.0.9 -> xscaler-istio-0.1.0") == ran.out.count("helm.sh/chart:")
    assert cli4("diff", EXAMPLE, "--chart", CHART, "--against-chart", CHART).out == "no differences\n"


def test_pipes_are_read_once() -> None:
    command = "xscaler diff <(cat examples/values.yaml) <(cat examples/values.yaml; echo 'metrics: {shards: 2}')"
    script = command.replace("xscaler", str(Path(sys.executable).parent / "xscaler-istio"), 1)
    variables = {**os.environ, "HELM_BIN": str(tool("helm4"))}
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, cwd=ROOT, env=variables)
    assert "+ Deployment default/xscaler-istio-metrics-1" in done.stdout


def test_the_token_is_compared_and_not_shown() -> None:
    secret = "xscaler.auth.existingSecret.name=,xscaler.auth.token="  # noqa: S105 - no real one
    assert changes(("--set", f"{secret}first"), ("--set", f"{secret}second")) == [
        "~ Secret telemetry/t-xscaler-istio-auth: stringData.token: a different value (hidden)"
    ]


def test_what_the_words_leave_out_is_in_the_fields() -> None:
    assert changes((), ("--set", "prometheus.queue.maxShards=20")) == [
        "~ ConfigMap telemetry/t-xscaler-istio-metrics-0: "
        "data.prometheus.yml.remote_write[xscaler].queue_config.max_shards: 10 -> 20"
    ]


def test_there_and_back_are_each_others_opposite() -> None:
    there, back = (
        changes(*sides) for sides in (((), ("--set", "logs.enabled=true")), (("--set", "logs.enabled=true"), ()))
    )
    names = [change[2:].partition(":")[0] for change in there if change.startswith("+ ")]
    assert names == [change[2:] for change in back if change.startswith("- ")]
    assert len(names) == len(there) == len(back)


def test_lines_are_wrapped_for_terminals_alone() -> None:
    change = diff.Change("jobs", diff.ADDED, ("a",), "word " * 40 + "end")
    assert diff.text([change], Terminal()).splitlines()[1] == f"  + a: {'word ' * 40}end"
    narrow = diff.text([change], Terminal(True, 30)).splitlines()
    assert narrow[0] == "\x1b[1mjobs\x1b[0m"
    assert all(len(line) <= 30 for line in narrow[2:])


def test_render_writes_files_as_helm_does(cli: Callable[..., Ran], tmp_path: Path) -> None:
    ours, helms = tmp_path / "ours", tmp_path / "helms"
    assert cli("render", *FLAGS, "--output-dir", ours).code == 0
    command = [str(tool("helm4")), "template", "xscaler-istio", str(CHART), *FLAGS, "--output-dir", str(helms)]
    subprocess.run(command, check=True, capture_output=True)
    files = sorted(file.relative_to(helms) for file in helms.rglob("*.yaml"))
    assert len(files) > 5
    assert sorted(file.relative_to(ours) for file in ours.rglob("*.yaml")) == files
    for file in files:
        assert (ours / file).read_text().strip() == (helms / file).read_text().strip()


def fixed(old: str, new: str) -> list[str]:
    """Return the fields of an object that an upgrade cannot change, by YAML of the object before and after."""
    ((before,), (after,)) = (Release.of(text).manifests for text in (old, new))
    return list(upgrade.impossible(before, after))


@pytest.mark.parametrize(
    ("kind", "old", "new", "found"),
    [
        ("Deployment", "{selector: {matchLabels: {a: b}}}", "{selector: {matchLabels: {a: c}}}", ["spec.selector"]),
        ("Deployment", "{replicas: 1, template: {a: b}}", "{replicas: 2, template: {a: c}}", []),
        ("StatefulSet", "{serviceName: a, replicas: 1}", "{serviceName: b, replicas: 2}", ["spec.serviceName"]),
        ("StatefulSet", "{volumeClaimTemplates: [{a: 1}]}", "{}", ["spec.volumeClaimTemplates"]),
        ("Job", "{template: {a: b}}", "{template: {a: c}}", ["spec.template"]),
        ("Service", "{clusterIP: None}", "{ports: []}", ["spec.clusterIP"]),
        ("PersistentVolumeClaim", "{storageClassName: a}", "{storageClassName: b}", ["spec.storageClassName"]),
        (
            "PersistentVolumeClaim",
            "{resources: {requests: {storage: 8Gi}}}",
            "{resources: {requests: {storage: 7900Mi}}}",
            ["spec.resources.requests.storage"],
        ),
        (
            "PersistentVolumeClaim",
            "{resources: {requests: {storage: 8Gi}}}",
            "{resources: {requests: {storage: 9000Mi}}}",
            [],
        ),
        ("ConfigMap", "{a: b}", "{a: c}", []),
    ],
)
def test_a_field_that_an_upgrade_cannot_change_is_found(kind: str, old: str, new: str, found: list[str]) -> None:
    document = f"{{apiVersion: v1, kind: {kind}, metadata: {{name: a}}, spec: %s}}"
    assert fixed(document % old, document % new) == found


def test_a_role_of_a_binding_cannot_change() -> None:
    document = "{apiVersion: v1, kind: RoleBinding, metadata: {name: a}, roleRef: {name: %s}, subjects: [%s]}"
    assert fixed(document % ("a", ""), document % ("b", "{name: a}")) == ["roleRef"]
    assert fixed(document % ("a", ""), document % ("a", "{name: a}")) == []


def test_values_that_an_upgrade_cannot_follow_come_first() -> None:
    name = ("--set", "fullnameOverride=mesh")
    found = changes(name, (*name, "--set", "nameOverride=telemetry"))
    words = "spec.selector; delete the object before the upgrade"
    assert found[0] == f"~ Deployment telemetry/mesh-metrics-0: Kubernetes does not change {words}"
    assert [line for line in changes((), ("--set", "metrics.shards=2")) if words in line] == []
