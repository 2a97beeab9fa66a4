"""An exchange as lines of JSON and back; each line names the exchange it belongs to.

    {"id", "at", "epoch", "ask": {...}, "elapsed", "status", "headers", "content"}
    {"id", "at", "epoch", "ask": {...}, "elapsed", "failure", "arrived"}
    {"of", "item", "digest", "json"}    one item of a long list in the content of that exchange
    {"pseudonym", "owner"}              a pseudonym, and a hash of its owner under the secret key

Empty fields are left out. Items come before their exchange, so that an exchange in the file is
complete, and so do pseudonyms that appear for the first time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from contactkit.cassette.body import digest, dump_json, explode, pack, unpack
from contactkit.cassette.exchange import (
    Exchange,
    Pairs,
    RecordedRequest,
    RecordedResponse,
    check_exchange,
    check_request,
)
from contactkit.errors import CassetteError
from contactkit.spec.provider import JSON, as_object

# Response headers that are not stored: those that always differ and that no replay needs, those of
# the transfer, and cookies, which are credentials. Retry-After is needed, and so is X-Request-Id,
# which result frames and errors show.
VOLATILE = re.compile(
    r"date|age|expires|etag|last-modified|connection|keep-alive|server-timing|set-cookie"
    r"|via|alt-svc|nel|report-to|x-runtime|x-response-time|x-served-by|x-timer|x-cache(-hits)?"
    r"|cf-.*|x-amz.*|x-trace-id|x-correlation-id|request-id|traceparent|tracestate"
    r"|(x-)?rate-?limit(-.*)?|content-encoding|content-length|transfer-encoding",
    re.IGNORECASE,
)
_CONTENT, _JSON = b',"content":{"digest":"', b'","json":'
_DIGITS = 16
# Faster than json.loads, which makes four checks first.
_decode = json.JSONDecoder().decode
INVALID = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a line raises where a value in it is missing or of the wrong type."""


def broken(path: Path, number: int, why: object) -> CassetteError:
    """The error for an invalid line; it does not quote the line."""
    return CassetteError(f"{path}, line {number}: {why}")


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """One exchange as its lines in a file, parsed on demand.

    `bare` is the position after a request that has only a method and a URL; 0 if it has more.
    """

    path: Path
    number: int = 0
    id: str
    at: float
    epoch: int
    method: str
    url: str = field(repr=False)
    line: bytes = field(repr=False)
    bare: int = 0
    items: Mapping[int, bytes] = field(default_factory=dict[int, bytes], repr=False)
    owners: Sequence[bytes] = field(default=(), repr=False)

    @property
    def data(self) -> bytes:
        """Its lines, unchanged."""
        items = [self.items[index] for index in sorted(self.items)]
        return b"".join(line + b"\n" for line in (*self.owners, *items, self.line))

    @property
    def request(self) -> RecordedRequest:
        """The request."""
        if self.bare:
            return RecordedRequest(method=self.method, url=self.url)
        try:
            return check_request(_request(self._parts()[0]))
        except INVALID as error:
            raise self._broken(error) from None

    @property
    def exchange(self) -> Exchange:
        """The whole exchange; CassetteError if a digest shows that it was changed."""
        try:
            return check_exchange(self._exchange())
        except INVALID as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> CassetteError:
        if isinstance(error, KeyError):
            return broken(self.path, self.number, f"it has no {error}")
        # Other errors would not say which value is wrong.
        why = error if isinstance(error, ValueError) else "one of its values has the wrong type"
        return broken(self.path, self.number, why)

    def _exchange(self) -> Exchange:
        fields, content = self._parts()
        if content is None:
            items = [_item(self.items[index]) for index in sorted(self.items)]
            content = unpack(as_object(fields.get("content")), items)
        return Exchange(
            request=RecordedRequest(method=self.method, url=self.url)
            if self.bare
            else _request(fields),
            response=RecordedResponse(
                status=fields.get("status"),
                headers=_headers(fields),
                body=content,
                failure=fields.get("failure", ""),
                sent=fields.get("arrived", True),
            ),
            at=self.at,
            elapsed=fields.get("elapsed", 0.0),
            epoch=self.epoch,
        )

    def _parts(self) -> tuple[dict[str, JSON], bytes | None]:
        """Its fields, and its content if the line contains it unchanged.

        The digest proves that the extracted part is the content, so it need not be parsed.
        """
        line = self.line
        end = line.find(_CONTENT)
        start = end + len(_CONTENT) + _DIGITS
        if end >= 0 and line.startswith(_JSON, start):
            raw = line[start + len(_JSON) : -2]
            if digest(raw).encode() == line[start - _DIGITS : start]:
                head = line[self.bare : end].decode()
                with suppress(ValueError):
                    return _decode(f"{{{head}}}" if self.bare else head + "}"), raw
        return json.loads(line.decode()), None


def _pairs(pairs: JSON) -> Pairs:
    return tuple([(name, value) for name, value in pairs])


def _headers(fields: Mapping[str, JSON]) -> Pairs:
    headers = _pairs(fields.get("headers", ()))
    # 0.1 stored the headers of a compressed body.
    if "encoding" not in as_object(fields.get("content")):
        return headers
    transfer = ("content-encoding", "content-length")
    return tuple((name, value) for name, value in headers if name.lower() not in transfer)


def _request(fields: Mapping[str, JSON]) -> RecordedRequest:
    request = fields["ask"]
    return RecordedRequest(
        method=request["method"],
        url=request["url"],
        query=_pairs(request.get("query", ())),
        body=unpack(request.get("body", {})),
        content_type=request.get("type", ""),
        headers=_pairs(request.get("marks", ())),
    )


def _item(line: bytes) -> JSON:
    """The value of an item line; ValueError when it does not match its digest."""
    head, _, raw = line.partition(_JSON)
    if digest(raw[:-1]).encode() == head[-_DIGITS:]:
        return json.loads(raw[:-1])
    fields = json.loads(line)
    if digest(json_line(fields["json"])) != fields["digest"]:
        raise ValueError(f"its item {fields['item']} does not match its digest")
    return fields["json"]


def json_line(value: JSON) -> bytes:
    """One line of JSON, escaped only if it has a lone surrogate."""
    try:
        return dump_json(value)
    except UnicodeEncodeError:
        return dump_json(value, ascii_only=True)


def stable_headers(headers: Pairs) -> Pairs:
    """All headers but the volatile ones."""
    return tuple(pair for pair in headers if not VOLATILE.fullmatch(pair[0]))


def entry_of(
    path: Path,
    exchange: Exchange,
    name: Callable[[bytes], str],
    owners: Mapping[str, str] | None = None,
) -> Entry:
    """The lines of an exchange, under the id that `name` returns for its line."""
    content, items = explode(pack(exchange.response.body))
    line = json_line(_fields(exchange, content))
    id = name(line)
    return Entry(
        path=path,
        id=id,
        at=exchange.at,
        epoch=exchange.epoch,
        method=exchange.request.method,
        url=exchange.request.url,
        line=b'{"id":"' + id.encode() + b'",' + line[1:],
        items={index: _item_line(id, index, value) for index, value in enumerate(items)},
        owners=[json_line({"pseudonym": p, "owner": o}) for p, o in (owners or {}).items()],
    )


def _item_line(of: str, index: int, value: JSON) -> bytes:
    raw = json_line(value)
    head = f'{{"of":"{of}","item":{index},"digest":"{digest(raw)}'
    return head.encode() + _JSON + raw + b"}"


def _fields(exchange: Exchange, content: JSON) -> dict[str, JSON]:
    request, response = exchange.request, exchange.response
    request_fields = {
        "query": request.query,
        "marks": request.headers,
        "type": request.content_type,
        "body": pack(request.body),
    }
    rest = {
        "status": response.status,
        "headers": stable_headers(response.headers),
        "failure": response.failure,
        "arrived": response.sent if response.failure else None,
        "content": content,
    }
    return {
        "at": exchange.at,
        "epoch": exchange.epoch,
        "ask": {"method": request.method, "url": request.url, **_without_empty(request_fields)},
        "elapsed": exchange.elapsed,
        **_without_empty(rest),
    }


def _without_empty(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in fields.items() if value not in (None, "", (), {})}
