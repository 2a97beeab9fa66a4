"""What passes through a simulator: a request, an answer, a refusal, and who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

import httpx
from pydantic_core import to_json

from contactkit.errors import ApiError, FieldProblem
from contactkit.spec import JSON

Row: TypeAlias = dict[str, JSON]


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who a credential belongs to: `scopes` None is all of them, `owner` owns what it creates."""

    credentials: Mapping[str, str] = field(repr=False)
    scopes: frozenset[str] | None = None
    owner: str = ""
    expires: float | None = None


@dataclass
class Request:
    """A request as it came, and what the gate found out about it.

    `owner` is whose contacts it creates; `sees` whose contacts it may touch, None for everybody's.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes
    key: str = ""
    scopes: frozenset[str] | None = None
    owner: str = ""
    sees: frozenset[str] | None = None
    body: JSON = None

    @classmethod
    def parse(cls, sent: httpx.Request) -> Request:
        """Read one off the transport; the path stays percent-encoded."""
        path, _, query = sent.url.raw_path.decode().partition("?")
        return cls(
            method=sent.method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in sent.headers.items()},
            content=sent.read(),
        )


@dataclass(frozen=True)
class Answer:
    """A response before a transport carries it; a body of None is an empty one."""

    status: int
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else to_json(self.body)

    def response(self) -> httpx.Response:
        """The same for httpx."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return httpx.Response(self.status, headers={**kind, **self.headers}, content=self.content)


class Refusal(Exception):
    """A request answered with an error; the code defaults to the commonest of its class."""

    def __init__(
        self,
        kind: type[ApiError],
        message: str,
        *,
        code: str = "",
        fields: Sequence[FieldProblem] = (),
        existing_key: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.fields = tuple(fields)
        self.existing_key = existing_key
