"""What Helm says after an installation. `install --dry-run=client` works without a cluster in Helm 4 alone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.paths import CHART, ci
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


def notes(file: Path, *arguments: str) -> str:
    command = [str(tool("helm4")), "install", "t", str(CHART), "--dry-run=client", "--namespace", "telemetry"]
    command += ["--values", str(file), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("NOTES:\n")[2]


def test_they_say_what_goes_where(ci_file: Path) -> None:
    said = notes(ci_file)
    assert "  metrics     " in said
    assert ("kubectl -n telemetry logs deployment/" in said) == ("metrics.collector is none" not in said)
    assert "<no value>" not in said
    assert "%!" not in said


def test_they_warn_of_a_token_in_the_values_and_do_not_show_it() -> None:
    said = notes(ci("tryout"))
    assert "WARNING: xscaler.auth.token keeps the token in Helm's release records." in said
    assert "not-a-real-token" not in said
    assert "WARNING" not in notes(ci("default"))


def test_they_name_a_file_in_place_of_the_secret() -> None:
    file = "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/vault/secrets/token,commonAnnotations.a=b"
    said = notes(ci("default"), "--set", file)
    assert "  token       /vault/secrets/token\n" in said
    assert "The file comes from an agent or a volume of yours" in said
    assert "The Secret must exist" not in said


def test_without_a_collector_they_speak_of_none() -> None:
    said = notes(ci("default"), "--set", "metrics.collector=none,logs.enabled=true")
    assert "metrics.collector is none" in said
    assert "-metrics-0" not in said
    assert "Run next\n  helm test" in said


def test_without_tests_they_advise_none() -> None:
    said = notes(ci("default"), "--set", "tests.enabled=false")
    assert "Run next\n  kubectl" in said
    assert "helm test" not in said


def test_with_logs_they_name_what_the_namespace_must_admit_and_what_istio_must_be_told() -> None:
    logs = ("--set", "logs.enabled=true")
    said = notes(ci("default"), *logs)
    assert "https://euw1-01.l.xscalerlabs.com/api/v1/logs/push" in said
    assert "kubectl label namespace telemetry pod-security.kubernetes.io/enforce=privileged" in said
    assert "Metrics need only the restricted level" in said
    assert "Istio writes NO access logs by default." in said
    assert '"spec":{"accessLogging":[{"providers":[{"name":"envoy"}]}]}' in said
    assert "Telemetry object t-xscaler-istio" not in said
    assert "enforce=privileged" not in notes(ci("default"), *logs, "--set", "logs.source=api")


def test_they_warn_of_a_second_telemetry_object() -> None:
    said = notes(ci("default"), "--set", "istio.telemetry.trimTags.enabled=true,istio.rootNamespace=mesh")
    assert "The Telemetry object t-xscaler-istio in mesh applies to the whole mesh. Istio uses only ONE object" in said
    assert "kubectl -n mesh get telemetry" in said
