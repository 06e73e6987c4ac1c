"""Secrets planted in every place of a line where docs/logs.md, Privacy, says that they are replaced."""

from __future__ import annotations

import json

import pytest
import re2

from tests.support.alloy_stages import Entry, Pipeline
from tests.support.log_environment import log_config
from tests.support.log_privacy import rules
from xscaler_istio.local.log_oracle import redacted

SECRET = "s3cret"  # noqa: S105 - a marker
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyZXQifQ.s3cret-signature"
END = (
    ' 200 - via_upstream - "-" 0 12 6 5 "{forwarded}" "{agent}" "5566-7739" "example.com" "10.4.0.5:80" '
    "outbound|80||foo.default.svc.cluster.local 10.4.1.8:33606 10.4.1.8:8443 {remote} - default"
)


def text(path: str = "/a", *, agent: str = "curl/8", forwarded: str = "-", remote: str = "10.4.1.9:59778") -> str:
    """Return a line of Istio's TEXT format."""
    end = END.format(agent=agent, forwarded=forwarded, remote=remote)
    return f'[2026-08-10T08:50:55.958Z] "GET {path} HTTP/1.1"{end}'


def as_json(separators: tuple[str, str] = (",", ":"), **fields: object) -> str:
    """Return a line of Istio's JSON format."""
    return json.dumps({"response_flags": "-", "response_code": 200, **fields}, separators=separators)


def header(name: str, value: str) -> str:
    """Return a line of Envoy's log at the level debug."""
    return f"'{name}', '{value}'"


SPACED = (", ", ": ")
PLACES = {
    "TEXT": text("/a?token=s3cret"),
    "TEXT, spaces": text("/a?q=one s3cret two"),
    "TEXT, a quote and spaces": text('/a?q=a"b s3cret'),
    "TEXT, a quote before": text('/a"b?q=s3cret'),
    "TEXT, encoded": text("/a%3Ftoken=s3cret"),
    "TEXT, encoded, small": text("/a%3ftoken=s3cret"),
    "TEXT, fragment": text("/cb#access_token=s3cret"),
    "TEXT, fragment without a value": text("/cb#s3cret"),
    "TEXT, session": text("/cart;jsessionid=s3cret"),
    "TEXT, session, a path behind it": text("/cart;JSESSIONID=s3cret/item"),
    "TEXT, token parameter": text("/cart;access_token=s3cret?x=1"),
    "TEXT, JWT": text(f"/verify/{JWT}/ok"),
    "TEXT, user agent": text(agent="bot (+http://x.example/?id=s3cret)"),
    "TEXT, user agent, user": text(agent="bot +http://me:s3cret@x.example/"),
    "TEXT, user agent, Bearer": text(agent="Bearer s3cret-s3cret"),
    "JSON": as_json(path="/a?token=s3cret"),
    "JSON, a space after the colon": as_json(SPACED, path="/a?token=s3cret"),
    "JSON, spaces": as_json(path="/a?q=one s3cret"),
    "JSON, spaces and a space after the colon": as_json(SPACED, path="/a?q=one s3cret"),
    "JSON, a quote": as_json(path='/a?q=a"s3cret'),
    "JSON, escaped": as_json(path="/aQs=s3cret").replace("Q", r"\u003f"),
    "JSON, encoded": as_json(path="/a%3Ftoken=s3cret"),
    "JSON, fragment": as_json(path="/cb#s3cret"),
    "JSON, session": as_json(path="/cart;jsessionid=s3cret"),
    "JSON, other keys": as_json(
        url="http://x/?q=one s3cret", request_uri="/?q=s3cret s3cret", referer="http://x/?s3cret"
    ),
    "JSON, JWT": as_json(path=f"/verify/{JWT}"),
    "JSON, authorization": as_json(authorization="Basic s3cret"),
    "JSON, authorization, digest": as_json(authorization='Digest username="a", response="s3cret"'),
    "JSON, cookie": as_json(SPACED, cookie='a="b"; session=s3cret'),
    "custom": 'GET /a?q=s3cret HTTP/1.1 auth="Bearer s3cret-s3cret"',
    "custom, Basic": '[10:00] "GET /" "Basic czNjcmV0OnMzY3JldA=="',
    "debug, path": header(":path", "/a?token=s3cret"),
    "debug, authorization": header("authorization", "Bearer s3cret"),
    "debug, proxy": header("proxy-authorization", "Basic s3cret"),
    "debug, cookie": header("cookie", "a='b' c; session=s3cret"),
    "debug, set-cookie": header("set-cookie", "session=s3cret; path=/"),
    "debug, key": header("x-api-key", "s3cret"),
    "debug, token": header("x-amz-security-token", "s3cret"),
    "debug, JSON": json.dumps(
        {
            "level": "debug",
            "time": "2026-08-10T08:50:55.958Z",
            "scope": "envoy http",
            "msg": "headers:\n':path', '/a?s3cret'\n'cookie', 'a=\"s3cret\"'\n'authorization', 'Bearer s3cret'\n",
        },
        separators=(",", ":"),
    ),
    "debug, HTTP/1.1": "Authorization: Basic s3cret",
    "debug, HTTP/1.1, cookie": "< Set-Cookie: session=s3cret; Path=/",
    "system, address": "2026-08-10T08:50:55.9Z\tinfo\tca\tconnect to https://me:s3cret@ca.example/",
    # What comes of a line of more than 16 KiB when the agent starts between two of its pieces.
    "TEXT, cut": "s3cret&x=1 s3cret HTTP/1.1" + '" 200 - via_upstream - "-" 0 1 1 1 "-" "curl/8"',
    "JSON, cut": 's3cret s3cret","protocol":"HTTP/1.1","response_code":200}',
    "JSON, cut, at the end": 's3cret s3cret"}',
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(log_config("logs.startAt=beginning").text)


def shown(entry: Entry) -> str:
    return "\n".join((entry.line, *entry.metadata.values(), *entry.labels.values()))


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_secret_does_not_leave(pipeline: Pipeline, place: str) -> None:
    line = PLACES[place]
    planted = SECRET in line or "czNjcmV0" in line
    entry = pipeline.run(line, stream="stderr" if place.startswith("debug") else "stdout")
    assert planted
    assert SECRET not in shown(entry), entry.line
    assert "czNjcmV0" not in shown(entry), entry.line


@pytest.mark.parametrize("place", [name for name in PLACES if name.startswith(("TEXT", "JSON")) and "cut" not in name])
def test_what_is_replaced_costs_no_field(pipeline: Pipeline, place: str) -> None:
    assert pipeline.run(PLACES[place]).fields["response_code"] == "200"


# An agent of its own is not between two pieces of a line.
WHOLE = [name for name in PLACES if "cut" not in name]


@pytest.mark.parametrize("place", WHOLE)
def test_the_local_test_expects_the_same_line(pipeline: Pipeline, place: str) -> None:
    stream = "stderr" if place.startswith("debug") else "stdout"
    assert redacted(PLACES[place]) == pipeline.run(PLACES[place], stream=stream).line


UNCHANGED = [
    text("/a/b;v=1/c%20d"),
    text(agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"),
    as_json(path="/bücher;v=2", user_agent="bot (+http://bot.example/)"),
    "2026-08-10T08:50:55.9Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012",
    "2026-08-10T08:50:55.9Z\terror\tenvoy config\tgRPC config for type.googleapis.com/a rejected: #3 in list",
    "is it ready? no",
    header(":method", "GET"),
    header("x-request-id", "5566-7739"),
    "   #0: Envoy::SignalAction::sigHandler() [0x55d0]",
]


@pytest.mark.parametrize("line", UNCHANGED)
def test_a_line_without_one_arrives_unchanged(pipeline: Pipeline, line: str) -> None:
    assert pipeline.run(line).line == redacted(line) == line


def test_query_strings_can_stay_and_credentials_do_not() -> None:
    pipeline = Pipeline(log_config("logs.startAt=beginning", "logs.redactQueryStrings=false").text)
    assert pipeline.run(text("/a?token=x#y")).fields["path"] == "/a?token=x#y"
    assert SECRET not in shown(pipeline.run(text(f"/{JWT}")))
    assert SECRET not in shown(pipeline.run(header("cookie", SECRET), stream="stderr"))
    for place in WHOLE:
        stream = "stderr" if place.startswith("debug") else "stdout"
        assert redacted(PLACES[place], queries=False) == pipeline.run(PLACES[place], stream=stream).line


ADDRESS = "203.0.113.7"
MASKED = {
    "TEXT": text(forwarded=f"{ADDRESS},10.0.0.1", remote=f"{ADDRESS}:0"),
    "TEXT, quotes": text(forwarded=ADDRESS, remote=f"{ADDRESS}:0", agent='Evil "quoted" agent'),
    "TEXT, a dash first": text(forwarded=f"-,{ADDRESS}", remote=f"{ADDRESS}:0"),
    "JSON": as_json(x_forwarded_for=ADDRESS, downstream_remote_address=f"{ADDRESS}:0"),
    "JSON, spaces": as_json(SPACED, downstream_remote_address=f"{ADDRESS}:0", x_forwarded_for=f"-,{ADDRESS}"),
    "debug": header("x-forwarded-for", ADDRESS),
    "debug, external": header("x-envoy-external-address", ADDRESS),
}


@pytest.mark.parametrize("place", MASKED)
def test_addresses_of_clients_are_masked(place: str) -> None:
    stream = "stderr" if place.startswith("debug") else "stdout"
    entry = Pipeline(log_config("logs.startAt=beginning", "logs.maskForwardedFor=true").text).run(
        MASKED[place], stream=stream
    )
    assert ADDRESS not in shown(entry)
    if stream == "stdout":
        masked = {name: entry.fields[name] for name in ("x_forwarded_for", "downstream_remote_address")}
        assert masked == {"x_forwarded_for": "masked", "downstream_remote_address": "masked"}
        assert entry.fields["response_code"] == "200"


@pytest.mark.parametrize("line", [text(remote=f"{ADDRESS}:4"), as_json(downstream_remote_address=f"{ADDRESS}:4")])
def test_without_the_header_the_address_is_that_of_the_connection(line: str) -> None:
    entry = Pipeline(log_config("logs.startAt=beginning", "logs.maskForwardedFor=true").text).run(line)
    assert entry.fields["downstream_remote_address"] == f"{ADDRESS}:4"


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ('/reset/([^/ "]+)', "/reset/removed/now"),
        ('/reset/(?P<x>[^/ "]+)', "/reset/removed/now"),
        ("s3cret", "/reset/removed/now"),
        # No group: an escaped bracket, one in a set, one that takes nothing.
        (r"\(?s3cret", "/reset/removed/now"),
        ("[(]?s3cret", "/reset/removed/now"),
        ("(?:s3)cret", "/reset/removed/now"),
    ],
)
def test_expressions_of_the_user(expression: str, path: str) -> None:
    config = log_config("logs.startAt=beginning", json=f"logs.redact={json.dumps([expression])}")
    assert Pipeline(config.text).run(text("/reset/s3cret/now")).fields["path"] == path


def test_every_rule_has_a_place() -> None:
    lines = [*PLACES.values(), *MASKED.values()]
    without = [rule.replaces for rule in rules() if not any(re2.compile(rule.replaces).search(line) for line in lines)]
    assert without == []
