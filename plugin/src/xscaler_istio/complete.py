"""`python -m xscaler_istio.complete WORD…`: what plugin.complete runs."""

from __future__ import annotations

import sys

from xscaler_istio.cli import completion

if __name__ == "__main__":
    sys.stdout.write(completion.answer(sys.argv[1:]))
