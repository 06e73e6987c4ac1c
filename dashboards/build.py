"""Build chart/files/dashboards/*.json, as Grafana reads them, from the modules in sources/.

A source exports `BOARD`: its panels, with titles, descriptions and queries. What all of them have stands in panels.py,
variables.py and queries.py. The JSON is the work of Grafana's own builders (grafana-foundation-sdk).

    python -m dashboards.build           write the dashboards
    python -m dashboards.build --check   exit with 1 if a committed dashboard is stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "chart/files/dashboards"
# The first Python that grafana-foundation-sdk runs with.
PYTHON = (3, 11)


def dashboards() -> dict[str, str]:
    """Return the text of every dashboard by its file's name."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    from dashboards.sources import BOARDS

    texts = (json.dumps(board.built(), cls=JSONEncoder, indent=1, ensure_ascii=False) for board in BOARDS)
    return {f"{board.name}.json": f"{text}\n" for board, text in zip(BOARDS, texts, strict=True)}


def main(arguments: list[str]) -> int:
    """Run the command line."""
    if sys.version_info < PYTHON:
        print("dashboards: not built and not checked; grafana-foundation-sdk needs Python 3.11", file=sys.stderr)
        return int(arguments != ["--check"])
    built = dashboards()
    present = {file.name: file.read_text(encoding="utf-8") for file in TARGET.glob("*.json")}
    if arguments == ["--check"]:
        if present == built:
            return 0
        print("chart/files/dashboards is stale; run: python -m dashboards.build", file=sys.stderr)
        return 1
    for gone in present.keys() - built.keys():
        (TARGET / gone).unlink()
    for name, text in built.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
