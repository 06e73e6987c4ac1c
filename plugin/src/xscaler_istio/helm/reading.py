"""Values files as they were given, and, beside the rest of the program, what Helm makes of them.

Helm takes longest of all that `validate` does. It is started first, and what judges is loaded in the meantime.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.helm.answer import examined
from xscaler_istio.helm.run import Beside
from xscaler_istio.values import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.helm.answer import Answer
    from xscaler_istio.helm.run import Inputs, Run, ValuesArguments
    from xscaler_istio.values.places import ValuesFile

# After these the rest of a file is unknown.
_UNREADABLE = frozenset({"XS010", "XS013", "XS014", "XS015", "XS016"})


@dataclasses.dataclass(frozen=True)
class Reading:
    """The values files of a release in their order; nothing from Helm where one of them is unreadable.

    The result of `helm` raises ChartError where Helm cannot read what was given.
    """

    inputs: Inputs
    files: tuple[ValuesFile, ...]
    helm: Run[Answer] | None


def files_of(given: ValuesArguments) -> tuple[ValuesFile, ...]:
    """Return the values files in their order; raise SetupError for one that cannot be read."""
    return tuple(places.read(file, name) for file, name in zip(given.files, given.named, strict=True))


@contextlib.contextmanager
def reading(inputs: Inputs) -> Iterator[Reading]:
    """Read the values files of a release, and have Helm say what it makes of them.

    Raises SetupError for an unreadable file.
    """
    files = files_of(inputs.values)
    if any(finding.rule in _UNREADABLE for file in files for finding in file.findings):
        yield Reading(inputs, files, None)
        return
    with Beside() as beside:
        yield Reading(inputs, files, beside.start(examined(inputs)))
