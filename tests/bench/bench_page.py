"""The snippets of xScaler's Istio page, rules as they are commonly used, and the chart, on one mesh.

    PYTHONPATH=. python tests/bench/bench_page.py

Prints the tables of docs/from-xscalers-page.md: targets, what arrives of each metric that the page promises, and what
xScaler rejects; and what becomes of access logs.
"""

from __future__ import annotations

import asyncio

from tests.pipeline import log_ways, ways


async def main() -> None:
    print(ways.table(await ways.compare("mimir")))
    print(log_ways.table(await log_ways.compare()), end="")


if __name__ == "__main__":
    asyncio.run(main())
