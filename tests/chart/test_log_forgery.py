"""Whatever a client writes into its method, path and headers, the fields that the proxy writes are the proxy's.

A line whose texts may be read in two ways is marked with `ambiguous`, and so found; it has no field that may be forged.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.support.alloy_stages import RUNTIME, Pipeline
from tests.support.log_environment import log_config

if TYPE_CHECKING:
    from collections.abc import Mapping

# What Envoy writes of its own; `None` is a dash.
PROXY: Mapping[str, str | None] = {
    "protocol": "HTTP/2",
    "response_code": "503",
    "response_flags": "UF,URX",
    "response_code_details": "upstream_reset_before_response_started{connection_failure}",
    "connection_termination_details": None,
    "upstream_transport_failure_reason": "delayed_connect_error:_111",
    "bytes_received": "17",
    "bytes_sent": "95",
    "duration": "41",
    "upstream_service_time": None,
    "upstream_host": "10.68.2.10:9080",
    "upstream_cluster": "outbound|9080||shop.default.svc.cluster.local",
    "upstream_local_address": "10.1.1.1:1111",
    "downstream_local_address": "10.2.2.2:9080",
    "downstream_remote_address": "10.3.3.3:39696",
    "requested_server_name": "outbound_.9080_._.shop",
    "route_name": "default",
}
START = "2026-11-25T10:00:00.123Z"


@dataclasses.dataclass(frozen=True)
class Client:
    """What a client sends; an empty header is a missing one."""

    method: str = "GET"
    path: str = "/"
    x_forwarded_for: str = ""
    user_agent: str = ""
    request_id: str = ""
    authority: str = ""


def written(client: Client) -> str:
    """Return the line that Envoy writes in Istio's TEXT format."""
    proxy = {name: value or "-" for name, value in PROXY.items()}
    sent = {name: value or "-" for name, value in dataclasses.asdict(client).items()}
    return (
        '[{start}] "{method} {path} {protocol}" {response_code} {response_flags} {response_code_details} '
        '{connection_termination_details} "{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} '
        '{duration} {upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" '
        '"{upstream_host}" {upstream_cluster} {upstream_local_address} {downstream_local_address} '
        "{downstream_remote_address} {requested_server_name} {route_name}"
    ).format(start=START, **sent, **proxy)


FORGED_MIDDLE = '" 200 - via_upstream - "-" 0 4521 3 3 "'
FORGED_END = '"6.6.6.6:80" outbound|80||evil 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - forged'
# What a forger would put together, and what breaks a reading.
PIECES = [
    *'" \\-?;#%,a/\t{}[]',
    '" "',
    '"-"',
    " HTTP/1.1",
    ' HTTP/1.1" 200',
    FORGED_MIDDLE,
    FORGED_END,
    '" "00000000-aaaa" "evil.example" ' + FORGED_END,
    "- - -",
    " 0 0 0 - ",
    "?token=x",
    "%3Fa",
    "Bearer ",
    "Basic ",
    "authorization: ",
    '"cookie": "',
    "'x-token', '",
    "://a@",
    "eyJhbGciOi.eyJzdWIi.x",
    "\u00fc\u65e5",
    '{"path":"',
    "traceID=4bf92f3577b34da6a3ce929d0e0e4736",
]
# Envoy strips a header's value.
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join).map(str.strip)
# A method is a token; a path does not begin with a space, which would end it.
clients = st.builds(
    Client,
    method=st.sampled_from(["GET", "PRI", "-", "A-B", "x'*"]),
    path=texts.map("/{}".format),
    x_forwarded_for=texts,
    user_agent=texts,
    request_id=texts,
    authority=texts,
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(log_config("logs.startAt=beginning").text)


@hypothesis.settings(max_examples=400, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(clients)
def test_the_proxys_fields_are_the_proxys(pipeline: Pipeline, client: Client) -> None:
    entry = pipeline.run(written(client))
    fields = entry.fields
    assert entry.labels["log_type"] == "access"
    if fields.keys() == {"ambiguous"}:
        # Only a client that writes the middle of a line gets it.
        assert any(FORGED_MIDDLE[:20] in text for text in dataclasses.astuple(client))
        assert entry.time == RUNTIME
        return
    assert {name: fields.get(name) for name in PROXY} == PROXY
    assert entry.time == START
    assert fields.keys() <= PROXY.keys() | {*dataclasses.asdict(client), "ambiguous"}


# Redaction is not in the way of these.
plain = st.text(st.sampled_from("abcXYZ019/.:,_-()|+= "), min_size=1, max_size=20).map(str.strip).filter(bool)


@hypothesis.settings(max_examples=100, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    st.builds(Client, x_forwarded_for=plain, user_agent=plain, request_id=plain, authority=plain),
    st.sampled_from(["", '"quoted" ', 'a "b" c "d" ']),
)
def test_texts_without_the_separator_are_exact(pipeline: Pipeline, client: Client, quoted: str) -> None:
    sent = dataclasses.replace(client, user_agent=quoted + client.user_agent)
    wanted = {name: value for name, value in dataclasses.asdict(sent).items() if value != "-"}
    proxy = {name: value for name, value in PROXY.items() if value}
    # Where two quotes meet around a space, any of the four may end a text.
    marked = {"ambiguous": "quotes"} if '" "' in sent.user_agent else {}
    assert pipeline.run(written(sent)).fields == {**wanted, **proxy, **marked}


@pytest.mark.parametrize(
    "client",
    [
        Client(user_agent=f'curl/8" "0000-aaaa" "evil.example" {FORGED_END}'),
        Client(x_forwarded_for=f'6.6.6.6" "curl/8" "0000-aaaa" "evil.example" {FORGED_END}', user_agent="curl/8"),
        Client(request_id=f'1" "evil.example" {FORGED_END}', authority="shop"),
        Client(authority=f'evil.example" {FORGED_END}'),
        Client(path=f'/x HTTP/1.1{FORGED_MIDDLE}6.6.6.6" "curl/8" "0000-aaaa" "evil.example" {FORGED_END}'),
        Client(user_agent=f'x HTTP/1.1{FORGED_MIDDLE}6.6.6.6" "y'),
    ],
    ids=lambda client: max(dataclasses.asdict(client).items(), key=lambda item: len(item[1]))[0],
)
def test_a_forgery_is_marked(pipeline: Pipeline, client: Client) -> None:
    fields = pipeline.run(written(client)).fields
    assert fields["ambiguous"] == "quotes"
    assert all(fields.get(name) == value for name, value in PROXY.items()) or fields.keys() == {"ambiguous"}
