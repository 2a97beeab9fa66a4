"""What the recordings of other tools have in common: their times, their bodies, their mistakes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from contactkit.cassette.exchange import Pairs, RecordedRequest, header
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON

WRONG = (ValueError, LookupError, TypeError, AttributeError)
_ENCODING = "content-encoding"


def malformed(path: Path, number: int, error: Exception) -> CassetteError:
    """The error for an exchange that lacks something; it quotes nothing of it."""
    why = f"it has no {error}" if isinstance(error, KeyError) else "it is not as it should be"
    return CassetteError(f"{path}, exchange {number}: {why}")


def text_of(path: Path) -> str:
    """The whole file."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise CassetteError(f"{path}: there is no such recording") from None
    except (OSError, ValueError) as error:
        raise CassetteError(f"{path}: cannot be read: {type(error).__name__}") from None


def request_of(method: str, url: str, headers: Pairs, body: bytes) -> RecordedRequest:
    """A request to a whole URL, its body without compression."""
    headers, body = decoded(headers, body)
    return RecordedRequest.of(method, url, body, header(headers, "content-type"), headers)


def decoded(headers: Pairs, body: bytes) -> tuple[Pairs, bytes]:
    """Headers and body without gzip or deflate, which tools have undone or not."""
    encoding = header(headers, _ENCODING).strip().lower().removeprefix("x-")
    if encoding not in ("gzip", "deflate"):
        return headers, body
    try:
        # httpx decodes what it is made of.
        plain = httpx.Response(200, headers={_ENCODING: encoding}, content=body).content
    except httpx.DecodingError:
        if body.startswith(b"\x1f\x8b"):
            return headers, body
        plain = body
    return tuple(pair for pair in headers if pair[0].lower() != _ENCODING), plain


def seconds(told: JSON) -> float:
    """A time, in ISO 8601 or as HTTP writes it, in seconds since the epoch; UTC if it says none."""
    if not isinstance(told, datetime):
        told = _time(str(told))
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
