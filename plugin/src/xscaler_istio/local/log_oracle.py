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
    change = redacted if redacts else str
    wanted = collections.Counter(
        (item.pod, change(item.text.decode("utf-8", errors="surrogateescape"))) for item in written
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


def redacted(text: str) -> str:
    """Return a line without its query strings: in the request line, in JSON's path, and wherever else one stands."""
    request = re.match(r'(\[[^\]]*\] "[^ "]* )(.*?)( HTTP/[0-9.]+" [0-9].*)', text, re.DOTALL)
    if request:
        before, query, _ = request[2].partition("?")
        return request[1] + before + ("?redacted" if query else "") + _anywhere(request[3])
    path = re.match(r'(.*"path":")((?:[^"\\]|\\.)*)(".*)', text, re.DOTALL)
    if path and "?" in path[2]:
        return _anywhere(path[1]) + path[2].partition("?")[0] + "?redacted" + _anywhere(path[3])
    return _anywhere(text)


def _anywhere(text: str) -> str:
    return re.sub(r'\?(?:[^\s"\\]|\\.)+', "?redacted", text)
