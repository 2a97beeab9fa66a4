"""Credentials, and the ways in which a request shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One value that `connect` takes, from its argument `name` or the environment's `env`."""

    name: str
    env: str
    header: str = ""
    prefix: str = ""
    secret: bool = True
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class HeaderAuth:
    """Each credential travels in its own header."""

    credentials: tuple[Credential, ...]


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    """OAuth 2 client credentials, exchanged at `token_url` for a bearer token (RFC 6749, 4.4).

    Unless the caller names scopes, the token `asks_all` of them, or for none in particular.
    """

    token_url: str
    credentials: tuple[Credential, Credential]
    scope: Credential
    asks_all: bool = True


Auth: TypeAlias = HeaderAuth | ClientCredentials
