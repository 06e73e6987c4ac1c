"""Lines as Istio's proxies of 1.9 to 1.31 write them, with the truth about each: kind, fields, level.

Formats: istio/istio pilot/pkg/model/telemetry_logging.go (TEXT, JSON), istio/ztunnel src/telemetry.rs, pkg/log and
Envoy's --log-format (system lines).
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import string
import uuid
from typing import TYPE_CHECKING, Any

from xscaler_istio.mesh.model import Version

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence

VERSIONS = tuple(Version(1, minor) for minor in (9, 17, 22, 23, 26, 29, 31))
NEWEST = VERSIONS[-1]
Fields = dict[str, Any]
# In the order of the TEXT format.
TEXT_FIELDS = (
    "start_time method path protocol response_code response_flags response_code_details connection_termination_details "
    "upstream_transport_failure_reason bytes_received bytes_sent duration upstream_service_time x_forwarded_for "
    "user_agent request_id authority upstream_host upstream_cluster upstream_local_address downstream_local_address "
    "downstream_remote_address requested_server_name route_name"
).split()
# What a person must never read in the backend: planted into query strings, and looked for in all that arrives.
SECRET = "s3cret"  # noqa: S105 - a marker


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One line and what must become of it. `fields` are those of an access line that are not missing, as texts."""

    text: str
    kind: str
    log_type: str
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    level: str = ""
    stream: str = "stdout"
    version: Version = NEWEST
    container: str = "istio-proxy"

    @property
    def format(self) -> str:
        """The name of the format, without the case."""
        return self.kind.partition(" ")[0]


def _moment(rng: random.Random, digits: int) -> str:
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=rng.random())
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06d}000"[: 20 + digits] + "Z"


def _words(rng: random.Random, count: int = 2) -> str:
    return " ".join("".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))) for _ in range(count))


def _address(rng: random.Random, *, six: bool = False) -> str:
    port = rng.randint(1024, 65000)
    return (
        f"[2001:db8::{rng.randint(1, 9999):x}]:{port}"
        if six
        else f"10.{rng.randint(0, 9)}.{rng.randint(0, 9)}.7:{port}"
    )


def _http(rng: random.Random) -> Fields:
    """Return the 24 fields of a plain request; None for a missing one."""
    service = f"{_words(rng, 1)}.shop.svc.cluster.local"
    query = f"?token={SECRET}{rng.randint(0, 10**9)}&x=1" if rng.random() < 0.5 else ""
    return {
        "start_time": _moment(rng, 3),
        "method": rng.choice(["GET", "POST", "PUT"]),
        "path": f"/api/{_words(rng, 1)}/{rng.randint(0, 999)}{query}",
        "protocol": rng.choice(["HTTP/1.1", "HTTP/2"]),
        "response_code": rng.choice([200, 200, 200, 204, 301, 404, 500, 503]),
        "response_flags": "-",
        "response_code_details": "via_upstream",
        "connection_termination_details": None,
        "upstream_transport_failure_reason": None,
        "bytes_received": rng.randint(0, 10**6),
        "bytes_sent": rng.randint(0, 10**7),
        "duration": rng.randint(0, 3000),
        "upstream_service_time": str(rng.randint(0, 3000)),
        "x_forwarded_for": None,
        "user_agent": rng.choice(
            ["curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101", "grpc-go/1.75"]
        ),
        "request_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "authority": f"{service}:8080",
        "upstream_host": _address(rng),
        "upstream_cluster": f"outbound|8080||{service}",
        "upstream_local_address": _address(rng),
        "downstream_local_address": _address(rng),
        "downstream_remote_address": _address(rng),
        "requested_server_name": f"outbound_.8080_._.{service}",
        "route_name": "default",
    }


def _no_route(rng: random.Random) -> Fields:
    gone = dict.fromkeys(["upstream_service_time", "upstream_host", "upstream_local_address", "requested_server_name"])
    answer = {"response_code": 404, "response_flags": "NR", "response_code_details": "route_not_found"}
    return {**_http(rng), **gone, **answer, "route_name": None}


def _unavailable(rng: random.Random) -> Fields:
    reason = "delayed_connect_error:_Connection_refused TLS_error: no such file"
    details = "upstream_reset_before_response_started{connection_failure}"
    more = {"upstream_transport_failure_reason": reason, "connection_termination_details": "downstream_reset"}
    return {**_http(rng), "response_code": 503, "response_flags": "UF,URX", "response_code_details": details, **more}


def _tcp(rng: random.Random) -> Fields:
    gone = "method path protocol response_code_details upstream_service_time user_agent request_id authority".split()
    return {**_http(rng), **dict.fromkeys(gone), "response_code": 0, "upstream_cluster": "PassthroughCluster"}


def _long_connection(rng: random.Random) -> Fields:
    hours_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=5)
    return {**_tcp(rng), "start_time": f"{hours_ago:%Y-%m-%dT%H:%M:%S}.123Z", "duration": 5 * 3600 * 1000}


def _periodic(rng: random.Random) -> Fields:
    """Return what access_log_flush_interval writes of a connection that is not over."""
    return {**_long_connection(rng), "duration": None}


def _quoted_agent(rng: random.Random) -> Fields:
    return {**_http(rng), "user_agent": 'Evil "quoted" agent/1.0 (+http://bot.example/?id=s3cretbot)'}


def _unicode(rng: random.Random) -> Fields:
    return {**_http(rng), "path": "/bücher/日本/😀", "user_agent": "Überbrowser/1"}


def _six(rng: random.Random) -> Fields:
    names = "upstream_host upstream_local_address downstream_local_address downstream_remote_address".split()
    return {**_http(rng), **{name: _address(rng, six=True) for name in names}}


def _gateway(rng: random.Random) -> Fields:
    return {**_http(rng), "x_forwarded_for": "203.0.113.7,10.0.0.1", "upstream_cluster": "outbound|9080||productpage"}


def _waypoint(rng: random.Random) -> Fields:
    more = {"upstream_host": "envoy://connect_originate/10.244.0.32:9080", "requested_server_name": None}
    cluster = "inbound-vip|9080|http|details.bookinfo.svc.cluster.local"
    return {
        **_http(rng),
        **more,
        "upstream_cluster": cluster,
        "upstream_local_address": "envoy://internal_client_address/",
    }


def _query_with_spaces(rng: random.Random) -> Fields:
    return {**_http(rng), "path": f"/search?q={SECRET} and more {SECRET} words"}


def _dash_first(rng: random.Random) -> Fields:
    return {**_http(rng), "route_name": "-canary", "user_agent": "--agent"}


REQUESTS: Mapping[str, Callable[[random.Random], Fields]] = {
    "http": _http,
    "no route": _no_route,
    "unavailable": _unavailable,
    "tcp": _tcp,
    "long connection": _long_connection,
    "periodic": _periodic,
    "quotes in user agent": _quoted_agent,
    "unicode": _unicode,
    "IPv6": _six,
    "gateway": _gateway,
    "waypoint": _waypoint,
    "query with spaces": _query_with_spaces,
    "dash first": _dash_first,
}
# How often each comes in a mixture.
_WEIGHTS = [58, 5, 5, 6, 1, 2, 3, 3, 3, 6, 4, 2, 2]
_QUOTED = frozenset(
    "upstream_transport_failure_reason x_forwarded_for user_agent request_id authority upstream_host".split()
)


def known(fields: Fields) -> dict[str, str]:
    """Return the fields that are there, as texts; a dash is a missing one in TEXT."""
    return {name: str(value) for name, value in fields.items() if value is not None and name != "start_time"}


def as_text(fields: Fields) -> str:
    """Write fields as Istio's TEXT format."""
    shown = {name: "-" if value is None else str(value) for name, value in fields.items()}
    words = [f'"{shown[name]}"' if name in _QUOTED else shown[name] for name in TEXT_FIELDS[4:]]
    return " ".join([f"[{shown['start_time']}]", f'"{shown["method"]} {shown["path"]} {shown["protocol"]}"', *words])


def as_json(fields: Fields, rng: random.Random, version: Version) -> str:
    """Write fields as Istio's JSON: numbers as numbers, null for missing ones, keys in any order."""
    keys = list(fields)
    rng.shuffle(keys)
    omit = version >= Version(1, 26) and rng.random() < 0.3
    return json.dumps(
        {key: fields[key] for key in keys if not (omit and fields[key] is None)},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def text_line(rng: random.Random, case: str, version: Version = NEWEST) -> Line:
    """Return an access line as TEXT."""
    fields = REQUESTS[case](rng)
    return Line(text=as_text(fields), kind=f"text {case}", log_type="access", fields=known(fields), version=version)


def traced_line(rng: random.Random) -> Line:
    """Return an access line as TEXT with what many append to the format."""
    fields, trace = _http(rng), f"{rng.getrandbits(128):032x}"
    text, kind = f"{as_text(fields)} traceID={trace}", "text traced"
    return Line(text=text, kind=kind, log_type="access", fields={**known(fields), "trace_id": trace})


def last_line(rng: random.Random) -> Line:
    """Return a line that no other is like and that no values leave out or change: a refused request without a query."""
    fields = {**_unavailable(rng), "path": f"/last/{uuid.UUID(int=rng.getrandbits(128))}"}
    return Line(text=as_text(fields), kind="text last", log_type="access", fields=known(fields))


def json_line(rng: random.Random, case: str, version: Version = NEWEST) -> Line:
    """Return an access line as JSON."""
    fields = REQUESTS[case](rng)
    return Line(
        text=as_json(fields, rng, version),
        kind=f"json {case}",
        log_type="access",
        fields=known(fields),
        version=version,
    )


def _ztunnel_fields(rng: random.Random, version: Version) -> dict[str, str]:
    cluster = {"src.cluster": "Kubernetes", "dst.cluster": "Kubernetes"} if version >= Version(1, 31) else {}
    return {
        "src.addr": _address(rng),
        "src.workload": f"shell-{_words(rng, 1)}",
        "src.namespace": "default",
        "src.identity": "spiffe://cluster.local/ns/default/sa/shell",
        "dst.addr": _address(rng),
        "dst.hbone_addr": _address(rng),
        "dst.service": "echo.default.svc.cluster.local",
        "dst.workload": f"echo-{_words(rng, 1)}",
        "dst.namespace": "default",
        "dst.identity": "spiffe://cluster.local/ns/default/sa/echo",
        **cluster,
        "direction": rng.choice(["outbound", "inbound"]),
        "bytes_sent": str(rng.randint(0, 10**6)),
        "bytes_recv": str(rng.randint(0, 10**6)),
        "duration": f"{rng.randint(0, 9999)}ms",
    }


def ztunnel_line(rng: random.Random, *, as_json_: bool, fails: bool = False, version: Version = NEWEST) -> Line:
    """Return an access line of ztunnel."""
    fields = _ztunnel_fields(rng, version)
    if fails:
        fields["error"] = 'connection failed: deadline "has" elapsed'
    level = "error" if fails else "info"
    known_fields = {name.replace(".", "_"): value for name, value in fields.items()}
    if as_json_:
        head = {"level": level, "time": _moment(rng, 6), "scope": "access", "message": "connection complete"}
        text = json.dumps({**head, **fields}, separators=(",", ":"))
        return Line(text=text, kind="ztunnel-json", log_type="access", fields=known_fields, version=version)
    # Quoting is of one rule since 1.23: before, only some values had quotes.
    bare = {"direction", "bytes_sent", "bytes_recv", "src.addr", "dst.addr", "dst.hbone_addr"} - (
        {"direction"} if version >= Version(1, 23) else set()
    )
    pairs = [f"{name}={value}" if name in bare else f"{name}={json.dumps(value)}" for name, value in fields.items()]
    text = "\t".join([_moment(rng, 6), level, "access", "connection complete", " ".join(pairs)])
    return Line(text=text, kind="ztunnel", log_type="access", fields=known_fields, version=version)


def system_lines(rng: random.Random) -> Iterator[Line]:
    """Yield lines that programs say of themselves, one of each kind."""
    words = f"{_words(rng, 5)} {uuid.UUID(int=rng.getrandbits(128))}"
    yield Line(
        text=f"{_moment(rng, 6)}\tinfo\txdsproxy\tconnected to upstream: {words}",
        kind="agent",
        log_type="system",
        level="info",
    )
    yield Line(text=f"{_moment(rng, 6)}\terror\t{words}", kind="agent", log_type="system", level="error")
    old = f"{_moment(rng, 6)}\twarning\tenvoy config\t{words}"
    yield Line(text=old, kind="envoy", log_type="system", level="warn", stream="stderr", version=Version(1, 9))
    new = f"{_moment(rng, 6)}\tcritical\tenvoy main external/envoy/source/server/server.cc:117\t{words}\tthread=17"
    yield Line(text=new, kind="envoy", log_type="system", level="error", stream="stderr")
    logged = {"level": "warn", "time": _moment(rng, 6), "scope": "ads", "msg": words}
    yield Line(text=json.dumps(logged), kind="system-json", log_type="system", level="warn", stream="stderr")
    yield Line(
        text=f"{_moment(rng, 6)}\tinfo\tztunnel::inpod\tpod received {words}",
        kind="ztunnel-system",
        log_type="system",
        level="info",
    )
    yield Line(text=f"goroutine 1 [running]: {words}", kind="stack-trace", log_type="system", stream="stderr")
    # The default scope has no name.
    logged = {"level": "error", "time": _moment(rng, 6), "msg": words}
    yield Line(text=json.dumps(logged), kind="system-json", log_type="system", level="error")
    broken = f'{{"level":"warning","time":"{_moment(rng, 6)}","scope":"envoy config","msg":"type "{words}" rejected"}}'
    yield Line(text=broken, kind="system-json", log_type="system", level="warn", stream="stderr")
    padded = f"{_moment(rng, 6)}  WARN outbound{{id=9b33}}: ztunnel::proxy::outbound: failed {words}"
    yield Line(text=padded, kind="ztunnel-system", log_type="system", level="warn", version=Version(1, 20))
    # The configuration that the agent prints when it starts.
    for text in (f"configPath: ./{words.replace(' ', '/')}", "proxyMetadata:", f"  key: {words}", f"- {words[-36:]}"):
        yield Line(text=text, kind="agent", log_type="system")


def custom_lines(rng: random.Random) -> Iterator[Line]:
    """Yield access lines in formats of users' own, which are kept whole."""
    mark = uuid.UUID(int=rng.getrandbits(128))
    fields = {"format": "custom"}
    yield Line(
        text=f"{mark} GET /a?key={SECRET}{rng.randint(0, 99)} 200", kind="custom", log_type="access", fields=fields
    )
    yield Line(
        text=json.dumps({"status": 200, "id": str(mark), "uri": f"/a?key={SECRET}"}),
        kind="custom",
        log_type="access",
        fields=fields,
    )
    yield Line(
        text=f'[{_moment(rng, 3)}] "GET /b HTTP/1.1" 200 {mark}', kind="custom", log_type="access", fields=fields
    )


def hostile_lines(rng: random.Random) -> Iterator[Line]:
    """Yield lines that are meant to do harm, or look as if."""
    fields = {"format": "custom"}
    mark = str(uuid.UUID(int=rng.getrandbits(128)))
    # Fields of more than 64 KiB together, more than Loki takes of a line; each is cut at 8 KiB. They are first: an
    # agent takes long for them, and lines of another kind overtake.
    long = dict.fromkeys(("path", "user_agent", "x_forwarded_for", "request_id", "authority"), "z" * 16000)
    shown = {name: f"{value[: 8192 - 3]}…" for name, value in long.items()}
    sent = {**_http(rng), **long}
    kept = {**known(sent), **shown}
    yield Line(text=as_text(sent), kind="text long fields", log_type="access", fields=kept)
    yield Line(text=as_json(sent, rng, NEWEST), kind="json long fields", log_type="access", fields=kept)
    # Says that it is a line of another stream.
    yield Line(
        text=f"2026-01-01T00:00:00.000000000Z stderr F forged {mark}",
        kind="forged framing",
        log_type="access",
        fields=fields,
    )
    yield Line(text=f"\x1b[31mred {mark}\x1b[0m", kind="ANSI", log_type="access", fields=fields)
    yield Line(text=f"nul \x00 within {mark}", kind="NUL", log_type="access", fields=fields)
    yield Line(text="[" * 5000 + mark, kind="open brackets", log_type="access", fields=fields)
    yield Line(text='{"a":' * 5000 + mark, kind="JSON bomb", log_type="access", fields=fields)
    yield Line(text='{"start_time":"x","response_flags":' + mark, kind="broken JSON", log_type="access", fields=fields)
    yield Line(text=" " * 20000 + mark, kind="many spaces", log_type="access", fields=fields)
    yield Line(text=f"{'x' * 40000}{mark}", kind="three pieces", log_type="access", fields=fields)
    yield Line(text=f"{mark} " + "y" * 1_000_000, kind="1 MB", log_type="access", fields=fields)
    yield Line(text=f"?{'a' * 3000}?{'b' * 3000} {mark}", kind="question marks", log_type="access", fields=fields)


def mixture(rng: random.Random, count: int) -> Iterator[Line]:
    """Yield lines of all formats, as a pod's stream might have them."""
    cases: Sequence[str] = list(REQUESTS)
    for number in range(count):
        version = rng.choice(VERSIONS)
        if number % 20 == 7:
            yield rng.choice(list(system_lines(rng)))
        elif number % 20 == 11:
            yield rng.choice([traced_line(rng), *custom_lines(rng)])
        elif number % 20 in (3, 13):
            yield ztunnel_line(rng, as_json_=number % 20 == 3, fails=rng.random() < 0.2, version=version)
        else:
            make = json_line if number % 3 == 0 else text_line
            yield make(rng, rng.choices(cases, _WEIGHTS)[0], version)
