"""The simulator: a world in which a provider's declaration responds, in process, with state.

It needs no account, sends nothing anywhere, and runs in virtual time. A request reaches the
provider's engine through the faults that are switched on, in process or over HTTP.
"""

# pyright: standard

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from contactkit._frames.decode import read_rows
from contactkit._frames.frame import STRING, TIME, to_frame
from contactkit._http.session import Session
from contactkit._http.world import Clock, VirtualClock
from contactkit.errors import ConfigurationError
from contactkit.simulator.access import idempotency_scope
from contactkit.simulator.clocks import SetClock
from contactkit.simulator.engine import Engine
from contactkit.simulator.faults import Faults
from contactkit.simulator.messages import Refusal, Request, Response
from contactkit.simulator.population import Population
from contactkit.simulator.rules import rules_for
from contactkit.simulator.seeds import MOST, add_by_age, fill
from contactkit.spec import Provider, fields_of

_CONTACTS = 50
_START = 1_790_845_200.0  # 2026-10-01 09:00 UTC
_SLOW_BODY_SECONDS = 5.0
_IN_FLIGHT_PATIENCE = 5.0
_NAP = 0.05
# As httpx says it of a real connection.
_BROKEN_OFF = {
    "dropped": "Server disconnected without sending a response.",
    "truncated": "peer closed connection without sending complete message body",
}


def _check_start(
    contacts: int | str | Path | None, seed: int | None, people: Population | None
) -> None:
    if people is not None:
        if not isinstance(people, Population):
            raise ConfigurationError("people must be a population: contactkit.Population(1000)")
        if contacts is not None or seed is not None:
            raise ConfigurationError(
                "people= decides who the contacts are: leave out contacts= and seed=, and give "
                "them to the population instead, as in Population(1000, seed=7)"
            )
    if contacts is None or isinstance(contacts, str | Path):
        return
    if type(contacts) is not int or not 0 <= contacts <= MOST:
        raise ConfigurationError(
            f"contacts={contacts} must be a whole number from 0 to {MOST:,}, or a file"
        )


def _texts(name: str, texts: Sequence[str]) -> tuple[str, ...]:
    if isinstance(texts, str) or not all(isinstance(text, str) and text for text in texts):
        raise ConfigurationError(f"{name} must be a list of texts, none of them empty")
    return tuple(texts)


def _seconds(name: str, value: float) -> float:
    if not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise ConfigurationError(f"{name}={value!r} must be a number of seconds, 0 or more")
    return value


class Simulator:
    """A simulated provider: `contactkit.connect(name, via=Simulator())`.

    It simulates the provider of the first client that connects to it; later clients of that
    provider share its state. It starts with this many `contacts` (50), a few written by hand first;
    the same `seed` (0) makes the same contacts. Each takes about 2 kB, and a page of a listing
    takes as long among many as among few. The phone numbers of the first 100,000 are reserved for
    fiction; further ones are unassigned. Or `contacts` is a file of them, as `read_contacts` reads
    it, which may have states that the API refuses; times in a CSV file come back as they are
    written. Or it starts with those of `people`, a `Population`, who are at its provider; the
    simulators of other providers with the same `people` have the same persons.

    `strict` is whether the page of an update is taken to the letter. By default Privy refuses every
    write to a compliance-suppressed contact; with `strict=False` only those of `email_consent`, the
    field beside which its page says so. By default Digital Onboarding takes an update of some
    fields; with `strict=True` the body must have all 16 fields that its page requires.

    It runs in virtual time, from `clock` on if that is a time such as 2026-03-11T21:50:50.182552Z,
    to the seventh digit of a second. With another clock, its faults block the event loop of an
    async client, unless it is served.

    `ids` are the keys of the next contacts that are created, one after the other, and `request_ids`
    those of the next requests, before it makes its own. `response_time` is in seconds: by how much
    the time that a response has of its own, as at Sent, is after those of the changes it reports.
    """

    name = "simulator"
    notice = ""
    real = False

    def __init__(
        self,
        contacts: int | str | Path | None = None,
        seed: int | None = None,
        *,
        people: Population | None = None,
        strict: bool | None = None,
        clock: Clock | str | datetime | None = None,
        ids: Sequence[str] = (),
        request_ids: Sequence[str] = (),
        response_time: float = 0.0,
    ) -> None:
        _check_start(contacts, seed, people)
        if strict not in (None, True, False):
            raise ConfigurationError("strict must be True, False or None, the provider's usual way")
        is_time = isinstance(clock, str | datetime)
        self.clock: Clock = SetClock(clock) if is_time else clock or VirtualClock(_START)
        self.faults = Faults()
        self._contacts = _CONTACTS if contacts is None else contacts
        self._seed = people.seed if people else seed or 0
        self._people = people
        self._strict = strict
        self._given: dict[str, Any] = {
            "ids": _texts("ids", ids),
            "request_ids": _texts("request_ids", request_ids),
            "response_time": _seconds("response_time", response_time),
        }
        self._engine: Engine | None = None

    def transport(self, provider: Provider) -> httpx.MockTransport:
        """A transport to the engine, for sync and async clients."""
        self.start(provider)
        return httpx.MockTransport(self._handle)

    def credentials(self, provider: Provider) -> Mapping[str, str]:
        """The credentials of the first account, used if the caller gives none."""
        return next(iter(self.start(provider).accounts.values())).credentials

    def tap(self, session: Session) -> None:
        """None: its traffic is not recorded."""

    def start(self, provider: Provider) -> Engine:
        """Simulate this provider; ConfigurationError if it already simulates another one."""
        if self._engine is None:
            rules = rules_for(provider)
            if self._strict is not None:
                rules = replace(rules, strict=self._strict)
            engine = Engine(provider, rules, self.clock, self._seed, **self._given)
            if self._people:
                add_by_age(engine, self._people.rows(engine))
            else:
                fill(engine, self._contacts)
            self._engine = engine
        if self._engine.provider.name != provider.name:
            raise ConfigurationError(
                f"this simulator is for {self._engine.provider.name}; "
                f"create another one for {provider.name}"
            )
        return self._engine

    @property
    def engine(self) -> Engine:
        """The engine; ConfigurationError before a client connects."""
        if self._engine is None:
            raise ConfigurationError("connect a client to this simulator first")
        return self._engine

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        """Credentials by account, as `connect(…, **simulator.accounts[name])` takes them."""
        accounts = self.engine.accounts.items()
        return {name: dict(account.credentials) for name, account in accounts}

    def fault(
        self,
        kind: str,
        *,
        times: int | None = None,
        probability: float | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        """Switch a fault on: for the next `times` requests (one by default), or by `probability`.

        A request gets every latency and the first other fault that applies to it: faults with rows
        apply only to listings, those that begin with "written" only to writes. The same `seed`
        makes the same choices. `faults.clear()` switches all faults off. The kinds are in
        `contactkit/simulator/fault_kinds.py`, and the error for an unknown kind lists them.
        """
        schedule = {"times": times, "probability": probability, "seed": seed}
        self.faults.add(kind, schedule, options)

    def state(self) -> pd.DataFrame:
        """All contacts as a contact frame, with `writes` (Int64), `deleted` (boolean), `owner`."""
        record, contacts = self.engine.provider.record, list(self.engine.contacts)
        wires = {name: field.wire for name, field in fields_of(record).items()}
        rows = [{wires[name]: value for name, value in stored.row.items()} for stored in contacts]
        frame = to_frame(record, [read_rows(record, rows)], {"world": self.name})
        return frame.assign(
            writes=pd.array([stored.writes for stored in contacts], dtype="Int64"),
            deleted=pd.array([stored.deleted for stored in contacts], dtype="boolean"),
            owner=pd.array([stored.owner for stored in contacts], dtype=STRING),
        )

    def outbox(self) -> pd.DataFrame:
        """The messages that the provider sent: `key`, `phone_number`, `text` (string), `at`."""
        messages = self.engine.outbox
        columns: dict[str, Any] = {
            name: pd.array([message[name] for message in messages], dtype=STRING)
            for name in ("key", "phone_number", "text")
        }
        times = pd.to_datetime([message["at"] for message in messages], utc=True, format="ISO8601")
        return pd.DataFrame({**columns, "at": pd.Series(times, dtype=TIME)})

    def put(self, key: str = "", **fields: Any) -> str:
        """Add a contact, or set fields of the one with `key`, as the provider's own systems would.

        Its time of last change is now, if the provider has one. Nothing is validated, so that even
        states which the API refuses are possible. Returns the key.
        """
        unknown = fields.keys() - fields_of(self.engine.provider.record).keys()
        if unknown:
            raise ConfigurationError(f"no field {', '.join(sorted(unknown))}")
        with self.engine.lock:
            return self._change(key, fields) if key else self._add(fields)

    def _change(self, key: str, fields: dict[str, Any]) -> str:
        contacts = self.engine.contacts
        if fields.get(contacts.key, key) != key:
            raise ConfigurationError(f"{contacts.key} cannot change")
        stored = contacts.find(key)
        if stored is None:
            raise ConfigurationError(f"no contact {key!r}")
        row = {**stored.row, **self.engine.change_time(), **fields}
        contacts.put(row, stored.owner, writes=0)
        return key

    def _add(self, fields: dict[str, Any]) -> str:
        try:
            stored = self.engine.add(fields, self.engine.rules.owner_of(0))
        except Refusal as refusal:
            raise ConfigurationError(f"invalid contact: {refusal.message}") from None
        return str(stored.row[self.engine.contacts.key])

    def deliver(self, request: Request) -> Generator[float, None, Response]:
        """Respond to one request; yields seconds to wait.

        A second request under an idempotency key waits for the first one, but only for a limited
        time. A request is in flight while a fault delays it.
        """
        engine = self.engine
        delay, respond = self.faults.apply_to(engine, request)
        scope = idempotency_scope(engine, request)
        if scope:
            naps = round(_IN_FLIGHT_PATIENCE / _NAP)
            while scope in engine.in_flight and naps:
                naps -= 1
                yield _NAP
            engine.in_flight.setdefault(scope, request)
        try:
            if delay:
                yield delay
            with engine.lock:
                return respond(engine, request)
        finally:
            if scope and engine.in_flight.get(scope) is request:
                del engine.in_flight[scope]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        delivery, waited = self.deliver(Request.from_httpx(request)), 0.0
        while True:
            try:
                pause = next(delivery)
            except StopIteration as stop:
                return self._hand_over(request, stop.value, waited)
            waited += pause
            self.clock.sleep(self.clock.now() + pause)

    def _hand_over(
        self, request: httpx.Request, response: Response, waited: float
    ) -> httpx.Response:
        """Return as much of a response as arrives, or raise the error of a real connection."""
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and waited > patience:
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        if error := _BROKEN_OFF.get(response.delivery):
            raise httpx.RemoteProtocolError(error, request=request)
        if response.delivery == "slow":
            self.clock.sleep(self.clock.now() + _SLOW_BODY_SECONDS)
        return response.to_httpx()
