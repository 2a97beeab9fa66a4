"""Reads and writes HTTP archives (HAR 1.2), as browsers, Playwright and mitmproxy do.

http://www.softwareishard.com/blog/har-12-spec/. Contents are decoded, whatever the headers say, and
there are no epochs. Fields with a leading underscore are not part of the format: `_error` is a
browser's name of a failure, `_sent` says whether the request may have arrived.
"""

from __future__ import annotations

import codecs
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlencode

from contactkit.cassette.convert.common import (
    Found,
    Malformed,
    decode,
    malformed,
    parse_json,
    read_text,
    timestamp,
    url_of,
)
from contactkit.cassette.exchange import (
    Exchange,
    Pairs,
    RecordedRequest,
    RecordedResponse,
    check_exchange,
    header,
)
from contactkit.cassette.format import INVALID, Entry
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import JSON, as_list, as_object

_COMMENT = "Contents are decoded. Only request headers that change the request are kept."
_HTTP = "HTTP/1.1"
# Parts of browsers' names of failures before the request was sent.
_UNSENT = ("REFUSED", "RESOLVED", "UNKNOWN_HOST", "UNREACHABLE", "DISCONNECTED", "BLOCKED")


def to_har(entries: Iterable[Entry]) -> dict[str, JSON]:
    """The archive of these exchanges, to be written as JSON."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "contactkit", "version": version("contactkit")},
            "entries": [_entry(entry.exchange) for entry in entries],
            "comment": _COMMENT,
        }
    }


def _entry(exchange: Exchange) -> dict[str, JSON]:
    started = datetime.fromtimestamp(exchange.at, UTC)
    elapsed = round(exchange.elapsed * 1000, 3)
    return {
        "startedDateTime": started.isoformat(timespec="microseconds"),
        "time": elapsed,
        "request": _request(exchange.request),
        "response": _response(exchange.response),
        "cache": {},
        "timings": {"send": 0, "wait": elapsed, "receive": 0},
    }


def _request(request: RecordedRequest) -> dict[str, JSON]:
    kind, body = request.content_type, request.body
    # The format has no field for base64 in a request.
    posted = {"mimeType": kind, **_text(body, kind, "_encoding")}
    return {
        "method": request.method,
        "url": request.url + (f"?{urlencode(request.query)}" if request.query else ""),
        "httpVersion": _HTTP,
        "cookies": [],
        "headers": _named((*request.headers, *((("content-type", kind),) if kind else ()))),
        "queryString": _named(request.query),
        **({"postData": posted} if body else {}),
        "headersSize": -1,
        "bodySize": len(body),
    }


def _response(response: RecordedResponse) -> dict[str, JSON]:
    status, kind, body = response.status or 0, response.content_type, response.body
    failed = {"_error": response.failure, "_sent": response.sent}
    return {
        "status": status,
        "statusText": HTTPStatus(status).phrase if status in set(HTTPStatus) else "",
        "httpVersion": _HTTP,
        "cookies": [],
        "headers": _named(response.headers),
        "content": {"size": len(body), "mimeType": kind, **_text(body, kind, "encoding")},
        "redirectURL": header(response.headers, "location"),
        "headersSize": -1,
        "bodySize": len(body),
        **(failed if response.status is None else {}),
    }


def _named(pairs: Pairs) -> list[JSON]:
    return [{"name": name, "value": value} for name, value in pairs]


def _text(body: bytes, content_type: str, encoding: str) -> dict[str, JSON]:
    """A body as text in the charset of its type, if that gives the same bytes again."""
    charset = _charset(content_type)
    try:
        text = body.decode(charset)
        if text.encode(charset) == body:
            return {"text": text}
    except ValueError:
        pass
    return {"text": b64encode(body).decode(), encoding: "base64"}


def _charset(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type
    charset = message.get_content_charset("utf-8")
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return "utf-8"


def read_har(path: Path) -> list[Found]:
    """The exchanges of an archive, unredacted, in the order of their times; then the malformed."""
    exchanges: list[Exchange] = []
    others: list[Malformed] = []
    missing = 0
    for number, entry in enumerate(_entries(path), 1):
        try:
            exchanges.append(check_exchange(_exchange(entry)))
            missing += _lacks_content(entry)
        except INVALID as error:
            others.append(Malformed(url_of(entry, "url"), malformed(path, number, error)))
    if missing:
        warn(f"{path}: responses without their content are read as empty: {missing}")
    return [*sorted(exchanges, key=attrgetter("at")), *others]


def _entries(path: Path) -> list[JSON]:
    document = parse_json(path, read_text(path))
    try:
        return [*document["log"]["entries"]]
    except INVALID:
        raise CassetteError(f"{path}: is not an HTTP archive: it has no log.entries") from None


def _exchange(entry: JSON) -> Exchange:
    response = as_object(entry.get("response"))
    # Playwright writes the status -1 if there was no response.
    is_response = (response.get("status") or 0) > 0
    return Exchange(
        request=_read_request(entry["request"]),
        response=_read_response(response) if is_response else _read_failure(response),
        at=timestamp(entry["startedDateTime"]),
        elapsed=round(max(entry.get("time") or 0, 0) / 1000, 6),
    )


def _read_request(request: JSON) -> RecordedRequest:
    posted = as_object(request.get("postData"))
    body = _bytes(posted, posted.get("_encoding"))
    if not body and posted.get("params"):
        body = urlencode(_named_values(posted["params"])).encode()
    headers, body = decode(_pairs(request), body)
    content_type = header(headers, "content-type")
    return RecordedRequest.of(request["method"], request["url"], body, content_type, headers)


def _read_response(response: dict[str, JSON]) -> RecordedResponse:
    content = as_object(response.get("content"))
    headers, body = decode(_pairs(response), _bytes(content, content.get("encoding")))
    return RecordedResponse(status=response["status"], headers=headers, body=body)


def _bytes(content: dict[str, JSON], encoding: JSON) -> bytes:
    text: str = content.get("text") or ""
    if encoding == "base64":
        # Some tools write it of text, too.
        with suppress(ValueError):
            return b64decode(re.sub(r"\s", "", text), validate=True)
    try:
        return text.encode(_charset(content.get("mimeType") or ""))
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _pairs(message: JSON) -> Pairs:
    """Its headers, without those that replace the first line in HTTP/2."""
    headers = _named_values(as_list(message.get("headers")))
    return tuple((name, value) for name, value in headers if not name.startswith(":"))


def _named_values(members: list[JSON]) -> list[tuple[str, str]]:
    """Names with values as text, "" where there is none; those without a name are left out."""
    present = [member for member in members if member is not None]
    pairs = [(member.get("name"), member.get("value")) for member in present]
    return [(_scalar(name), _scalar(value)) for name, value in pairs if name is not None]


def _scalar(value: JSON) -> str:
    if isinstance(value, list | dict):
        raise TypeError("value")
    return "" if value is None else str(value)


def _read_failure(response: dict[str, JSON]) -> RecordedResponse:
    """A failure by httpx's name for it, and whether the request may have arrived."""
    error = str(response.get("_error") or response.get("_failureText") or "")
    if "_sent" in response:
        return RecordedResponse(failure=error, sent=bool(response["_sent"]))
    if "CONNECTION_TIMED_OUT" in error:
        return RecordedResponse(failure="ConnectTimeout", sent=False)
    if any(word in error for word in _UNSENT):
        return RecordedResponse(failure="ConnectError", sent=False)
    return RecordedResponse(failure="ReadTimeout" if "TIMED_OUT" in error else "ReadError")


def _lacks_content(entry: JSON) -> bool:
    content = as_object(as_object(entry.get("response")).get("content"))
    return content.get("text") is None and (content.get("size") or 0) > 0
