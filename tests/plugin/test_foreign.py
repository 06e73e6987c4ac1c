"""Values files that are not this chart's as a whole: which ones get one finding, and which ones do not."""

from __future__ import annotations

import pytest

from tests.support.paths import CHART
from xscaler_istio.values import foreign, places, schema

_SCHEMA = schema.load(CHART)
_BLOCK = "{cluster: {name: a}, xscaler: {region: euw1-01}}"


def _said(text: str, name: str = "values.yaml") -> tuple[str, str]:
    found = foreign.recognize(places.parse(text.encode(), name), _SCHEMA)
    return (found.message, found.fix) if found else ("", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"xscaler-istio: {_BLOCK}\ncluster: own\n", "below xscaler-istio,"),
        (f"mesh: {_BLOCK}\ngrafana: {{}}\nalertmanager: {{}}\n", "below mesh,"),
        ("mesh: {cluster: {name: a}, metrics: {profile: full}}\n", "below mesh,"),
        (f"kind: A\nspec: {{sources: [{{helm: {{valuesObject: {_BLOCK}}}}}]}}\n", "spec.sources[0].helm.valuesObject,"),
        ("grafana: {}\nalertmanager: {}\nprometheus: {}\n", "kube-prometheus-stack: grafana, alertmanager"),
        ("pilot: {}\nmeshConfig: {}\n", "Istio: pilot, meshConfig"),
        ('{"data": "ENC[AES256_GCM,data:a]", "sops": {"version": "3.9.0"}}', "encrypted with sops"),
    ],
    ids="own-name alias all-ours application stack istio sops-json".split(),
)
def test_a_file_for_something_else_is_named(text: str, said: str) -> None:
    assert said in _said(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "global: {}\nx-anchors: {}\n",
        "cluster: {name: a}\ncollectors: {}\n",
        "tenantId: a\nregion: euw1-01\n",
        "Cluster: {name: a}\nXscaler: {}\n",
        f"cluster: {{name: a}}\ncommon: {_BLOCK}\n",
        "sops: {}\ncluster: {name: a}\n",
    ],
    ids="empty shared one-key misplaced misspelt indented plain-sops".split(),
)
def test_mistakes_in_a_file_of_this_chart_are_found_key_by_key(text: str) -> None:
    assert _said(text) == ("", "")


def test_the_fix_is_a_command_for_the_file() -> None:
    umbrella, sops = f"xscaler-istio: {_BLOCK}\n", "sops: {mac: a}\n"
    assert _said(umbrella, "my values.yaml")[1].endswith(
        """yq '.["xscaler-istio"]' 'my values.yaml' | helm xscaler validate -f -"""
    )
    assert "sops -d FILE |" in _said(sops, "<stdin>")[1]
    assert "sops -d values.yaml |" in _said(sops)[1]
