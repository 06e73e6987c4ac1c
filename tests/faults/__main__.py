"""Run cells and keep their results.

    python -m tests.faults [CELL] [--workers N] [--keep] [--missing]    CELL: row/contestant, row or /contestant

`--keep` writes results.json and docs/reliability.md; otherwise results are printed only. `--missing` goes on after an
interruption, with the cells that have no result yet.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback

from . import page, results, rows
from .cell import run


async def _all(cells: tuple[rows.Cell, ...], workers: int, *, keep: bool) -> int:
    turns = asyncio.Semaphore(workers)
    failures = 0

    async def one(item: rows.Cell) -> None:
        nonlocal failures
        async with turns:
            try:
                found = await run(item, _say)
                for _ in range(2):
                    if not found.spoiled:
                        break
                    _say(f"{item.name}: {found.disturbed} scrapes came too late; again")
                    found = await run(item, _say)
            except Exception:  # noqa: BLE001 - one cell must not end the others
                failures += 1
                traceback.print_exc()
                return
        _say(results.line(found))
        if keep and not found.spoiled:
            results.keep(found)

    await asyncio.gather(*(one(item) for item in cells))
    if keep:
        page.PAGE.write_text(page.text(results.load()), encoding="utf-8")
    return failures


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Run cells of the fault matrix.")
    parser.add_argument("cell", nargs="?", default="", help="row/contestant, row or /contestant; all by default")
    parser.add_argument("--workers", type=int, default=4, help="cells at a time (default: 4)")
    parser.add_argument("--keep", action="store_true", help="write results.json and docs/reliability.md")
    parser.add_argument("--missing", action="store_true", help="leave out cells that have a result")
    words = parser.parse_args()
    try:
        cells = rows.chosen(words.cell)
    except ValueError as error:
        parser.error(str(error))
    if words.missing:
        cells = tuple(cell for cell in cells if cell.name not in results.load())
    return min(1, asyncio.run(_all(cells, words.workers, keep=words.keep)))


if __name__ == "__main__":
    sys.exit(main())
