"""The snippets of xScaler's Istio page, rules as they are commonly used, and the chart, on one mesh.

    PYTHONPATH=. python tests/bench/bench_page.py

Prints the table of docs/options.md: targets, what arrives of each metric that the page promises, and what
xScaler refuses.
"""

from __future__ import annotations

import asyncio

from tests.pipeline import ways


async def main() -> None:
    async with ways.still_mesh() as running:
        results = await ways.compare(running)
        print(ways.table(results, len(running.expected)), end="")


if __name__ == "__main__":
    asyncio.run(main())
