"""One recorded exchange as a value: what was asked, and what came of it.

It knows HTTP's own words and nothing else: no file, no provider, no HTTP library.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

from contactkit.spec.provider import JSON

Pairs: TypeAlias = tuple[tuple[str, str], ...]
_FORM = "application/x-www-form-urlencoded"


def path_of(url: str) -> str:
    """The path of a whole URL without its query, spelt one way however it was quoted."""
    _, _, rest = url.partition("://")
    path = "/" + rest.partition("/")[2]
    if "%" not in path:
        return path
    return "/".join(unquote(part).replace("/", "%2F") for part in path.split("/"))


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One request: its `url` without the query, and the `query` as sorted pairs.

    `marks` are the headers, by lower-case name, that change what it asks for, as a dry run's. Its
    repr shows neither people nor credentials.
    """

    method: str
    url: str = field(repr=False)
    query: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    marks: Pairs = ()

    @classmethod
    def of(
        cls, method: str, url: str, body: bytes = b"", content_type: str = "", marks: Pairs = ()
    ) -> RecordedRequest:
        """The request to a whole URL, its query and all."""
        address, _, query = url.partition("#")[0].partition("?")
        pairs = tuple(sorted(parse_qsl(query, keep_blank_values=True))) if query else ()
        return cls(
            method=method.upper(),
            url=address,
            query=pairs,
            body=body,
            content_type=content_type,
            marks=marks,
        )

    @property
    def value(self) -> JSON:
        """What the body says: parsed JSON, a form's sorted pairs, or text; None when it is empty.

        Two bodies that say the same have the same value, however they are written.
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
    """What came of a request, or the name of the `failure` that came in the answer's place.

    `content` is as it came, still compressed, and `chunks` are the sizes that it came in. `at`
    is when the request was issued, in seconds since the epoch; `epoch` counts the writes before
    it that a read of the same must see. Its repr shows no value.
    """

    status: int | None = None
    headers: Pairs = field(default=(), repr=False)
    content: bytes = field(default=b"", repr=False)
    chunks: tuple[int, ...] = ()
    failure: str = ""
    sent: bool = True
    at: float
    elapsed: float = 0.0
    epoch: int = 0

    @property
    def encoding(self) -> str:
        """How the content is compressed, "" when it is not."""
        return next((text for name, text in self.headers if name.lower() == "content-encoding"), "")


@dataclass(frozen=True, kw_only=True)
class Exchange(RecordedResponse):
    """A request as it is recorded, and what came of it."""

    asked: RecordedRequest
