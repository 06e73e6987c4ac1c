"""Findings that are accepted with a reason, and .xscaler.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xscaler_istio.checks.case import Mesh, mesh
from xscaler_istio.commands import project
from xscaler_istio.findings import ignores
from xscaler_istio.findings.findings import Finding, Location, Severity
from xscaler_istio.findings.ignores import Ignore
from xscaler_istio.system.errors import SetupError, UsageError
from xscaler_istio.values import places

if TYPE_CHECKING:
    from pathlib import Path

FINDING = Finding(
    rule="XS213", severity=Severity.INFO, message="m", location=Location("v.yaml", 2, 3), path="metrics.profile"
)
HERE = Location(".xscaler.yaml", 1, 1)


@pytest.mark.parametrize(
    ("path", "covered"), [("", True), ("metrics", True), ("metrics.profile", True), ("metrics.pro", False)]
)
def test_a_path_stands_for_all_below_it(path: str, covered: bool) -> None:
    assert Ignore(rule="XS213", reason="why", location=HERE, path=path).covers(FINDING) is covered


def test_an_ignored_finding_carries_the_reason() -> None:
    stay, ignored = ignores.apply([FINDING], [Ignore(rule="XS213", reason="until March", location=HERE)], {"XS213"})
    assert (stay, [finding.ignored for finding in ignored]) == ((), ["until March"])


def test_an_unused_ignore_of_what_was_not_judged_is_not_reported() -> None:
    assert ignores.apply([], [Ignore(rule="XS330", reason="why", location=HERE)], {"XS213"}) == ((), ())
    (unused,), _ = ignores.apply([], [Ignore(rule="XS330", reason="why", location=HERE)], {"XS330"})
    assert (unused.rule, unused.location) == ("XS290", HERE)


def test_what_helm_refuses_cannot_be_ignored() -> None:
    error = Finding(rule="XS002", severity=Severity.ERROR, message="m", location=Location("v.yaml", 2, 3), path="a")
    stay, ignored = ignores.apply([error], [Ignore(rule="XS002", reason="why", location=HERE)], {"XS002"})
    assert ([finding.rule for finding in stay], ignored) == (["XS002", "XS291"], ())


def test_comments_are_read_with_rule_reason_and_place() -> None:
    lines = (
        "a: 1",
        "b: 2 # xscaler: ignore XS213 until March ",
        "c: '#xscaler: ignore'",
        "#xscaler:ignore XS200",
        "# say # xscaler: ignore XS200",
        "d: 10s # xscaler: ignore XS210, XS211 because, well",
        "e: 1 # xscaler: ignore XS210, it is short",
    )
    assert list(ignores.inline(lines, "v.yaml")) == [
        Ignore(rule="XS213", reason="until March", location=Location("v.yaml", 2, 6), inline=True),
        Ignore(rule="XS200", reason="", location=Location("v.yaml", 4, 1), inline=True),
        Ignore(rule="XS210", reason="because, well", location=Location("v.yaml", 6, 8), inline=True),
        Ignore(rule="XS211", reason="because, well", location=Location("v.yaml", 6, 8), inline=True),
        Ignore(rule="XS210", reason=", it is short", location=Location("v.yaml", 7, 6), inline=True),
    ]


def test_a_project_states_mesh_level_and_ignores(tmp_path: Path) -> None:
    (tmp_path / ".xscaler.yaml").write_text(
        "mesh: {proxies: 300, peers: 10, codes: 3}\npodSecurity: baseline\n"
        "ignore:\n  - {rule: XS213, path: metrics, reason: why}\n  - rule: XS330\n"
    )
    found = project.read(tmp_path)
    assert found.environment.mesh == Mesh(300, 10, 3)
    assert found.environment.pod_security == "baseline"
    assert found.ignores == (
        Ignore(rule="XS213", reason="why", location=Location(".xscaler.yaml", 4, 5), path="metrics"),
        Ignore(rule="XS330", reason="", location=Location(".xscaler.yaml", 5, 5)),
    )


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert project.read(tmp_path) == project.Project()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meshh: {}", "unknown key meshh"),
        ("mesh: {proxies: 3}", "mesh is not a size"),
        ("mesh: {proxies: 3, peers: true, codes: 1}", "mesh is not a size"),
        ("mesh: 5", "mesh is not a size"),
        ("podSecurity: none", "podSecurity is not a valid level"),
        ("ignore: XS213", "ignore must be a list of maps"),
        ("ignore: [{rule: XS213, why: x}]", r"unknown key ignore\[0\].why"),
        ("ignore: [", "not YAML"),
        ("- a", "the file is not a mapping"),
    ],
)
def test_a_project_file_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / ".xscaler.yaml").write_text(text)
    with pytest.raises(SetupError, match=message):
        project.read(tmp_path)


def test_the_size_of_a_mesh_as_an_option() -> None:
    assert mesh("codes=3, proxies=300,peers=10") == Mesh(300, 10, 3)
    assert mesh("codes=3,requests=100,proxies=300,peers=10") == Mesh(300, 10, 3, 100)
    for text in (
        "",
        "proxies=3,peers=0,codes=1",
        "proxies=3,peers=x,codes=1",
        "proxies=1,peers=1,codes=1,a=1",
    ):
        with pytest.raises(UsageError, match="is not the size of a mesh"):
            mesh(text)
    with pytest.raises(UsageError, match=r"^--mesh proxies=3,requests=9 lacks peers and codes$"):
        mesh("proxies=3,requests=9")


def test_places_of_a_project_are_those_of_values() -> None:
    assert places.parse(b"ignore:\n- rule: a\n", "x").places["ignore", "0"].value == Location("x", 2, 3)
