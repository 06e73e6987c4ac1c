"""python -m website FOLDER: build the site; every warning is an error."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from website.stage import stage

HERE = Path(__file__).resolve().parent


def main(target: str) -> int:
    """Build into a folder; return the exit code."""
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory() as name:
        sources = Path(name) / "sources"
        stage(sources)
        options = ["--fail-on-warning", "--keep-going", "--quiet", "--doctree-dir", f"{name}/trees"]
        return build_main([*options, "--conf-dir", str(HERE), str(sources), target])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
