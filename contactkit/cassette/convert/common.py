"""What the cassettes of other tools have in common: times, bodies, and errors."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from contactkit._frames.paths import reason_of
from contactkit.cassette.exchange import Exchange, InvalidExchange, Pairs, header
from contactkit.cassette.format import INVALID
from contactkit.cassette.reader import MOST_UNPACKED, check_place
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON, as_object

_ENCODING = "content-encoding"
# What zlib calls the formats: gzip's own, and for deflate with a zlib header or without.
_WINDOWS = {"gzip": (31,), "deflate": (15, -15)}


@dataclass(frozen=True)
class Malformed:
    """An exchange that cannot be read; it matters only if it is with the provider."""

    url: str = field(repr=False)
    error: CassetteError


Found: TypeAlias = Exchange | Malformed


def exchanges_of(found: Iterable[Found]) -> list[Exchange]:
    """What was found, if all of it can be read; otherwise the error of the first that cannot."""
    exchanges: list[Exchange] = []
    for each in found:
        if isinstance(each, Malformed):
            raise each.error
        exchanges.append(each)
    return exchanges


def host_of(url: str) -> str:
    """The host in a URL; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def url_of(request: JSON, name: str) -> str:
    """The URL of a request in any state, "" if it has none."""
    url = as_object(as_object(request).get("request")).get(name)
    return url if isinstance(url, str) else ""


def malformed(path: Path, number: int, error: Exception) -> CassetteError:
    """The error for an invalid exchange; it does not quote the exchange."""
    why = f"it has no {error}" if isinstance(error, KeyError) else "it is malformed"
    why = str(error) if isinstance(error, InvalidExchange) else why
    return CassetteError(f"{path}, exchange {number}: {why}")


def read_text(path: Path) -> str:
    """The whole file."""
    check_place(path)
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise CassetteError(f"{path}: is not text in UTF-8") from None
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {reason_of(error)}") from None


def parse_json(path: Path, text: str) -> JSON:
    """The parsed file; CassetteError names the line that is not JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CassetteError(f"{path}, line {error.lineno}: is not JSON") from None
    except INVALID:
        raise CassetteError(f"{path}: is JSON with a number or a depth that is too large") from None


def decode(headers: Pairs, body: bytes) -> tuple[Pairs, bytes]:
    """Headers and body without gzip or deflate, which a tool may already have decoded."""
    encoding = header(headers, _ENCODING).strip().lower().removeprefix("x-")
    if encoding not in _WINDOWS:
        return headers, body
    plain = _unpacked(encoding, body)
    if plain is None:
        if body.startswith(b"\x1f\x8b"):
            return headers, body
        plain = body
    return tuple(pair for pair in headers if pair[0].lower() != _ENCODING), plain


def _unpacked(encoding: str, body: bytes) -> bytes | None:
    """The body without gzip or deflate, None if it has neither; InvalidExchange if it is a bomb."""
    for bits in _WINDOWS[encoding]:
        try:
            plain = zlib.decompressobj(bits).decompress(body, MOST_UNPACKED + 1)
        except zlib.error:
            continue
        if len(plain) > MOST_UNPACKED:
            raise InvalidExchange(f"its content expands to more than {MOST_UNPACKED:,} bytes")
        return plain
    return None


def timestamp(time: JSON) -> float:
    """A time in ISO 8601 or as HTTP writes it, in seconds since the epoch; UTC by default."""
    moment = time if isinstance(time, datetime) else _parse_time(str(time))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _parse_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
