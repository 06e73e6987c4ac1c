"""A separate loopback network for each run, 127.N.0.0/16, so that two runs never meet.

On Linux every address in 127.0.0.0/8 is local, so each simulated pod has its own address and the real port
numbers, without namespaces and without root.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
import sys
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

# 127.0/16 belongs to the machine, 127.1/16 … 127.9/16 are left to other software.
CANDIDATES = range(10, 250)
# A run holds this port on 127.N.0.1 for as long as it lives; nothing listens behind it.
LOCK_PORT = 1789

API_SERVER_PORT = 6443
GATEWAY_PORT = 8443
LOG_GATEWAY_PORT = 8444
MIMIR_PORT = 9009
PROMETHEUS_SERVER_PORT = 9091
LOKI_PORT = 3100
_FIRST_COLLECTOR = 10
_FIRST_LOG_AGENT = 150


@dataclasses.dataclass(frozen=True)
class Network:
    """The /16 of one run. `.0.x` is for the infrastructure, pods start at `.1.0`."""

    octet: int

    @property
    def infrastructure(self) -> str:
        """The address of the API server, the gateway and the backend."""
        return f"127.{self.octet}.0.1"

    def collector(self, number: int) -> str:
        """Return the address of a collector (0 ≤ number < 140), which listens on its own ports as in its pod."""
        return f"127.{self.octet}.0.{_FIRST_COLLECTOR + number}"

    def log_agent(self, number: int) -> str:
        """Return the address of a log agent (0 ≤ number < 100)."""
        return f"127.{self.octet}.0.{_FIRST_LOG_AGENT + number}"

    def pod(self, index: int) -> str:
        """Return the address of the pod with this index (0 ≤ index < 65,000)."""
        base = ipaddress.IPv4Address(f"127.{self.octet}.1.0")
        return str(base + index)


@contextlib.contextmanager
def claim() -> Iterator[Network]:
    """Hold a free 127.N.0.0/16 until the end of the block.

    Raises SetupError on other systems than Linux, or if every candidate is in use.
    """
    if sys.platform != "linux":
        raise SetupError(
            "test --local needs Linux, where every address in 127.0.0.0/8 is local",
            "run it in a Linux container or virtual machine",
        )
    for octet in CANDIDATES:
        lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind((f"127.{octet}.0.1", LOCK_PORT))
            lock.listen(1)
        except OSError:
            lock.close()
            continue
        with lock:
            yield Network(octet)
        return
    raise SetupError(
        f"no free loopback network: port {LOCK_PORT} is in use on every 127.N.0.1 with N in "
        f"{CANDIDATES.start}-{CANDIDATES.stop - 1}",
        "stop other runs of `test --local`",
    )
