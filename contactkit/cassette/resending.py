"""Sending what was recorded again: reads alone, as its user would, to see what has changed."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import httpx

from contactkit.calls import Answer, Ask, Call, Flow, Lost, Reply, Session
from contactkit.cassette.exchange import Asked, Exchange
from contactkit.cassette.heard import Heard
from contactkit.cassette.keys import Index
from contactkit.cassette.lines import Entry
from contactkit.cassette.personal import Places
from contactkit.cassette.redaction import Request
from contactkit.errors import TransportError
from contactkit.flow import ready
from contactkit.spec import Endpoint, Provider

_PASSING = (408, 425, 429, 500, 502, 503, 504)


class Reads:
    """Which recorded exchanges can be asked again, and how."""

    def __init__(self, provider: Provider, index: Index) -> None:
        self._places = Places(provider)
        self._index = index

    def lasting(self, entry: Entry) -> bool:
        """Whether it is a read whose answer was no passing trouble."""
        exchange = entry.exchange
        passing = exchange.status is None or exchange.status in _PASSING
        return not passing and self._index.kind(exchange.asked) == "read"

    def names_somebody(self, asked: Asked) -> bool:
        """Whether it asks for a person, of whom there is only a pseudonym."""
        told = self._places.segment(asked.url) or any(self._places.asked(n) for n, _ in asked.query)
        return bool(told)


def sent_again(session: Session, recorded: Exchange) -> Flow[Heard]:
    """Ask for the same again, once; TransportError when there is no answer."""
    call = yield from ready(session, Ask(endpoint=_READ, call=_call(session, recorded.asked)))
    at = session.clock.now()
    answer: Answer = yield call
    if isinstance(answer, Lost):
        raise TransportError(f"the recording cannot be verified: {answer.reason}", sent=answer.sent)
    assert isinstance(answer, Reply)
    return Heard(
        request=Request(method=call.method, url=call.url),
        status=answer.status,
        headers=tuple((n, v) for n, v in answer.headers.items() if n != "content-encoding"),
        content=answer.content,
        at=at,
    )


_READ = Endpoint(verb="verify", method="GET", path="", help="Ask for what was recorded.")


def _call(session: Session, asked: Asked) -> Call:
    """The recorded request at this session's address."""
    path = asked.url.partition("://")[2].partition("/")[2]
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    host = httpx.URL(session.base_url).copy_with(raw_path=b"/")
    return Call(
        method=asked.method,
        url=f"{host}{path}{query}",
        headers=dict(asked.marks),
        body=json.loads(asked.body) if asked.body else None,
    )
