"""Every no of a contact, and a wire that sees each write which goes against it.

It compares the provider's contacts before and after every request. Times are counted in steps.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

import httpx

from contactkit._providers import find
from contactkit.spec.consent import Address, Channel, ConsentState
from contactkit.spec.provider import Provider
from contactkit.spec.record import last_change_of
from tests.support.providers import SteppedWire, says

Place: TypeAlias = tuple[str, Channel]
"""A contact's key and one of its channels."""


class Killed(BaseException):
    """The process is killed at this request."""


@dataclass(frozen=True)
class Permission:
    """What the caller of a write allows: `time` is that of opt_in=True, None without it.

    `shown` is whether the caller's row or plan shows a no; a key alone shows what the call reads
    first. A journal knows the contacts that were deleted through it. A plan is older than a delete
    by the caller's clock, on which it was made at `made_at`.
    """

    time: int | None = None
    by_key: bool = False
    shown: Mapping[Place, bool] = field(default_factory=dict[Place, bool])
    journal: int = 0
    made_at: float = float("-inf")


@dataclass(frozen=True)
class Seen:
    """A contact at the provider: its states, and the addresses of closed and open channels."""

    states: Mapping[Channel, ConsentState]
    closed: frozenset[Address]
    open: frozenset[Address]
    writes: int


class Ledger:
    """Every no that is recorded with its last time, and the writes that went against one."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.now = self.begun = 0
        # The time of the caller's clock, which may be set.
        self.time = 0.0
        self.noes: dict[Place, int] = {}
        # By journal: addresses of contacts that it deleted after a no, and when.
        self.deleted: dict[int, dict[Address, tuple[int, float]]] = defaultdict(dict)
        self.violations: list[str] = []
        self.permission = Permission()
        self.reads: set[str] = set()
        self.first_reads: dict[str, int] = {}
        self.last_reads: dict[str, int] = {}
        self.opened: set[Place] = set()

    def begin(self, permission: Permission) -> None:
        """A call or an apply begins."""
        self.begun = self.now
        self.permission, self.reads, self.opened = permission, set(), set()
        self.first_reads, self.last_reads = {}, {}

    def read(self, keys: set[str]) -> None:
        """A call has read these contacts."""
        self.reads |= keys
        for key in keys:
            self.first_reads.setdefault(key, self.now)
            self.last_reads[key] = self.now

    def may_open(self, place: Place) -> bool:
        """Whether opt_in=True was said for the no of this channel.

        A provider without a time of last change cannot tell a second no from the one that was
        shown.
        """
        permission, shown = self.permission, self.permission.shown.get(place)
        if permission.time is None or shown is False:
            return False
        time = (
            self.first_reads.get(place[0], permission.time)
            if permission.by_key
            else permission.time
        )
        untimed = last_change_of(self.provider.record) is None
        return self.noes.get(place, 0) <= time or bool(untimed and shown)

    def compare(self, before: Mapping[str, Seen], after: Mapping[str, Seen]) -> None:
        """Judge what one request has changed."""
        for key, was in before.items():
            if key in after:
                self._compare_contact(key, was, after[key])
            else:
                self._delete(key, was)
        for key, now in after.items():
            was = before.get(key)
            for address in now.open - (was.open if was else frozenset()):
                self._open_address(address)

    def _delete(self, key: str, was: Seen) -> None:
        """A contact is deleted; a no that was said after it was read is not known."""
        for kind, address in was.closed:
            last = self.noes.get((key, "text" if kind == "phone" else "email"), 0)
            if last <= self.last_reads.get(key, self.begun):
                self.deleted[self.permission.journal][kind, address] = (last, self.time)

    def _compare_contact(self, key: str, was: Seen, now: Seen) -> None:
        for channel, state in now.states.items():
            place, before = (key, channel), was.states[channel]
            if before is ConsentState.locked and state is not before:
                self.violations.append(f"{place} was locked and is {state.name}")
            opens = before >= ConsentState.denied > state
            if opens and not self.may_open(place):
                last, permission = self.noes.get(place, 0), self.permission
                self.violations.append(
                    f"{place} said no at {last} and is {state.name}: {permission}"
                )
            if opens or (state is ConsentState.allowed is not before):
                self._compare_opening(place)
            if state >= ConsentState.denied and now.writes > was.writes and not opens:
                self.noes[place] = self.now

    def _compare_opening(self, place: Place) -> None:
        if place[0] not in self.reads:
            self.violations.append(f"{place} was opened without a fresh read")
        if place in self.opened:
            self.violations.append(f"{place} was opened twice by one call")
        self.opened.add(place)

    def _open_address(self, address: Address) -> None:
        """A contact gets this address, and its channel is open."""
        permission = self.permission
        last, deleted_at = self.deleted[permission.journal].get(address, (None, 0.0))
        known = last is not None and deleted_at > permission.made_at
        if known and (permission.time is None or last > permission.time):
            self.violations.append(f"{address} was deleted after a no at {last}: {permission}")
        for addresses in self.deleted.values():
            addresses.pop(address, None)

    def check_texts(self, numbers: list[str], before: Mapping[str, Seen]) -> None:
        """No contact who said no gets a text."""
        closed = {
            (number, (key, "text"))
            for key, seen in before.items()
            for kind, number in seen.closed
            if kind == "phone"
        }
        for number, place in closed:
            if number in numbers and not self.may_open(place):
                self.violations.append(f"{place} said no and got a text: {self.permission}")


# What happens to a request: refused or lost before or after it is carried out.
FAULTS = ("limited", "lost", "lost_after", "failed", "failed_after", "unsent", "kill", "kill_after")


@dataclass
class ConsentWire(SteppedWire):
    """A wire that watches for writes against a no; `plan` is what happens to the next requests.

    Each is a fault, "" for none, with whether the contact says no at that moment.
    """

    provider_name: str = ""
    plan: list[tuple[str, bool]] = field(default_factory=list)
    on_stop: Callable[[list[str]], None] = lambda keys: None
    on_kill: Callable[[], None] = lambda: None
    dead: bool = False
    sent: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger(find(self.provider_name))

    def transport(self, provider: Provider) -> httpx.MockTransport:
        answer = self.simulator.transport(provider).handler
        return httpx.MockTransport(lambda request: self._handle(request, answer))

    def _handle(self, request: httpx.Request, answer: Callable[..., Any]) -> httpx.Response:
        if self.dead:
            raise Killed
        self.sent += 1
        fault, stops = self.plan.pop(0) if self.plan else ("", False)
        response = self._watch(request, answer, fault) if fault in ("", *_AFTER) else None
        if fault:
            mentioned = self._mentioned(request)
            self.ledger.reads -= {*mentioned}
            if stops:
                self.on_stop(mentioned)
        if fault.startswith("kill"):
            self.dead = True
            self.on_kill()
            raise Killed
        if fault.startswith("lost"):
            raise httpx.ReadTimeout("no response", request=request)
        if fault == "unsent":
            raise httpx.ConnectError("no connection", request=request)
        if fault == "limited":
            return says(429, "{}", retry_after="1")(request, answer)
        if response is None or fault:
            return says(503, "{}")(request, answer)
        return response

    def _watch(
        self, request: httpx.Request, answer: Callable[..., Any], fault: str
    ) -> httpx.Response:
        before, texts = self.contacts(), len(self.simulator.engine.outbox)
        self.ledger.time = self.clock.now()
        response = answer(request)
        if request.method == "GET":
            if not fault:
                self.ledger.read({key for key in before if key in unquote(str(request.url))})
            return response
        after = self.contacts()
        numbers = [str(text["phone_number"]) for text in self.simulator.engine.outbox[texts:]]
        self.ledger.check_texts(numbers, before)
        self.ledger.compare(before, after)
        return response

    def contacts(self) -> dict[str, Seen]:
        """The provider's contacts by key."""
        return {str(s.row[self.simulator.engine.contacts.key]): self._seen(s) for s in self._live()}

    def _live(self) -> Iterator[Any]:
        return (stored for stored in self.simulator.engine.contacts if not stored.deleted)

    def _seen(self, stored: Any) -> Seen:
        consent = self.ledger.provider.consent
        closed = frozenset(consent.denied_addresses(stored.row))
        opened = frozenset(consent.open_addresses(stored.row).values())
        return Seen(consent.states(stored.row), closed, opened, stored.writes)

    def _mentioned(self, request: httpx.Request) -> list[str]:
        """The keys of the contacts that a request names in some way."""
        text = unquote(str(request.url)) + request.content.decode()
        names = ("unique_id", "phone", "phone_number", "email")
        key = self.simulator.engine.contacts.key
        return [
            str(stored.row[key])
            for stored in self._live()
            if any((value := stored.row.get(n)) and str(value) in text for n in (key, *names))
        ]


_AFTER = ("lost_after", "failed_after", "kill_after")


def copy_database(path: Path) -> sqlite3.Connection | None:
    """A copy of a database in memory, as it is on disk now."""
    if not path.exists():
        return None
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    with sqlite3.connect(path) as source:
        source.backup(copy)
    source.close()
    return copy


def restore_database(copy: sqlite3.Connection, path: Path) -> None:
    """Make a database what it was when it was copied."""
    with sqlite3.connect(path) as target:
        copy.backup(target)
    target.close()
