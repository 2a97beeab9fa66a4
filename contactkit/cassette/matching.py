"""How a request finds its recorded answer: by what it asks for, and after how many writes.

The key is the method, the path, the sorted query, the marks and the body, whatever the order of
its fields. The host is not in it, nor any header but the marks, so no idempotency key is; nor are
the credentials in a form that asks for a token.

Write epochs: a read about one contact counts the writes before it about that contact and those
whose path names no contact; any other read counts all writes. A dry run is no write, and a write
that was refused (4xx) or never sent does not count. A write counts from when it is sent, so that a
read beside it is in the same epoch in a replay, which answers at once; one that comes to nothing
ceases to count, for those that are still on their way too. Writes and token requests count nothing.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from contactkit.cassette.body import digest
from contactkit.cassette.exchange import Exchange, Pairs, RecordedRequest, path_of
from contactkit.cassette.format import Entry
from contactkit.cassette.nearest import missing
from contactkit.errors import UnrecordedRequestError
from contactkit.spec.provider import JSON, ClientCredentials, Endpoint, Provider, as_list, as_object

Key: TypeAlias = tuple[str, str, Pairs, Pairs, str]
Exhausted: TypeAlias = Literal["error", "last"]
Kind: TypeAlias = Literal["read", "write", "token"]
_READS = ("GET", "HEAD", "OPTIONS")


class MatchKey(NamedTuple):
    """A request as the declaration reads it; `contact` is the one that its path names, or ""."""

    key: Key
    contact: str
    writes: bool
    token: bool


def mark_names(provider: Provider) -> set[str]:
    """The names, in lower case, of the headers that change what a request asks for."""
    dry_run = provider.dry_run.headers if provider.dry_run else ()
    confirmed = (name for each in provider.endpoints for name in each.confirm)
    return {name.lower() for name in (*dry_run, *confirmed)}


def marks(provider: Provider, headers: Mapping[str, str]) -> Pairs:
    """The headers that change what a request asks for, as the declaration names them."""
    names = mark_names(provider)
    found = sorted((name.lower(), text) for name, text in headers.items() if name.lower() in names)
    return tuple((name, ",".join(sorted(_flags(text)))) for name, text in found)


def _flags(text: str) -> set[str]:
    return {flag.strip() for flag in text.split(",")}


def normalise(request: RecordedRequest, provider: Provider) -> RecordedRequest:
    """The request as it is stored and matched: of its headers only the marks, its query sorted."""
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
        # A path of fixed words goes before one in whose place a key may stand.
        found = sorted(provider.endpoints, key=lambda each: "{key}" in each.path)
        self._routes: dict[str, list[tuple[Endpoint, re.Pattern[str]]]] = {}
        for each in found:
            self._routes.setdefault(each.method, []).append((each, _pattern(each)))
        ways = [each for each in provider.auth if isinstance(each, ClientCredentials)]
        self._token_paths = {path_of(way.token_url) for way in ways}
        self._credentials = {each.name for way in ways for each in way.credentials}

    def read(self, asked: RecordedRequest) -> MatchKey:
        """What a request asks for, and whether that changes something."""
        key, value, token = self._key(asked)
        endpoint, contact = self._route(asked.method, key[1])
        writes = not token and self._writes(asked, endpoint, value)
        return MatchKey(key, contact, writes, token)

    def key(self, asked: RecordedRequest) -> Key:
        """What a request asks for, and no more."""
        return self._key(asked)[0]

    def _key(self, asked: RecordedRequest) -> tuple[Key, JSON, bool]:
        path, value = path_of(asked.url), asked.value if asked.body else None
        token = path in self._token_paths
        if token:
            value = [pair for pair in as_list(value) if pair[0] not in self._credentials]
        body = digest(json.dumps(value, sort_keys=True).encode()) if asked.body else ""
        return (asked.method, path, asked.query, asked.headers, body), value, token

    def _route(self, method: str, path: str) -> tuple[Endpoint | None, str]:
        for endpoint, pattern in self._routes.get(method, ()):
            if found := pattern.search(path):
                return endpoint, (found.groupdict().get("key") or "")
        return None, ""

    def _writes(self, asked: RecordedRequest, endpoint: Endpoint | None, body: JSON) -> bool:
        if endpoint is None:
            return asked.method not in _READS
        return bool(endpoint.effect) and not self._rehearsed(asked, body)

    def _rehearsed(self, asked: RecordedRequest, body: JSON) -> bool:
        if self._dry_run is None:
            return False
        held, given = as_object(body), dict(asked.headers)
        return all(held.get(name) == value for name, value in self._dry_run.body.items()) and all(
            value in _flags(given.get(name.lower(), ""))
            for name, value in self._dry_run.headers.items()
        )


def _pattern(endpoint: Endpoint) -> re.Pattern[str]:
    # A base URL may put a path of its own before the endpoint's.
    return re.compile(re.escape(endpoint.path).replace(r"\{key\}", "(?P<key>[^/]+)") + "$")


@dataclass(slots=True, eq=False)
class InFlight:
    """A request on its way, and the epoch that it is in."""

    question: MatchKey
    epoch: int


class WriteEpochs:
    """Counts the writes that a read must see; the rule stands at the head of this file."""

    def __init__(self) -> None:
        self._about: Counter[str] = Counter()
        self._all = 0
        self._issued: list[InFlight] = []

    def of(self, question: MatchKey) -> int:
        """How many writes came before it."""
        if question.writes or question.token:
            return 0
        if not question.contact:
            return self._all
        return self._about[question.contact] + self._about[""]

    def note(self, question: MatchKey, exchange: Exchange) -> None:
        """Count it, if it is a write that may have changed something."""
        self.settle(self.issue(question), exchange)

    def issue(self, question: MatchKey) -> InFlight:
        """Count it from now on, if it is a write."""
        issued = InFlight(question, self.of(question))
        self._issued.append(issued)
        self._count(question, 1)
        return issued

    def settle(self, issued: InFlight, exchange: Exchange | None) -> None:
        """Count it no more if it came to nothing, as it has where there is no exchange."""
        after = self._issued[self._issued.index(issued) + 1 :]
        self._issued.remove(issued)
        refused = exchange and 400 <= (exchange.response.status or 0) < 500
        if not issued.question.writes or (exchange and exchange.response.sent and not refused):
            return
        self._count(issued.question, -1)
        for each in after:
            each.epoch -= _sees(each.question, issued.question)

    def _count(self, question: MatchKey, by: int) -> None:
        if question.writes:
            self._about[question.contact] += by
            self._all += by


def _sees(question: MatchKey, write: MatchKey) -> bool:
    """Whether it is a read that this write concerns."""
    reads = not question.writes and not question.token
    return reads and (not question.contact or write.contact in ("", question.contact))


@dataclass(slots=True)
class _Answers:
    """What is recorded for one question in one epoch, and how many of them were given.

    Of those that are given again, the last is kept as it was read.
    """

    entries: list[Entry]
    given: int = 0
    last: Exchange | None = None


class Index:
    """The recorded answers by key and epoch, given out in order, once each.

    When they run out, `exhausted` says whether there is no answer any more or the last one again;
    a token is always given again. Which entry was given how often is in `hits`, by its id. The
    `advice` is for who asks for what is not there.
    """

    def __init__(
        self,
        provider: Provider,
        entries: Iterable[Entry],
        exhausted: Exhausted = "error",
        advice: str = "",
    ) -> None:
        self._advice = advice
        self.hits: Counter[str] = Counter()
        self._exhausted = exhausted
        self._questions = Matcher(provider)
        self._epochs = WriteEpochs()
        self._lock = threading.Lock()
        # Their bodies are not looked at until something of the same path is asked for.
        self._unread: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        self._answers: dict[tuple[Key, int], _Answers] = {}
        self._known: set[Key] = set()
        self._entries = list(entries)
        for each in self._entries:
            self._unread[each.method, path_of(each.url)].append(each)

    def epoch(self, asked: RecordedRequest) -> int:
        """The epoch that this request is in now."""
        with self._lock:
            return self._epochs.of(self._questions.read(asked))

    def issue(self, asked: RecordedRequest) -> InFlight:
        """Count a request that is not answered from here, so that the reads after it know."""
        with self._lock:
            return self._epochs.issue(self._questions.read(asked))

    def settle(self, issued: InFlight, exchange: Exchange | None) -> None:
        """What came of it; None for what is not recorded."""
        with self._lock:
            self._epochs.settle(issued, exchange)

    def knows(self, asked: RecordedRequest) -> bool:
        """Whether it was recorded at all, in whatever epoch and given out or not."""
        key = self._questions.key(asked)
        with self._lock:
            self._read(key)
            return key in self._known

    def kind(self, asked: RecordedRequest) -> Kind:
        """What it does at the provider."""
        question = self._questions.read(asked)
        return "token" if question.token else "write" if question.writes else "read"

    def take(self, asked: RecordedRequest) -> Exchange | None:
        """The next recorded answer, or None when there is none or none any more."""
        question = self._questions.read(asked)
        with self._lock:
            self._read(question.key)
            answers = self._answers.get((question.key, self._epochs.of(question)))
            if answers is None:
                return None
            again = answers.given >= len(answers.entries)
            lasting = self._exhausted == "last" or question.token
            if again and not lasting:
                return None
            entry = answers.entries[-1 if again else answers.given]
            exchange = (again and answers.last) or entry.exchange
            answers.given += 1
            answers.last = exchange if lasting else None
            self.hits[entry.id] += 1
            # The same answer again is no second write: what was recorded knows of one.
            if not again:
                self._epochs.note(question, exchange)
            return exchange

    def _read(self, key: Key) -> None:
        """File what was recorded of the same method and path, if it is not filed yet."""
        method, path, *_ = key
        for each in self._unread.pop((method, path), ()):
            # What is nothing but its method and path need not be taken apart for its key.
            own = (method, path, (), (), "") if each.bare else self._questions.key(each.request)
            self._known.add(own)
            if found := self._answers.get((own, each.epoch)):
                found.entries.append(each)
            else:
                self._answers[own, each.epoch] = _Answers([each])

    def unrecorded(
        self, asked: RecordedRequest, redact: Callable[[str], str]
    ) -> UnrecordedRequestError:
        """The error that there is no answer: what comes nearest, and what to do."""
        epoch = self.epoch(asked)
        return UnrecordedRequestError(missing(asked, epoch, self._entries, redact, self._advice))
