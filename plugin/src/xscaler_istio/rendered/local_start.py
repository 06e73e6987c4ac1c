"""How shippers are started outside a cluster: replacements for the cluster, and changes to the configuration."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
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


def local_file(
    place: Place, text: str, surroundings: Surroundings, token_settings: Container[object]
) -> Override | None:
    """Return the change of a text that names a mounted file, or None: of the Secret, or by `token_settings` the token.

    The token's file is anywhere with xscaler.auth.tokenFile.
    """
    if MOUNTED_AUTH in text:
        return Override(place, text.replace(MOUNTED_AUTH, f"{surroundings.auth_folder}/"), "no mounted Secret")
    if place[-1] in token_settings:
        return Override(place, str(surroundings.auth_folder / "token"), "no mounted token")
    return None


def without_proxy(place: Place, endpoint: Mapping[str, object]) -> Iterator[Override]:
    """Yield the removal of a proxy, and of its exceptions, from the endpoint at `place`."""
    for key in ("proxy_url", "no_proxy"):
        if key in endpoint:
            yield Override((*place, key), None, "nothing leaves this machine")


def replace_values(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return arguments of the form --flag=value with the values of these flags replaced."""
    return [f"{flag}={values[flag]}" if (flag := word.split("=")[0]) in values else word for word in arguments]
