"""The account of a cell, computed by hand."""

from __future__ import annotations

from .account import Event, count, missing

WRITTEN = [
    Event("before", 1.0),
    Event("a", 10.0),
    Event("b", 11.0),
    Event("c", 12.0),
    Event("d", 20.0),
    Event("after", 31.0),
]
ACCEPTED = [
    Event("a", 10.5),
    Event("b", 19.0),
    Event("b", 18.0),
    Event("d", 21.0),
    Event("after", 32.0),
    Event("foreign", 9.0),
]


def test_each_event_is_counted_once() -> None:
    found = count(WRITTEN, ACCEPTED, since=10.0, until=30.0, fault_end=15.0)
    assert (found.written, found.once, found.doubled, found.lost) == (4, 2, 1, 1)


def test_catching_up_ends_with_the_last_arrival_of_what_the_fault_held_back() -> None:
    assert count(WRITTEN, ACCEPTED, since=10.0, until=30.0, fault_end=15.0).catch_up == 4.0


def test_what_arrived_in_time_needs_no_catching_up() -> None:
    assert count(WRITTEN[1:2], ACCEPTED, since=10.0, until=30.0, fault_end=15.0).catch_up == 0.0
    assert count([], [], since=0.0, until=1.0, fault_end=1.0).catch_up == 0.0


def test_what_is_missing_may_still_come() -> None:
    assert missing(WRITTEN, ACCEPTED, since=10.0, until=30.0) == 1
    assert missing(WRITTEN, [*ACCEPTED, Event("c", 40.0)], since=10.0, until=30.0) == 0
