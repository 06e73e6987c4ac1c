"""How shippers are started outside a cluster: what stands in for it, and what of a configuration is changed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Where the chart mounts the token and the tenant.
MOUNTED_AUTH = "/etc/xscaler/auth/"
# The keys, block headers and numbers in lists that lead to a setting.
Place = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
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


def replace_values(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return arguments of the form --flag=value with the values of these flags replaced."""
    return [f"{flag}={values[flag]}" if (flag := word.split("=")[0]) in values else word for word in arguments]
