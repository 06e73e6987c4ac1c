"""One cell: baseline, fault, recovery, and the account of it."""

from __future__ import annotations

import asyncio
import datetime
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import account, compressed, rows
from .bench import OWN_JOB, Bench, started
from .results import Result
from .targets import BROKEN, SOUND

if TYPE_CHECKING:
    from collections.abc import Callable

# Before the fault, in seconds: alerts with an offset have something to compare with.
BASELINE = 12.0
# After the fault an alert has this long: the windows of ten minutes, and what collectors wait between retries.
_AFTER = 30.0
# What has not come after so long without any news does not come: the longest pause between two retries.
_QUIET = 60.0
_PATIENCE = 300.0
_POLL = 0.5


async def run(cell: rows.Cell, progress: Callable[[str], None]) -> Result:
    """Run a cell."""
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-faults-") as folder:
        async with started(cell, Path(folder)) as bench:
            return await _run(bench, progress)


async def _run(bench: Bench, progress: Callable[[str], None]) -> Result:
    cell, row = bench.cell, bench.cell.row
    await _arrives(bench)
    since = time.time()
    await asyncio.sleep(BASELINE)
    began = time.time()
    await begin(bench)
    await asyncio.sleep(max(0.0, row.seconds - (time.time() - began)))
    await end(bench)
    ended = time.time()
    progress(f"{cell.name}: the fault is over after {ended - began:.0f} s")
    until = await _settled(bench, since, ended)
    found = account.count(bench.written, bench.accepted, since=since, until=until, fault_end=ended)
    fired = await bench.store.fired()
    alerts = sorted(name for name, times in fired.items() if max(times) >= began and min(times) >= began)
    changed = await bench.store.changed(compressed.TROUBLE, began)
    return Result(
        row=row.name,
        contestant=cell.contestant,
        version=bench.version,
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        seconds=round(ended - began, 1),
        written=found.written,
        doubled=found.doubled,
        lost=found.lost,
        catch_up=found.catch_up,
        metrics=tuple(changed),
        alerts=tuple(alerts),
        followed=tuple(sorted(bench.faults.followed)),
        disturbed=await _disturbed(bench, since, until),
    )


async def begin(bench: Bench) -> None:
    """Begin the fault of a cell; what happens in its middle happens here."""
    row = bench.cell.row
    match row.fault:
        case rows.Answer() as answer:
            bench.faults.answer = answer
        case rows.Link() as link:
            await bench.proxy.set(link)
        case rows.Certificate() as certificate:
            bench.point_at(certificate)
        case rows.Token.REVOKED:
            bench.revoke("write")
        case rows.Token.OTHER_TENANT:
            bench.grant("write", "another")
        case rows.Page() as page:
            bench.receiver.full = page is rows.Page.MORE
            bench.targets.page = page
        case rows.Stop() as stopping:
            await _stop(bench, stopping)
        case rows.Files.ROTATED:
            await _rotate(bench)


async def end(bench: Bench) -> None:
    """End the fault of a cell."""
    match bench.cell.row.fault:
        case rows.Answer():
            bench.faults.answer = None
        case rows.Link():
            await bench.proxy.set(None)
        case rows.Certificate():
            bench.point_at(None)
        case rows.Token.REVOKED:
            bench.grant("rotated")
            bench.rotate_token("rotated")
        case rows.Token.OTHER_TENANT:
            bench.grant("write")
        case rows.Page():
            bench.targets.page = None
            bench.receiver.full = False
        case rows.Stop(link=link):
            if link:
                await bench.proxy.set(None)
        case rows.Files.ROTATED:
            pass


async def _stop(bench: Bench, stopping: rows.Stop) -> None:
    if stopping.link:
        await bench.proxy.set(stopping.link)
        await asyncio.sleep(bench.cell.row.seconds * 3 / 4)
    await bench.program.down(stopping.signal)
    await bench.program.up()


async def _rotate(bench: Bench) -> None:
    assert bench.lines
    await bench.program.down()
    await asyncio.sleep(bench.cell.row.seconds / 2)
    bench.lines.log.rotate()
    await asyncio.sleep(bench.cell.row.seconds / 2)
    await bench.program.up()


async def _arrives(bench: Bench) -> None:
    """Wait until what is under test arrives, and the program's own metrics do."""
    deadline = time.time() + _PATIENCE
    while not (bench.accepted and await bench.store.query(f'up{{job="{OWN_JOB}"}} == 1')):
        if time.time() > deadline:
            raise TimeoutError(f"{bench.cell.name}: nothing arrives")
        await asyncio.sleep(_POLL)


async def _settled(bench: Bench, since: float, ended: float) -> float:
    """Wait until all that will come has, and return until when what was written counts."""
    deadline = ended + _PATIENCE
    until = ended + _AFTER / 2
    await asyncio.sleep(_AFTER)
    news = time.time()
    left = account.missing(bench.written, bench.accepted, since=since, until=until)
    while left and time.time() - news < _QUIET - _AFTER and time.time() < deadline:
        await asyncio.sleep(_POLL)
        now = account.missing(bench.written, bench.accepted, since=since, until=until)
        if now != left:
            left, news = now, time.time()
    return until


async def _disturbed(bench: Bench, since: float, until: float) -> int:
    """Return how many scrapes failed for which nothing was wrong with the target: the machine was busy."""
    broken = bench.cell.row.fault in (rows.Page.HANGS, rows.Page.MALFORMED, rows.Page.CUT)
    sound = SOUND if broken else f"{SOUND}|{BROKEN}"
    up = await bench.store.query(f'up{{job="integrations/istio",pod=~"{sound}"}}[1h]')
    return sum(value == "0" and since <= at <= until for series in up for at, value in series["values"])
