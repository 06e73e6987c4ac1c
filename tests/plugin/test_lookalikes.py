"""Text that is probably a placeholder, badly pasted or a cloud's region, and text that is not."""

from __future__ import annotations

import pytest

from xscaler_istio.values import lookalikes

NAMES = ["xscaler-token", "prod-euw1-cluster-2026-shared", "it's", "a b", "us_central1-c", "25$", "héllo", "本番", ""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(name: str) -> None:
    assert not lookalikes.placeholder(name)
    assert not lookalikes.untidy(name)
    assert not lookalikes.region_of_a_cloud(name)


PLACEHOLDERS = [
    *("${TOKEN}", "$CLUSTER", "$(CLUSTER)", "{{ .Values.x }}", "{% if x %}", "#{Octopus.Name}#", "#{cluster}"),
    *("<region>", "<your region>", "%CLUSTER%", "@CLUSTER@", "__CLUSTER__", "YOUR_TENANT", "your-cluster", "CHANGE_ME"),
    *("changeme", "REPLACE-ME", "replace_this", "fill-me"),
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_found_wherever_it_stands(text: str) -> None:
    assert lookalikes.placeholder(text) == text
    assert lookalikes.placeholder(f"prod {text} 1") == text


UNTIDY = {
    "“prod”": "typographic quotes",
    "\u2018prod\u2019": "typographic quotes",
    "«prod»": "typographic quotes",
    "prod\u20131": "a typographic dash",
    " prod": "white space",
    "prod ": "white space",
    "'prod'": "quotes around it",
    '"prod"': "quotes around it",
    "`prod`": "quotes around it",
    "prod\u00a01": "a no-break space (U+00A0)",
    "prod\u202f1": "an invisible character (U+202F)",
    "\ufeffprod": "an invisible character (U+FEFF)",
    "pr\u200bod": "an invisible character (U+200B)",
    "prod\n": "a line break (U+000A)",
    "a\tb": "a tab (U+0009)",
}


@pytest.mark.parametrize(("text", "reason"), UNTIDY.items(), ids=map(repr, UNTIDY))
def test_what_is_pasted_with_a_value_is_named(text: str, reason: str) -> None:
    assert reason in lookalikes.untidy(text)


REGIONS = {
    "us-east-1": "use1-01",
    "us-east-1a": "use1-01",
    "eu-west-2": "euw2-01",
    "ap-southeast-1": "aps1-01",
    "us-gov-west-1": "usw1-01",
    **dict.fromkeys(("europe-west1", "us-central1-c", "australia-southeast1", "europe-west12"), "euw1-01"),
    **dict.fromkeys(("westeurope", "eastus2", "germanywestcentral", "uksouth", "southeastasia"), "euw1-01"),
    **dict.fromkeys(("eu-frankfurt-1", "us-ashburn-1"), "euw1-01"),
}


@pytest.mark.parametrize(("region", "meant"), REGIONS.items())
def test_a_region_of_a_cloud_has_another_form(region: str, meant: str) -> None:
    assert lookalikes.region_of_a_cloud(region) == meant
    assert not lookalikes.region_of_a_cloud(meant)
