"""HTTP archives (HAR 1.2), as browsers, Playwright and mitmproxy write and read them.

http://www.softwareishard.com/blog/har-12-spec/. Their contents are decoded, whatever the headers
say; they know nothing of chunks, nor of epochs. What begins with an underscore is no part of the
format: `_error` is what browsers call a failure, `_sent` says whether the request may have arrived.
"""

from __future__ import annotations

import codecs
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from urllib.parse import urlencode

from contactkit.cassette.convert.common import (
    WRONG,
    decoded,
    malformed,
    request_of,
    seconds,
    text_of,
)
from contactkit.cassette.exchange import Exchange, Pairs, RecordedRequest, RecordedResponse, header
from contactkit.cassette.format import Entry
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import JSON, as_list, as_object

_COMMENT = "Contents are decoded. Of request headers, only those that change the request are kept."
_HTTP = "HTTP/1.1"
# What browsers' names say of failures before the request was sent.
_UNSENT = ("REFUSED", "RESOLVED", "UNKNOWN_HOST", "UNREACHABLE", "DISCONNECTED", "BLOCKED")


def har(entries: Iterable[Entry]) -> dict[str, JSON]:
    """The archive of these exchanges, to be written as JSON."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "contactkit", "version": version("contactkit")},
            "entries": [_entry(each.exchange) for each in entries],
            "comment": _COMMENT,
        }
    }


def _entry(exchange: Exchange) -> dict[str, JSON]:
    took = round(exchange.elapsed * 1000, 3)
    return {
        "startedDateTime": datetime.fromtimestamp(exchange.at, UTC).isoformat(
            timespec="microseconds"
        ),
        "time": took,
        "request": _request(exchange.request),
        "response": _response(exchange.response),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
    }


def _request(asked: RecordedRequest) -> dict[str, JSON]:
    typed = (("content-type", asked.content_type),) if asked.content_type else ()
    # In a request the format has no word for base64.
    posted = {"mimeType": asked.content_type, **_text(asked.body, asked.content_type, "_encoding")}
    return {
        "method": asked.method,
        "url": asked.url + (f"?{urlencode(asked.query)}" if asked.query else ""),
        "httpVersion": _HTTP,
        "cookies": [],
        "headers": _named((*asked.headers, *typed)),
        "queryString": _named(asked.query),
        **({"postData": posted} if asked.body else {}),
        "headersSize": -1,
        "bodySize": len(asked.body),
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


def _text(content: bytes, content_type: str, encoding: str) -> dict[str, JSON]:
    """A body as the text that its type says it is, where that gives the same bytes again."""
    charset = _charset(content_type)
    try:
        text = content.decode(charset)
        if text.encode(charset) == content:
            return {"text": text}
    except ValueError:
        pass
    return {"text": b64encode(content).decode(), encoding: "base64"}


def _charset(content_type: str) -> str:
    about = Message()
    about["content-type"] = content_type
    named = about.get_content_charset("utf-8")
    try:
        return codecs.lookup(named).name
    except LookupError:
        return "utf-8"


def read_har(path: Path) -> list[Exchange]:
    """What an archive holds, by the time it was asked."""
    found: list[Exchange] = []
    entries = _entries(path)
    for number, each in enumerate(entries, 1):
        try:
            found.append(_heard(each))
        except WRONG as error:
            raise malformed(path, number, error) from None
    if lost := sum(map(_is_lost, entries)):
        warn(f"{path}: answers whose content it does not hold are read as empty: {lost}")
    return sorted(found, key=attrgetter("at"))


def _entries(path: Path) -> list[JSON]:
    try:
        log = json.loads(text_of(path))["log"]
        return [*log["entries"]]
    except json.JSONDecodeError as error:
        raise CassetteError(f"{path}, line {error.lineno}: is no JSON") from None
    except WRONG:
        raise CassetteError(f"{path}: is no HTTP archive: it has no log.entries") from None


def _heard(entry: JSON) -> Exchange:
    at, elapsed = seconds(entry["startedDateTime"]), round(max(entry.get("time") or 0, 0) / 1000, 6)
    response = as_object(entry.get("response"))
    asked = _asked(entry["request"])
    # Playwright says -1 for an answer that never came.
    if (response.get("status") or 0) <= 0:
        answer = _failure(response)
    else:
        headers, body = decoded(_pairs(response), _content(as_object(response.get("content"))))
        answer = RecordedResponse(status=response["status"], headers=headers, body=body)
    return Exchange(request=asked, response=answer, at=at, elapsed=elapsed)


def _asked(request: JSON) -> RecordedRequest:
    posted = as_object(request.get("postData"))
    body = _bytes(posted, posted.get("mimeType"), posted.get("_encoding"))
    if not body and posted.get("params"):
        body = urlencode([(each["name"], each.get("value", "")) for each in posted["params"]])
        body = body.encode()
    return request_of(request["method"], request["url"], _pairs(request), body)


def _content(content: dict[str, JSON]) -> bytes:
    return _bytes(content, content.get("mimeType"), content.get("encoding"))


def _bytes(told: dict[str, JSON], content_type: JSON, encoding: JSON) -> bytes:
    text: str = told.get("text") or ""
    if encoding == "base64":
        return b64decode(text, validate=True)
    try:
        return text.encode(_charset(content_type or ""))
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _pairs(message: JSON) -> Pairs:
    """Its headers, without those that HTTP/2 has in the place of a first line."""
    headers = as_list(message.get("headers"))
    return tuple((h["name"], h["value"]) for h in headers if not h["name"].startswith(":"))


def _failure(response: dict[str, JSON]) -> RecordedResponse:
    """A failure by the name that httpx has for it, and whether the request may have arrived."""
    told = str(response.get("_error") or response.get("_failureText") or "")
    if "_sent" in response:
        return RecordedResponse(failure=told, sent=bool(response["_sent"]))
    if "CONNECTION_TIMED_OUT" in told:
        return RecordedResponse(failure="ConnectTimeout", sent=False)
    if any(word in told for word in _UNSENT):
        return RecordedResponse(failure="ConnectError", sent=False)
    return RecordedResponse(failure="ReadTimeout" if "TIMED_OUT" in told else "ReadError")


def _is_lost(entry: JSON) -> bool:
    content = as_object(as_object(entry.get("response")).get("content"))
    return content.get("text") is None and (content.get("size") or 0) > 0
