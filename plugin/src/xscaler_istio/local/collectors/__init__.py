"""How each collector is started outside a cluster: siblings of one shape, chosen by name.

Each module gives `overrides` (what the rendered configuration needs changed, and why) and `command` (the program's
command line from the rendered arguments).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Where the chart mounts the token and the tenant.
MOUNTED_AUTH = "/etc/xscaler/auth/"
# The keys, block headers and numbers in lists that lead to a setting.
Place = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What stands in for the cluster and for xScaler; folders and files exist."""

    api_server: str
    api_token_file: Path
    ca_file: Path
    push_url: str
    auth_folder: Path
    listen_address: str
    storage_folder: Path
    scrape_interval: str
    scrape_timeout: str
    logs_url: str = ""
    log_folder: Path | None = None


@dataclasses.dataclass(frozen=True)
class Override:
    """One place of the rendered configuration that is changed; None as `local` removes it."""

    path: Place
    local: str | int | None
    reason: str

    def __str__(self) -> str:
        """Write it as one line for people."""
        place = ".".join(str(step) for step in self.path)
        return (
            f"{place} = {self.local}  ({self.reason})"
            if self.local is not None
            else f"{place} removed  ({self.reason})"
        )


class Collector(Protocol):
    """What each module of this package gives."""

    program: str

    def overrides(self, config: str, surroundings: Surroundings) -> tuple[Override, ...]:
        """Return what must be changed in a rendered configuration."""

    def apply(self, config: str, changes: Sequence[Override]) -> str:
        """Return the configuration with these changes and no other."""

    def command(self, arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
        """Return the rendered arguments with file, folder and address changed."""


def replace_values(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return arguments of the form --flag=value with the values of these flags replaced."""
    return [f"{flag}={values[flag]}" if (flag := word.split("=")[0]) in values else word for word in arguments]
