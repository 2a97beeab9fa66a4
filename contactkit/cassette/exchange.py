"""One recorded exchange as a value: a request, and the response or the failure that followed.

The same classes hold an exchange as it was sent and received, and its redacted form. They know
HTTP's terms and httpx's requests and headers: no file and no provider.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard
from urllib.parse import parse_qsl, unquote

import httpx

from contactkit.spec.provider import JSON

Pairs: TypeAlias = tuple[tuple[str, str], ...]
# The year 10000, which datetime cannot represent.
_END_OF_TIME = 253_402_300_800
_FORM = "application/x-www-form-urlencoded"


def path_of(url: str) -> str:
    """The path of a URL without its query, quoted in one way."""
    _, _, rest = url.partition("://")
    path = "/" + rest.partition("/")[2]
    if "%" not in path:
        return path
    return "/".join(unquote(part).replace("/", "%2F") for part in path.split("/"))


def header(headers: Pairs, name: str) -> str:
    """The first header with this lower-case name; "" if there is none."""
    return next((value for other, value in headers if other.lower() == name), "")


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One request: its `url` without the query, and the `query` as sorted pairs.

    In a cassette, `headers` are only those that change its meaning, such as that of a dry run. The
    `body` is not compressed. The repr shows no personal values and no credentials.
    """

    method: str
    url: str = field(repr=False)
    query: Pairs = field(default=(), repr=False)
    headers: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""

    @classmethod
    def of(
        cls, method: str, url: str, body: bytes = b"", content_type: str = "", headers: Pairs = ()
    ) -> RecordedRequest:
        """The request to a URL with its query."""
        address, _, query = url.partition("#")[0].partition("?")
        pairs = tuple(sorted(parse_qsl(query, keep_blank_values=True))) if query else ()
        return cls(
            method=method.upper(),
            url=address,
            query=pairs,
            headers=headers,
            body=body,
            content_type=content_type,
        )

    @property
    def value(self) -> JSON:
        """The body as parsed JSON, a form's sorted pairs, or text; None when it is empty.

        Bodies that mean the same have the same value, however they are written.
        """
        if not self.body:
            return None
        text = self.body.decode("utf-8", "surrogateescape")
        if self.content_type.lower().startswith(_FORM):
            return sorted(parse_qsl(text, keep_blank_values=True))
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text


@dataclass(frozen=True, kw_only=True)
class RecordedResponse:
    """A response, or the name of the `failure` in its place.

    The `body` is not compressed. After a failure, `sent` says whether the request may have arrived.
    The repr shows no values.
    """

    status: int | None = None
    headers: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    failure: str = ""
    sent: bool = True

    @property
    def content_type(self) -> str:
        """The type of its body, "" when it has none."""
        return header(self.headers, "content-type")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its response.

    `at` is when the request was issued, in seconds since the epoch; `epoch` counts the earlier
    writes that affect it.
    """

    request: RecordedRequest
    response: RecordedResponse
    at: float
    elapsed: float = 0.0
    epoch: int = 0


def request_of(request: httpx.Request) -> RecordedRequest:
    """An httpx request with all its headers, unredacted."""
    body = request.read()
    content_type = request.headers.get("content-type", "") if body else ""
    headers = text_pairs(request.headers)
    return RecordedRequest.of(request.method, str(request.url), body, content_type, headers)


def text_pairs(headers: httpx.Headers) -> Pairs:
    """Headers as text that keeps every byte."""
    return tuple(
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in headers.raw
    )


class InvalidExchange(ValueError):
    """A recorded value that no exchange can have; the message does not quote it."""


def check_request(request: RecordedRequest) -> RecordedRequest:
    """A request that was read from a file; InvalidExchange if it has a value of the wrong type."""
    _check(_is_text(request.method) and request.method != "", "the request's method", "text")
    _check(_is_text(request.url) and request.url != "", "the request's URL", "text in UTF-8")
    _check(_is_text(request.content_type), "the request's type", "text in UTF-8")
    for name, value in request.query:
        _check(_is_text(name) and _is_text(value), "the request's query", "text in UTF-8")
    _check_headers("request", request.headers)
    return request


def check_exchange(exchange: Exchange) -> Exchange:
    """An exchange that was read from a file; InvalidExchange as for `check_request`."""
    check_request(exchange.request)
    response = exchange.response
    status: object = response.status
    is_status = type(status) is int and 0 <= status <= 999
    _check(status is None or is_status, "its status", "a number up to 999")
    _check(_is_text(response.failure), "its failure", "text in UTF-8")
    _check(type(response.sent) is bool, "its arrived", "true or false")
    _check_headers("response", response.headers)
    _check(is_time(exchange.at), "its time", "between 1970 and the year 10000")
    _check(is_time(exchange.at + exchange.elapsed), "its elapsed", "a number of seconds")
    return exchange


def is_time(seconds: float) -> bool:
    """Whether datetime can represent this time, in seconds since the epoch."""
    return math.isfinite(seconds) and 0 <= seconds < _END_OF_TIME


def _check_headers(message: str, headers: Pairs) -> None:
    for name, value in headers:
        # Bytes that are not UTF-8 are kept as surrogates.
        is_header = _is_text(name) and _is_text(value, "surrogateescape")
        _check(is_header, f"a header of the {message}", "text in UTF-8")


def _check(right: bool, what: str, allowed: str) -> None:
    if not right:
        raise InvalidExchange(f"{what} is not {allowed}")


def _is_text(value: object, errors: str = "strict") -> TypeGuard[str]:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8", errors)
    except UnicodeEncodeError:
        return False
    return True
