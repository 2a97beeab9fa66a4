"""An exchange as it was on the wire, and what of it a recording keeps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from contactkit.cassette.body import compressed, decompressed
from contactkit.cassette.exchange import Exchange, Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.matching import marks
from contactkit.cassette.redaction.redactor import Redactor, Request, Response
from contactkit.cassette.redaction.text import inflated
from contactkit.errors import CassetteError
from contactkit.spec.provider import Provider


@dataclass(frozen=True, kw_only=True)
class RawExchange(RecordedResponse):
    """A request as it was sent and what came of it, secrets and people and all."""

    request: Request


def redacted(heard: RawExchange, provider: Provider, redaction: Redactor) -> Exchange:
    """What is recorded of it."""
    if heard.status is None:
        request, headers, content = redaction.request(heard.request), (), b""
    else:
        request, headers, content = _both(heard, heard.status, redaction)
    return Exchange(
        asked=asked(request, provider),
        status=heard.status,
        headers=headers,
        content=content,
        chunks=_cut(heard.chunks, len(content)),
        failure=heard.failure,
        sent=heard.sent,
        at=heard.at,
        elapsed=heard.elapsed,
        epoch=heard.epoch,
    )


def asked(request: Request, provider: Provider) -> RecordedRequest:
    """What a request is found by."""
    return RecordedRequest(
        method=request.method.upper(),
        url=request.url,
        query=tuple(sorted(request.query)),
        body=request.body,
        content_type=request.content_type,
        marks=marks(provider, dict(request.headers)),
    )


def _both(heard: RawExchange, status: int, redaction: Redactor) -> tuple[Request, Pairs, bytes]:
    encoding = header(heard.headers, "content-encoding")
    plain = decompressed(heard.content, encoding) if encoding else None
    if plain is None and not _is_readable(heard.content, encoding):
        raise CassetteError(f"nothing can look into an answer compressed as {encoding}")
    body = heard.content if plain is None else plain
    came = Response(
        status=status,
        headers=heard.headers,
        body=body,
        content_type=header(heard.headers, "content-type"),
    )
    request, kept = redaction.exchange(heard.request, came)
    if kept.body == body:
        return request, kept.headers, heard.content
    content = kept.body if plain is None else compressed(kept.body, encoding)
    return request, _measured(kept.headers, len(content)), content


def _is_readable(content: bytes, encoding: str) -> bool:
    """Whether redaction can look into a content, as it cannot where the compression is unknown."""
    if not content or encoding.lower() in ("", "identity") or inflated(content):
        return True
    try:
        return bool(content.decode())
    except UnicodeDecodeError:
        return False


def header(headers: Pairs, name: str) -> str:
    """The first header of that lower-case name, "" when there is none."""
    return next((text for each, text in headers if each.lower() == name), "")


def _measured(headers: Pairs, length: int) -> Pairs:
    return tuple(
        (name, str(length) if name.lower() == "content-length" else text) for name, text in headers
    )


def _cut(chunks: tuple[int, ...], length: int) -> tuple[int, ...]:
    """As many chunks for a content whose length redaction may have changed; () for one."""
    if len(chunks) < 2 or sum(chunks) == length:
        return chunks if len(chunks) > 1 else ()
    ends = [length * number // len(chunks) for number in range(len(chunks) + 1)]
    return tuple(after - before for before, after in pairwise(ends))
