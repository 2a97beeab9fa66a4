"""The messages of a simulator: a request, its response, a refusal, and the caller's account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import httpx
from pydantic_core import to_json

from contactkit.errors import ApiError, FieldProblem
from contactkit.spec import JSON, Endpoint

Row: TypeAlias = dict[str, JSON]


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a credential gives access to.

    With `scopes` None it has all scopes; `owner` owns the contacts that the account creates.
    """

    credentials: Mapping[str, str] = field(repr=False)
    scopes: frozenset[str] | None = None
    owner: str = ""
    expires: float | None = None


@dataclass
class Request:
    """A request as it was sent, with what routing and login add to it.

    Routing sets `endpoint`, `key` and `flags`. `owner` owns the contacts that it creates;
    `visible_owners` are those whose contacts it may read and change, None for all.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes
    endpoint: Endpoint = field(init=False, repr=False)
    key: str = ""
    flags: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    scopes: frozenset[str] | None = None
    owner: str = ""
    visible_owners: frozenset[str] | None = None
    body: JSON = None

    @classmethod
    def from_httpx(cls, request: httpx.Request) -> Request:
        """Convert a request of httpx."""
        return cls.parse(request.method, request.url.raw_path, request.headers, request.read())

    @classmethod
    def parse(cls, method: str, target: bytes, headers: httpx.Headers, content: bytes) -> Request:
        """Parse the parts of an HTTP request; the path of its target stays percent-encoded."""
        path, _, query = target.decode().partition("?")
        return cls(
            method=method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in headers.items()},
            content=content,
        )


@dataclass(frozen=True)
class Response:
    """A response before a transport delivers it; a body of None is empty.

    `raw`, a content type and bytes, replaces the JSON body. `delivery` says how much of the
    response arrives.
    """

    status: int
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delivery: Literal["whole", "slow", "truncated", "dropped"] = "whole"
    raw: tuple[str, bytes] | None = None

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        if self.raw:
            return self.raw[1]
        return b"" if self.body is None else to_json(self.body)

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers with the body's content type."""
        content_type = "" if self.body is None else "application/json"
        content_type = self.raw[0] if self.raw else content_type
        return {**({"Content-Type": content_type} if content_type else {}), **self.headers}

    def to_httpx(self) -> httpx.Response:
        """The same response for httpx."""
        return httpx.Response(self.status, headers=self.all_headers, content=self.content)


class Refusal(Exception):
    """Raised to respond with an error.

    The code defaults to the usual one of the error's class, the status to that of the code.
    """

    def __init__(
        self,
        error: type[ApiError],
        message: str,
        *,
        code: str = "",
        fields: Sequence[FieldProblem] = (),
        existing_key: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.code = code
        self.fields = tuple(fields)
        self.existing_key = existing_key
        self.status = status
