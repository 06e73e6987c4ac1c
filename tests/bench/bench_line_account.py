"""The account of a hundred thousand log lines of all formats, rotated, with a restart of the agent in the middle.

    PYTHONPATH=. python tests/bench/bench_line_account.py [LINES]

Prints how often each line came, planted secrets that were seen, and for each format and version of Istio how many lines
had a wrong field, label or level: what tests/pipeline/test_logs.py holds true.
"""

from __future__ import annotations

import asyncio
import collections
import sys
from typing import Any

from tests.pipeline.log_lines import SECRET
from tests.pipeline.test_logs import all_formats, cut, judged
from tests.support.log_environment import log_environment


def account(everything: dict[str, Any]) -> str:
    """Return the account of lines and of secrets."""
    want = collections.Counter(map(cut, everything["lines"]))
    have = collections.Counter(entry.line for entry in everything["entries"])
    seen = sum(SECRET in entry.line or SECRET in str(entry.metadata) for entry in everything["entries"])
    planted = sum(line.text.count(SECRET) for line in everything["lines"])
    lost, more = (
        (want - have).total(),
        sum(min(have[line] - want[line], have[line]) for line in want if have[line] > want[line]),
    )
    foreign = sum(count for line, count in have.items() if line not in want)
    numbers = {"written": want.total(), "lost": lost, "twice": more, "foreign": foreign, "secrets planted": planted}
    return "\n".join(f"{name:<16} {number}" for name, number in {**numbers, "secrets seen": seen}.items())


def accuracy(everything: dict[str, Any]) -> str:
    """Return a Markdown table of lines with a wrong field by format and version."""
    seen: collections.Counter[tuple[str, str]] = collections.Counter()
    wrong: collections.Counter[tuple[str, str]] = collections.Counter()
    for line, right in judged(everything):
        key = (line.format, str(line.version))
        seen[key] += 1
        wrong[key] += not right
    rows = [
        f"| {name} | {version} | {count} | {wrong[name, version]} |" for (name, version), count in sorted(seen.items())
    ]
    return "\n".join(["| format | Istio | lines | with anything wrong |", "|---|---|--:|--:|", *rows])


async def main(lines: int) -> None:
    async with log_environment() as environment:
        everything = await all_formats(environment, lines, 8_000_000)
    print(account(everything))
    print()
    print(accuracy(everything))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
