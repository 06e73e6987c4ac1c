"""The log lines that must arrive, derived from the written ones and not from the stages under test."""

from __future__ import annotations

import collections
import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xscaler_istio.local.container_log import Written
    from xscaler_istio.values.settings import Logs
    from xscaler_istio.wire.log_push import Entry


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogChoices:
    """The values' choices about lines: from files or not, old ones, changes to lines, and lines that are left out."""

    files: bool = False
    old: bool = False
    redacts: bool = True
    masks: bool = False
    samples: bool = False
    metadata: bool = True


def choices(logs: Logs) -> LogChoices:
    """Return the values' choices."""
    return LogChoices(
        files=logs.enabled and logs.source != "api",
        old=logs.start_at == "beginning",
        redacts=logs.redact_query_strings,
        masks=logs.mask_forwarded_for,
        samples=logs.sampling.success_percent < 100,
        metadata=logs.structured_metadata,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogCount:
    """How many of the written lines arrived once, more often, or not at all, and how many unexpected ones arrived.

    `with_fields` counts the access lines that arrived with a response code.
    """

    written: int
    once: int
    more: int
    lost: int
    foreign: int
    with_fields: int


def count(written: Iterable[Written], entries: Iterable[Entry], *, redacts: bool = True) -> LogCount:
    """Compare the written lines with those that arrived, by pod and text."""
    wanted = collections.Counter(
        (item.pod, redacted(item.text.decode("utf-8", errors="surrogateescape"), queries=redacts)) for item in written
    )
    arrived = list(entries)
    have = collections.Counter((entry.labels["pod"], entry.line) for entry in arrived)
    once = sum(min(number, have[key]) for key, number in wanted.items())
    return LogCount(
        written=wanted.total(),
        once=once,
        more=sum(max(0, have[key] - number) for key, number in wanted.items()),
        lost=wanted.total() - once,
        foreign=sum(number for key, number in have.items() if key not in wanted),
        with_fields=sum(bool(entry.metadata.get("response_code")) for entry in arrived),
    )


def redacted(text: str, *, queries: bool = True) -> str:
    """Return a line without what must not leave its node: credentials and, if `queries`, query strings and the like."""
    text = _without_credentials(text)
    return _without_queries(text) if queries else text


# What stands for what is replaced, by its kind.
_HIDDEN, _REDACTED = "hidden", "redacted"
# The user in an address, JSON Web Tokens, and what follows the two schemes of Authorization.
_CREDENTIALS = re.compile(
    r"""(?<=://)[^\s/"'@?#]+(?=@)"""
    r"|eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*"
    r"""|(?<=earer )(?:[^\s"'\\,]|\\[^\s"]){9,}"""
    r"|(?<=asic )[A-Za-z0-9+/]{8,}={0,2}",
    re.ASCII,
)
_HEADER = r"[\w.:-]*(?i:authorization|cookie|token|api-?key|secret|passw|credential|jwt|assertion)[\w.-]*"
# A value in JSON, whose quotes are escaped.
_JSON_VALUE = r'(?:[^"\\]|\\.)'


def _without_credentials(text: str) -> str:
    text = _CREDENTIALS.sub(_HIDDEN, text)
    # A header ends with its line, quote included: its value may have quotes too.
    if text.startswith("["):
        return text
    if text.startswith("{"):
        text = re.sub(rf'((?:uthorization|ookie)": ?"){_JSON_VALUE}+(?=")', rf"\1{_HIDDEN}", text)
        return re.sub(rf"('{_HEADER}', ')(?:[^\"\\]|\\[^n])*", rf"\1{_HIDDEN}", text)
    text = re.sub(r"((?:uthorization|ookie): ?).+", rf"\1{_HIDDEN}", text)
    return re.sub(rf"('{_HEADER}', ').*", rf"\1{_HIDDEN}", text)


# Up to a space or quote, which may be escaped.
_REST = r'(?:[^\s"\\]|\\[^\s"])'
# What precedes a query, a parameter in a path that names a secret, and a fragment with a value; and what ends them.
_LIKE_QUERIES = (
    re.compile(rf"(\?){_REST}+"),
    re.compile(r'(;[\w.-]*(?i:sess|sid|token|auth|key|ticket|secret|passw)[\w.-]*=)(?:[^\s"\\;/?]|\\[^\s"])+'),
    re.compile(rf'(#)(?:[^\s"\\=]|\\[^\s"])*={_REST}*'),
    re.compile(rf"(%3[fF]|\\u003[fF]){_REST}+"),
)
_IN_JSON = re.compile(rf'((?i:path|ur[il]|query|target|request|referer)": ?"[^"?]*\?){_JSON_VALUE}*(?=")')


def _without_queries(text: str) -> str:
    request = re.match(r'(\[[^\]]*\] "[^ "]* )(.*?)( HTTP/[0-9.]+" [0-9].*)', text, re.DOTALL)
    if request:
        path = re.sub(r"\?.+", f"?{_REDACTED}", request[2], count=1, flags=re.DOTALL)
        path = re.sub(r'#[^ "?]+', f"#{_REDACTED}", path, count=1)
        return request[1] + _anywhere(path) + _anywhere(request[3])
    if text.startswith("{"):
        text = _IN_JSON.sub(rf"\1{_REDACTED}", text)
        text = re.sub(rf'("path": ?"[^"#]*#){_JSON_VALUE}*(?=")', rf"\1{_REDACTED}", text)
    return _anywhere(text)


def _anywhere(text: str) -> str:
    for expression in _LIKE_QUERIES:
        text = expression.sub(rf"\1{_REDACTED}", text)
    return text
