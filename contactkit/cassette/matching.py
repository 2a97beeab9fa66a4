"""Matches a request with its recorded response, by its match key and its write epoch.

The key is the method, the path, the sorted query, the marks and the body, whatever the order of
its fields. The host and all headers except the marks are left out, so idempotency keys are too, and
so are the credentials in a token request.

The epoch of a read about one contact is the number of earlier writes about that contact or without
a contact in their path; any other read counts all earlier writes. Dry runs, writes that were
refused (4xx) and writes that were never sent do not count. A write counts from when it is sent, so
that a concurrent read has the same epoch in a replay, which responds immediately; a write that
turns out to change nothing no longer counts, for reads in flight too. Writes and token requests
have no epoch.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from contactkit.cassette.body import digest
from contactkit.cassette.exchange import Exchange, Pairs, RecordedRequest, path_of
from contactkit.cassette.format import Entry
from contactkit.cassette.nearest import explain_miss
from contactkit.errors import UnrecordedRequestError
from contactkit.spec.auth import ClientCredentials
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, Provider, as_list, as_object

Key: TypeAlias = tuple[str, str, Pairs, Pairs, str]
Exhausted: TypeAlias = Literal["error", "last"]
Kind: TypeAlias = Literal["read", "write", "token"]
_READS = ("GET", "HEAD", "OPTIONS")


class MatchKey(NamedTuple):
    """A request by the provider's declaration; `contact` is the one in its path, or ""."""

    key: Key
    contact: str
    kind: Kind


def mark_names(provider: Provider) -> set[str]:
    """The names, in lower case, of the headers that change what a request does: the marks."""
    dry_run = provider.dry_run.headers if provider.dry_run else ()
    confirmed = (name for endpoint in provider.endpoints for name in endpoint.confirm)
    return {name.lower() for name in (*dry_run, *confirmed, provider.flag_header) if name}


def marks(provider: Provider, headers: Mapping[str, str]) -> Pairs:
    """The headers that change what a request does, normalised."""
    names = mark_names(provider)
    pairs = sorted((name.lower(), text) for name, text in headers.items() if name.lower() in names)
    return tuple((name, ",".join(sorted(_flags(text)))) for name, text in pairs)


def _flags(text: str) -> set[str]:
    return {flag.strip() for flag in text.split(",")}


def normalise(request: RecordedRequest, provider: Provider) -> RecordedRequest:
    """The request as it is stored and matched: with a sorted query and no headers but the marks."""
    return replace(
        request,
        method=request.method.upper(),
        query=tuple(sorted(request.query)),
        headers=marks(provider, dict(request.headers)),
    )


class Matcher:
    """Reads requests to one provider, by its declaration."""

    def __init__(self, provider: Provider) -> None:
        self._dry_run = provider.dry_run
        self._endpoints: defaultdict[str, list[Endpoint]] = defaultdict(list)
        # A path of fixed words takes precedence over one with a key in their place.
        for endpoint in sorted(provider.routes, key=lambda endpoint: "{key}" in endpoint.path):
            self._endpoints[endpoint.method].append(endpoint)
        ways = [way for way in provider.auth if isinstance(way, ClientCredentials)]
        self._token_paths = {path_of(way.token_url) for way in ways}
        self._credentials = {credential.name for way in ways for credential in way.credentials}

    def read(self, request: RecordedRequest) -> MatchKey:
        """What a request does, and to which contact."""
        key, value, is_token = self._key(request)
        endpoint, contact = self._endpoint(request.method, key[1])
        if is_token:
            return MatchKey(key, contact, "token")
        writes = self._writes(request, endpoint, value)
        return MatchKey(key, contact, "write" if writes else "read")

    def key(self, request: RecordedRequest) -> Key:
        """The match key of a request."""
        return self._key(request)[0]

    def _key(self, request: RecordedRequest) -> tuple[Key, JSON, bool]:
        path, value = path_of(request.url), request.value if request.body else None
        is_token = path in self._token_paths
        if is_token:
            value = [pair for pair in as_list(value) if pair[0] not in self._credentials]
        body = digest(json.dumps(value, sort_keys=True).encode()) if request.body else ""
        return (request.method, path, request.query, request.headers, body), value, is_token

    def _endpoint(self, method: str, path: str) -> tuple[Endpoint | None, str]:
        for endpoint in self._endpoints.get(method, ()):
            if match := endpoint.match(path):
                return endpoint, (match.groupdict().get("key") or "")
        return None, ""

    def _writes(self, request: RecordedRequest, endpoint: Endpoint | None, body: JSON) -> bool:
        if endpoint is None:
            return request.method not in _READS
        return bool(endpoint.effect) and not self._is_dry_run(request, body)

    def _is_dry_run(self, request: RecordedRequest, body: JSON) -> bool:
        if self._dry_run is None:
            return False
        fields, headers = as_object(body), dict(request.headers)
        return all(fields.get(name) == value for name, value in self._dry_run.body.items()) and all(
            value in _flags(headers.get(name.lower(), ""))
            for name, value in self._dry_run.headers.items()
        )


@dataclass(slots=True, eq=False)
class InFlight:
    """A request in flight, and its epoch."""

    request: MatchKey
    epoch: int


class WriteEpochs:
    """Counts the writes that a read must see, by the rule at the top of this file."""

    def __init__(self) -> None:
        self._by_contact: Counter[str] = Counter()
        self._all = 0
        self._in_flight: list[InFlight] = []

    def of(self, request: MatchKey) -> int:
        """How many writes came before it."""
        if request.kind != "read":
            return 0
        if not request.contact:
            return self._all
        return self._by_contact[request.contact] + self._by_contact[""]

    def note(self, request: MatchKey, exchange: Exchange) -> None:
        """Count an exchange, if it is a write that may have changed something."""
        self.settle(self.issue(request), exchange)

    def issue(self, request: MatchKey) -> InFlight:
        """Count a request from now on, if it is a write."""
        in_flight = InFlight(request, self.of(request))
        self._in_flight.append(in_flight)
        self._count(request, 1)
        return in_flight

    def settle(self, issued: InFlight, exchange: Exchange | None) -> None:
        """Stop counting a write that changed nothing, such as one without an exchange."""
        later = self._in_flight[self._in_flight.index(issued) + 1 :]
        self._in_flight.remove(issued)
        refused = exchange and 400 <= (exchange.response.status or 0) < 500
        if issued.request.kind != "write" or (exchange and exchange.response.sent and not refused):
            return
        self._count(issued.request, -1)
        for other in later:
            other.epoch -= _sees(other.request, issued.request)

    def _count(self, request: MatchKey, change: int) -> None:
        if request.kind == "write":
            self._by_contact[request.contact] += change
            self._all += change


def _sees(request: MatchKey, write: MatchKey) -> bool:
    """Whether the request is a read that this write affects."""
    concerned = not request.contact or write.contact in ("", request.contact)
    return request.kind == "read" and concerned


@dataclass(slots=True)
class _Responses:
    """The recorded entries of one key in one epoch, and how many of them were replayed.

    If responses may be replayed again, the last one is kept parsed.
    """

    entries: list[Entry]
    taken: int = 0
    last: Exchange | None = None


class Index:
    """The recorded exchanges by key and epoch, each replayed once, in order.

    When they run out, `exhausted` says whether that is an error or the last one is replayed again;
    a token is always replayed again. `hits` counts the replays of each entry by its id. `advice` is
    the end of the message of UnrecordedRequestError.
    """

    def __init__(
        self,
        provider: Provider,
        entries: Iterable[Entry],
        exhausted: Exhausted = "error",
        advice: str = "",
    ) -> None:
        self.hits: Counter[str] = Counter()
        self._advice = advice
        self._exhausted = exhausted
        self._matcher = Matcher(provider)
        self._epochs = WriteEpochs()
        self._lock = threading.Lock()
        self._entries = list(entries)
        self._responses: dict[tuple[Key, int], _Responses] = {}
        self._keys: set[Key] = set()
        # Entries are parsed at the first request for the same path.
        self._unread: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self._entries:
            self._unread[entry.method, path_of(entry.url)].append(entry)

    def epoch(self, request: RecordedRequest) -> int:
        """The epoch of this request now."""
        with self._lock:
            return self._epochs.of(self._matcher.read(request))

    def issue(self, request: RecordedRequest) -> InFlight:
        """Count a request that is sent, so that later reads are in the next epoch."""
        with self._lock:
            return self._epochs.issue(self._matcher.read(request))

    def settle(self, issued: InFlight, exchange: Exchange | None) -> None:
        """End a request that was sent; the exchange is None if nothing was recorded."""
        with self._lock:
            self._epochs.settle(issued, exchange)

    def knows(self, request: RecordedRequest) -> bool:
        """Whether it was recorded in any epoch, replayed or not."""
        key = self._matcher.key(request)
        with self._lock:
            self._read(key)
            return key in self._keys

    def kind(self, request: RecordedRequest) -> Kind:
        """What it does at the provider."""
        return self._matcher.read(request).kind

    def take(self, request: RecordedRequest) -> Exchange | None:
        """The next recorded exchange; None if none is left or there was none."""
        match = self._matcher.read(request)
        with self._lock:
            self._read(match.key)
            responses = self._responses.get((match.key, self._epochs.of(match)))
            if responses is None:
                return None
            again = responses.taken >= len(responses.entries)
            repeatable = self._exhausted == "last" or match.kind == "token"
            if again and not repeatable:
                return None
            entry = responses.entries[-1 if again else responses.taken]
            exchange = (again and responses.last) or entry.exchange
            responses.taken += 1
            responses.last = exchange if repeatable else None
            self.hits[entry.id] += 1
            # Replaying a response again is not a second write: the recording has only one.
            if not again:
                self._epochs.note(match, exchange)
            return exchange

    def _read(self, key: Key) -> None:
        """Index the entries of the same method and path, unless that is done."""
        method, path, *_ = key
        for entry in self._unread.pop((method, path), ()):
            # A request with only a method and a path need not be parsed for its key.
            own = (method, path, (), (), "") if entry.bare else self._matcher.key(entry.request)
            self._keys.add(own)
            self._responses.setdefault((own, entry.epoch), _Responses([])).entries.append(entry)

    def unrecorded(
        self, request: RecordedRequest, redact: Callable[[str], str]
    ) -> UnrecordedRequestError:
        """The error for a request without a response: the nearest exchange, and the advice."""
        epoch = self.epoch(request)
        return UnrecordedRequestError(
            explain_miss(request, epoch, self._entries, redact, self._advice)
        )
