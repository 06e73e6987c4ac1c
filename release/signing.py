"""PGP keys in the form that Helm reads: a binary keyring of the older format, in a file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING

from release.programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRIAL = "xscaler-istio trial (signs nothing that is published)"


@dataclasses.dataclass(frozen=True)
class Key:
    """A secret key in a keyring, and the file of its passphrase if it has one."""

    name: str
    keyring: Path
    passphrase_file: Path | None = None

    def helm_arguments(self) -> list[str]:
        """Return the flags with which `helm package` and `helm plugin package` sign."""
        passphrase = ["--passphrase-file", str(self.passphrase_file)] if self.passphrase_file else []
        return ["--sign", "--key", self.name, "--keyring", str(self.keyring), *passphrase]


def trial(folder: Path) -> Key:
    """Make a throwaway key, for a preview of a release."""
    keyring = folder / "secring.gpg"
    with _home(folder / "trial") as gpg:
        gpg("--passphrase", "", "--quick-generate-key", TRIAL, "rsa3072", "sign", "never")
        gpg("--export-secret-keys", "--output", keyring)
    return Key(TRIAL, keyring)


def export_public(key: Key, target: Path, folder: Path) -> None:
    """Write the public half of a key, which `helm verify --keyring` takes."""
    with _home(folder / "public") as gpg:
        gpg("--import", key.keyring)
        gpg("--export", "--output", target, key.name)


class _Gpg:
    """GnuPG with a separate home: it neither reads nor changes the user's keys."""

    def __init__(self, home: Path) -> None:
        self.environment = dict(os.environ, GNUPGHOME=str(home))

    def __call__(self, *arguments: object) -> None:
        run("gpg", "--batch", "--yes", "--pinentry-mode", "loopback", *arguments, environment=self.environment)


@contextlib.contextmanager
def _home(folder: Path) -> Iterator[_Gpg]:
    folder.mkdir(mode=0o700)
    gpg = _Gpg(folder)
    try:
        yield gpg
    finally:
        # Otherwise the agent that gpg started for this home keeps running.
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False, env=gpg.environment)
