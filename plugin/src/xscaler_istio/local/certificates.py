"""A certificate authority for one run; its key never touches the disk."""

from __future__ import annotations

import dataclasses
import ssl
from typing import TYPE_CHECKING, Protocol

import trustme

if TYPE_CHECKING:
    from pathlib import Path


class Contexts(Protocol):
    """The TLS contexts of a server and its clients."""

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return a TLS server context whose certificate holds these addresses and host names."""

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS client context that trusts this authority and nothing else."""


@dataclasses.dataclass(frozen=True)
class Authority:
    """Issues server certificates for loopback addresses; `ca_file` is what clients trust."""

    ca_file: Path
    _ca: trustme.CA

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return a TLS server context whose certificate holds these addresses and host names."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS client context that trusts this authority and nothing else."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def create(folder: Path) -> Authority:
    """Make an authority and write its certificate to `folder/ca.crt`."""
    ca = trustme.CA()
    ca_file = folder / "ca.crt"
    ca.cert_pem.write_to_path(str(ca_file))
    return Authority(ca_file, ca)
