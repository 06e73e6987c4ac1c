"""Values that can be read only once, in files: Helm may read them several times."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.system import scratch
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import fetch, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def _can_be_read_once(file: str) -> bool:
    return Path(file).exists() and not Path(file).is_file() and not Path(file).is_dir()


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > places.MAX_BYTES:
        raise SetupError(f"{name} is larger than 1 MiB [XS016]", "check that it is the right file")
    return content


@contextlib.contextmanager
def spooled(files: Sequence[str], stdin: bytes | None) -> Iterator[tuple[str, ...]]:
    """Put standard input, `-`, pipes and what URLs give into files: Helm may run several times, and all see the same.

    Raises SetupError where a URL gives nothing, and where any of them gives more than values may be.
    """
    once = {
        **({} if stdin is None else {"-": _bounded(stdin, "standard input")}),
        **{file: _bounded(places.content(file), file) for file in files if _can_be_read_once(file)},
        **{file: fetch.get(file) for file in files if fetch.is_url(file)},
    }
    if not once:
        yield tuple(files)
        return
    with scratch.folder() as folder:
        spools = {file: folder / f"{number}.yaml" for number, file in enumerate(once)}
        for file, spool in spools.items():
            spool.write_bytes(once[file])
        yield tuple(str(spools.get(file, file)) for file in files)
