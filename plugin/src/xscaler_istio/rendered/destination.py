"""A collector's destination and credentials, as types; sentences and requests are built from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT_HEADER = "X-Scope-OrgID"


@dataclasses.dataclass(frozen=True)
class Literal:
    """A string in the configuration."""

    text: str


@dataclasses.dataclass(frozen=True)
class File:
    """The trimmed text of a mounted file; CollectorConfig.mounts has the object behind it."""

    path: str


Value = Literal | File


@dataclasses.dataclass(frozen=True)
class Bearer:
    """The token in the Authorization header."""

    token: Value


@dataclasses.dataclass(frozen=True)
class Basic:
    """The token as the password of basic authentication; the user name may be empty."""

    username: Value
    token: Value


@dataclasses.dataclass(frozen=True)
class Header:
    """A header of every request."""

    name: str
    value: Value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Destination:
    """Where it is pushed. `headers` are further ones, by name; without `authority` the system's are trusted."""

    url: str
    tenant: Value
    headers: tuple[Header, ...]
    authentication: Bearer | Basic
    proxy: str
    authority: File | None

    @classmethod
    def of(
        cls, *, url: str, headers: Mapping[str, Value], authentication: Bearer | Basic, proxy: str, authority: str
    ) -> Destination:
        """Take the tenant out of the headers; `authority` is a path, or empty."""
        return cls(
            url=url,
            tenant=headers[TENANT_HEADER],
            headers=tuple(Header(name, headers[name]) for name in sorted(headers) if name != TENANT_HEADER),
            authentication=authentication,
            proxy=proxy,
            authority=File(authority) if authority else None,
        )

    @property
    def files(self) -> frozenset[str]:
        """The paths of all mounted files that a push needs."""
        who, headers = self.authentication, (header.value for header in self.headers)
        username = (who.username,) if isinstance(who, Basic) else ()
        values = (who.token, *username, self.tenant, *headers, self.authority)
        return frozenset(value.path for value in values if isinstance(value, File))


@dataclasses.dataclass(frozen=True)
class MountedFiles:
    """The contents of mounted files, by path."""

    contents: Mapping[str, str] = dataclasses.field(repr=False)

    def text(self, value: Value) -> str:
        """Return the text that a collector sends for a value; that of a file is trimmed."""
        return self.contents[value.path].strip() if isinstance(value, File) else value.text
