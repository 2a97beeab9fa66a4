"""What passes through a simulator: a request, an answer, a refusal, and who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import httpx
from pydantic_core import to_json

from contactkit.errors import ApiError, FieldProblem
from contactkit.spec.provider import JSON

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
        """Read one off httpx's transport."""
        return cls.read(sent.method, sent.url.raw_path, sent.headers, sent.read())

    @classmethod
    def read(cls, method: str, target: bytes, headers: httpx.Headers, content: bytes) -> Request:
        """Read one as it is on the wire; the path of its target stays percent-encoded."""
        path, _, query = target.decode().partition("?")
        return cls(
            method=method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in headers.items()},
            content=content,
        )


@dataclass(frozen=True)
class Answer:
    """A response before a transport carries it; a body of None is an empty one.

    `raw`, a content type and bytes, is sent in the place of the JSON body. `carried` is how much
    of it all arrives.
    """

    status: int
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    carried: Literal["whole", "slow", "cut", "dropped"] = "whole"
    raw: tuple[str, bytes] | None = None

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        if self.raw:
            return self.raw[1]
        return b"" if self.body is None else to_json(self.body)

    @property
    def lines(self) -> dict[str, str]:
        """The headers as they are sent, the body's own among them."""
        kind = "" if self.body is None else "application/json"
        kind = self.raw[0] if self.raw else kind
        return {**({"Content-Type": kind} if kind else {}), **self.headers}

    def response(self) -> httpx.Response:
        """The same for httpx."""
        return httpx.Response(self.status, headers=self.lines, content=self.content)


class Refusal(Exception):
    """A request answered with an error; the code defaults to the commonest of its class.

    The status is the code's own, unless one is given.
    """

    def __init__(
        self,
        kind: type[ApiError],
        message: str,
        *,
        code: str = "",
        fields: Sequence[FieldProblem] = (),
        existing_key: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.fields = tuple(fields)
        self.existing_key = existing_key
        self.status = status
