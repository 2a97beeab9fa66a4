"""Credentials, and the two ways in which a request carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A value that `connect` takes, from its argument `name` or the environment variable `env`.

    `check` returns a value as it is sent, or raises ValueError.
    """

    name: str
    env: str
    header: str = ""
    prefix: str = ""
    secret: bool = True
    required: bool = True
    check: Callable[[str], str] | None = None


@dataclass(frozen=True, kw_only=True)
class HeaderAuth:
    """Each credential is sent in its own header."""

    credentials: tuple[Credential, ...]

    @property
    def parameters(self) -> tuple[Credential, ...]:
        """The arguments that `connect` takes for this."""
        return self.credentials


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """OAuth 2 client credentials, exchanged at `token_url` for a bearer token (RFC 6749, 4.4).

    Unless the caller names scopes, the token is requested with `all_scopes` or without scopes.
    """

    token_url: str
    credentials: tuple[Credential, Credential]
    scope: Credential
    all_scopes: bool = True

    @property
    def parameters(self) -> tuple[Credential, ...]:
        """The arguments that `connect` takes for this."""
        return (*self.credentials, self.scope)


Auth: TypeAlias = HeaderAuth | ClientCredentials
