"""One recorded exchange as a value: a request, and the response or the failure that followed.

The same classes hold an exchange as it was sent and received, and its redacted form. They know
HTTP's terms and httpx's requests and headers: no file and no provider.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

import httpx

from contactkit.spec.provider import JSON

Pairs: TypeAlias = tuple[tuple[str, str], ...]
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
