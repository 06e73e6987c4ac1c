"""The account of the gateway: accepted samples, and refused ones by reason."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """The state of the account. Numbers are samples unless their name says requests.

    `native` are the native histograms that the backend wrote; `accepted` counts them too.
    `rejected` are final refusals, which no collector sends again; `deferred` are answers after which a collector
    tries again (429 and 5xx), by status: those samples count once more when they come back. `received_bytes` is what
    all request bodies had on the wire.
    """

    accepted: int
    native: int
    rejected: Mapping[str, int]
    deferred: Mapping[int, int]
    requests: Mapping[int, int]
    largest_request: int
    received_bytes: int
    last_refusal: Mapping[str, str]


class Ledger:
    """Collects entries while the gateway runs."""

    def __init__(self) -> None:
        self._passed = 0
        self._native = 0
        self._rejected: collections.Counter[str] = collections.Counter()
        self._deferred: collections.Counter[int] = collections.Counter()
        self._requests: collections.Counter[int] = collections.Counter()
        self._largest = 0
        self._bytes = 0
        self._last: dict[str, str] = {}

    def answered(self, status: int, samples: int, size: int) -> None:
        """Enter one push request of `size` bytes and how it was answered."""
        self._requests[status] += 1
        self._bytes += size
        self._largest = max(self._largest, samples)
        if status == 429 or status >= 500:
            self._deferred[status] += samples

    def passed(self, samples: int, native: int) -> None:
        """Enter samples that the backend accepted, and how many native histograms it wrote."""
        self._passed += samples
        self._native += native

    def rejected(self, reason: str, samples: int, text: str) -> None:
        """Enter samples that were rejected permanently."""
        self._rejected[reason] += samples
        self._last[reason] = text

    def refusal(self, reason: str, text: str) -> None:
        """Keep the text of the backend's answer."""
        self._last[reason] = text

    def close(self, discarded: Mapping[str, int]) -> Account:
        """Return the account, with the samples that the backend discarded."""
        rejected = self._rejected + collections.Counter(discarded)
        return Account(
            accepted=self._passed - sum(discarded.values()),
            native=self._native,
            rejected=dict(rejected),
            deferred=dict(self._deferred),
            requests=dict(self._requests),
            largest_request=self._largest,
            received_bytes=self._bytes,
            last_refusal=dict(self._last),
        )
