"""Packaged charts (.tgz), as `helm package` and `helm pull` leave them."""

from __future__ import annotations

import atexit
import contextlib
import functools
from typing import TYPE_CHECKING

from xscaler_istio.system import scratch
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    import tarfile
    from pathlib import Path

# A hundred times the chart, and less than what Helm itself unpacks (100 MiB).
MAX_BYTES = 64 * 2**20
MAX_FILES = 10_000


# The same package may be asked for several times.
@functools.cache
def unpacked(package: Path) -> Path:
    """Return the chart's folder out of a package, in a temporary folder that is gone when the process ends.

    Raises SetupError for a file that is not a package of one chart, or is too large.
    """
    import tarfile

    if not hasattr(tarfile, "data_filter"):
        fix = "take Python 3.10.12, 3.11.4 or newer, or unpack it and name the folder"
        raise SetupError(f"this Python cannot unpack {package} safely", fix)
    # The whole process needs it.
    kept = contextlib.ExitStack()
    atexit.register(kept.close)
    folder = kept.enter_context(scratch.folder())
    try:
        with tarfile.open(package, "r:gz") as archive:
            _check_size(archive, package)
            # No links out of the folder, no devices, no absolute names.
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SetupError(f"{package} is not a packaged chart: {error}", "name a .tgz of `helm package`") from error
    charts = sorted(folder.glob("*/Chart.yaml"))
    if len(charts) != 1:
        raise SetupError(f"{package} contains {len(charts)} charts", "name a .tgz of `helm package`")
    return charts[0].parent


def _check_size(archive: tarfile.TarFile, package: Path) -> None:
    total = 0
    for number, member in enumerate(archive, 1):
        total += member.size
        if total > MAX_BYTES or number > MAX_FILES:
            limit = f"{MAX_BYTES // 2**20} MiB or {MAX_FILES} files"
            raise SetupError(f"{package} unpacks to more than {limit}", "check that it is the right file")
