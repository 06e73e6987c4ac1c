"""Where a release pushes to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.destination import Basic, File
from xscaler_istio.rendered.local_start import MOUNTED_AUTH
from xscaler_istio.summary.model import Section, Subject, facts
from xscaler_istio.summary.short import few

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.rendered.destination import Bearer, Destination, Value


def endpoints_section(destinations: Mapping[str, Destination]) -> Section:
    """Say where metrics and logs go, and what is sent along."""
    return Section("endpoints", tuple(_subject(name, destination) for name, destination in destinations.items()))


def overview_section(destinations: Mapping[str, Destination]) -> Section:
    """Say in two lines for each destination where it is and how requests are authenticated."""
    lines = facts(**{name: (to.url, _sent_along(to)) for name, to in destinations.items()})
    return Section("destination", (Subject("", lines or facts(none="the release pushes nothing")),))


def _sent_along(destination: Destination) -> str:
    authority = "your own authority" if destination.authority else "the system's authorities"
    headers = few([header.name for header in destination.headers])
    parts = (
        f"tenant {_value(destination.tenant)}",
        f"{_authentication(destination.authentication)} authentication",
        f"token in {file}" if (file := _token_file(destination.authentication)) else "",
        f"TLS with {authority}" if destination.url.startswith("https:") else "no TLS",
        f"proxy {destination.proxy}" if destination.proxy else "",
        f"headers {headers}" if headers else "",
    )
    return "; ".join(part for part in parts if part)


def _subject(name: str, destination: Destination) -> Subject:
    return Subject(
        name,
        facts(
            url=destination.url,
            tenant=_value(destination.tenant),
            headers=tuple(f"{header.name}: {_value(header.value)}" for header in destination.headers),
            authentication=_authentication(destination.authentication),
            token=_token_file(destination.authentication),
            proxy=destination.proxy,
            certificate_authorities="your own" if destination.authority else "the system's",
        ),
    )


def _value(value: Value) -> str:
    return "read from the Secret" if isinstance(value, File) else value.text


def _authentication(authentication: Bearer | Basic) -> str:
    if isinstance(authentication, Basic):
        return f"basic, user name {_value(authentication.username) or '(empty)'}"
    return "bearer"


def _token_file(authentication: Bearer | Basic) -> str:
    """Return the path of a token that the chart does not mount, or nothing."""
    token = authentication.token
    return token.path if isinstance(token, File) and not token.path.startswith(MOUNTED_AUTH) else ""
