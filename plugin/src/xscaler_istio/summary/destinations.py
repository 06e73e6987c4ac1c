"""Where a release pushes to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.destination import Basic, File
from xscaler_istio.summary.model import Section, Subject, facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.rendered.destination import Bearer, Destination, Value


def endpoints_section(destinations: Mapping[str, Destination]) -> Section:
    """Say where metrics and logs go, and what is sent along."""
    return Section("endpoints", tuple(_subject(name, destination) for name, destination in destinations.items()))


def _subject(name: str, destination: Destination) -> Subject:
    return Subject(
        name,
        facts(
            url=destination.url,
            tenant=_value(destination.tenant),
            headers=tuple(f"{header.name}: {_value(header.value)}" for header in destination.headers),
            authentication=_authentication(destination.authentication),
            proxy=destination.proxy,
            authority="one of your own" if destination.authority else "the system's",
        ),
    )


def _value(value: Value) -> str:
    return "read from the Secret" if isinstance(value, File) else value.text


def _authentication(authentication: Bearer | Basic) -> str:
    if isinstance(authentication, Basic):
        return f"basic, user name {_value(authentication.username) or '(empty)'}"
    return "bearer"
