"""The account of a cell: what the mesh served or wrote, against what the backend accepted.

Every sample and every line is distinct, so that each is known by itself. Nothing here asks the program under test.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


@dataclasses.dataclass(frozen=True)
class Event:
    """A sample or a line, and when it was written or accepted, in seconds of one clock."""

    key: Hashable
    at: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """How many were written in a time, and of those how many arrived once, more often, or never.

    `catch_up` is how long after the fault the last of those arrived that were written before its end, in seconds.
    """

    written: int
    once: int
    doubled: int
    lost: int
    catch_up: float


def count(
    written: Iterable[Event], accepted: Iterable[Event], *, since: float, until: float, fault_end: float
) -> Account:
    """Compare what was written from `since` until `until` with what was accepted at any time."""
    events = [event for event in written if since <= event.at <= until]
    times: dict[Hashable, list[float]] = collections.defaultdict(list)
    for event in accepted:
        times[event.key].append(event.at)
    late = [max(times[event.key]) for event in events if event.at <= fault_end and times.get(event.key)]
    return Account(
        written=len(events),
        once=sum(len(times.get(event.key, ())) == 1 for event in events),
        doubled=sum(len(times.get(event.key, ())) > 1 for event in events),
        lost=sum(not times.get(event.key) for event in events),
        catch_up=round(max(0.0, max(late, default=fault_end) - fault_end), 1),
    )


def missing(written: Iterable[Event], accepted: Iterable[Event], *, since: float, until: float) -> int:
    """Return how many of those written in a time have not been accepted yet."""
    have = {event.key for event in accepted}
    return sum(event.key not in have for event in written if since <= event.at <= until)
