"""Text that is probably a token, and names that are not; what is hidden where text is shown."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.system import masks

NAMES = [
    "xscaler-token",
    "xscaler-token-6ct58987ht",
    "prod-euw1-cluster-2026-shared",
    "gke_my-project-123456_us-central1-c_prod-1",
    "arn:aws:eks:us-east-1:123456789012:cluster/prod",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "MyCompanyProductionClusterEurope1",
    "istio-gateway-telemetry-team-observability-production",
    "acme",
    "",
]
# Random in part, and shown: where a program or a file is, what an image is, and where telemetry goes.
PUBLIC = [
    *NAMES,
    "/root/.cache/tools/alloy-c3fc26488e8a373aB1C2/Alloy",
    "~/Cache/3k9d8f7g6h5j4k3l2m1n0p9q8r7s/x",
    "quay.io/prometheus/prometheus:v3.16.0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "https://3k9d8f7g6h5j4k3l2m1n0p9q8r7s.example/api/v1/push",
]
ALPHABETS = {
    "hexadecimal": "0123456789abcdef",
    "base 32": string.ascii_lowercase + string.digits,
    "base 64": string.ascii_letters + string.digits + "-_",
}
FORMS = [
    "xag_8fK2mQ",
    "xag_8fK2mQ-x_y",
    "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_not_a_token(name: str) -> None:
    assert not masks.looks_like_token(name)


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_shown(text: str) -> None:
    assert masks.hidden(f"error: {text}, and more") == f"error: {text}, and more"


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_long_random_text_is_a_token(alphabet: str) -> None:
    draw = random.Random(1)
    for length in (40, 48, 64):
        texts = ["".join(draw.choices(alphabet, k=length)) for _ in range(200)]
        assert sum(map(masks.looks_like_token, texts)) >= 195


@pytest.mark.parametrize("text", FORMS)
@pytest.mark.parametrize("around", ["{}", "Bearer {}", "id={}", "https://x.example/?t={}", "/var/run/{}", "a.{}: b"])
def test_a_token_has_a_form_wherever_it_stands(text: str, around: str) -> None:
    assert masks.has_form_of_token(around.format(text))
    assert masks.hidden(around.format(text)) == around.format(masks.HIDDEN)


tokens = st.one_of(
    st.from_regex(r"\Axag_[A-Za-z0-9]{6,40}\Z"),
    st.from_regex(r"\AeyJ[A-Za-z0-9_-]{8,60}\.[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{0,60}\Z"),
    st.lists(st.from_regex(r"\A[a-z]{1,3}[0-9]{1,3}\Z"), min_size=10, max_size=20).map("".join),
)


@given(tokens, st.sampled_from(["cluster.name", "tenant", "--set a", "X-Api-Key", "a: b"]), st.sampled_from(" =:,'(\n"))
def test_a_token_is_hidden_and_the_words_around_it_stay(token: str, before: str, between: str) -> None:
    shown = masks.hidden(f"{before}{between}{token}{between} is wrong")
    assert token not in shown
    assert shown == f"{before}{between}{masks.HIDDEN}{between} is wrong"
    assert masks.hidden(shown) == shown
