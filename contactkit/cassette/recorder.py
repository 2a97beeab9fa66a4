"""Sends the requests of a recorded client, and saves each exchange as it ends."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

import httpx

from contactkit._http.connection import TapFlow, no_response
from contactkit._http.world import Clock
from contactkit.cassette.exchange import Exchange, Pairs, RecordedResponse, request_of, text_pairs
from contactkit.cassette.file import CassetteWriter
from contactkit.cassette.matching import InFlight, normalise
from contactkit.cassette.redaction.media import unsearchable
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.redaction.text import media_type, unreadable
from contactkit.cassette.replay import Replay
from contactkit.errors import CassetteError
from contactkit.spec.provider import Provider

_DECODED = re.compile(r"\s*(gzip|deflate|identity)(\s*,\s*(gzip|deflate|identity))*\s*", re.I)
Outcome: TypeAlias = httpx.Response | httpx.HTTPError


class Recorder:
    """Replays or sends each request, and saves what was sent with the `writer`.

    With `only_missing`, recorded requests are replayed and not sent. Closing one client ends the
    recording, unless it is `shared`. Bodies that cannot be searched are refused, but for the media
    types in `allow`.
    """

    def __init__(
        self,
        provider: Provider,
        clock: Clock,
        redactor: Redactor,
        replay: Replay,
        writer: CassetteWriter,
        *,
        only_missing: bool,
        shared: bool,
        allow: Collection[str] = (),
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._redactor = redactor
        self._replay = replay
        self._overrides = replay.overrides
        self._index = replay.index
        self._writer = writer
        self._only_missing = only_missing
        self._shared = shared
        self._allow = allow
        self._lock = threading.Lock()

    def flow(self, request: httpx.Request) -> TapFlow:
        """Yield the request if it must be sent, and return its response."""
        if response := self._known(request):
            response.read()
            return response
        in_flight, exchange = self._issue(request), None
        try:
            raw, outcome = yield from capture(request, self._clock)
            exchange = self._record(replace(raw, epoch=in_flight.epoch))
        finally:
            with self._lock:
                self._index.settle(in_flight, exchange)
        if isinstance(outcome, httpx.HTTPError):
            raise outcome
        return outcome

    def close(self, clean: bool) -> None:
        """End the recording with its client."""
        if not self._shared:
            self._writer.close(clean)

    def _known(self, request: httpx.Request) -> httpx.Response | None:
        # The provider does not know a recorded token.
        if self._only_missing and self._replay.kind(request) != "token":
            return self._replay.recorded(request)
        return self._overrides.answer(request) if self._overrides else None

    def _issue(self, request: httpx.Request) -> InFlight:
        with self._lock:
            redacted = self._redactor.request(request_of(request))
            return self._index.issue(normalise(redacted, self._provider))

    def _record(self, raw: Exchange) -> Exchange:
        with self._lock, _mention_write(self._is_write(raw)):
            refuse_unsearchable(raw, self._allow)
            exchange = redact_exchange(raw, self._provider, self._redactor)
            # A recorded token is replayed however often it is requested.
            kind = self._index.kind(exchange.request)
            if kind != "token" or not self._index.knows(exchange.request):
                self._writer.add(exchange, self._redactor.owners())
            return exchange

    def _is_write(self, raw: Exchange) -> bool:
        kind = self._index.kind(normalise(raw.request, self._provider))
        return kind == "write" and raw.response.sent


@contextmanager
def _mention_write(sent: bool) -> Generator[None]:
    """Say in a cassette's error that the write was sent."""
    try:
        yield
    except CassetteError as error:
        if sent:
            raise CassetteError(f"{error}; the write was sent, and may be done") from None
        raise


def capture(
    request: httpx.Request, clock: Clock
) -> Generator[httpx.Request, httpx.Response, tuple[Exchange, Outcome]]:
    """Send a request; return the raw exchange, and its response or the error that httpx raised."""
    at = clock.now()
    # If they are installed, httpx also accepts Brotli and zstd, which redaction cannot decode.
    request.headers["Accept-Encoding"] = "gzip, deflate"
    try:
        outcome: Outcome = yield request
        response = _recorded(outcome)
    except httpx.HTTPError as error:
        outcome = error
        response = RecordedResponse(failure=type(error).__name__, sent=no_response(error).sent)
    exchange = Exchange(
        request=request_of(request), response=response, at=at, elapsed=clock.now() - at
    )
    return exchange, outcome


def _recorded(response: httpx.Response) -> RecordedResponse:
    """A response without the compression that httpx has undone."""
    headers: Pairs = text_pairs(response.headers)
    if _DECODED.fullmatch(response.headers.get("content-encoding", "")):
        headers = tuple(pair for pair in headers if pair[0].lower() != "content-encoding")
    return RecordedResponse(status=response.status_code, headers=headers, body=response.content)


def redact_exchange(exchange: Exchange, provider: Provider, redactor: Redactor) -> Exchange:
    """Redact request and response; CassetteError for a body that cannot be searched."""
    response = exchange.response
    if encoding := unreadable(response.headers, response.body):
        raise CassetteError(f"a response compressed as {encoding} cannot be redacted")
    request, response = redactor.exchange(exchange.request, response)
    return replace(exchange, request=normalise(request, provider), response=response)


def refuse_unsearchable(exchange: Exchange, allow: Collection[str]) -> None:
    """CassetteError for a body of a kind that may hide secrets or people, unless it is allowed."""
    for name, part in (("request", exchange.request), ("response", exchange.response)):
        if reason := unsearchable(part.body, part.content_type, allow):
            media = media_type(part.content_type)
            where = f': allow=("{media}",) records it as it is searched as text' if media else ""
            raise CassetteError(
                f"an exchange was not recorded: its {name} {reason}, where secrets and people "
                f"cannot be found for certain{where}"
            )


def refuse_leaks(redactor: Redactor, refusal: str, lines: bytes) -> None:
    """CassetteError, beginning with the `refusal`, for lines with secrets or personal values."""
    if leaks := redactor.scan(lines):
        raise CassetteError(f"{refusal} {'; '.join(leaks[:5])}")
