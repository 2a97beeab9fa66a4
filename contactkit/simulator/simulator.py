"""The simulator: a world in which a provider's declaration answers, in process, with state.

It needs no account, sends nothing anywhere, and lives in virtual time. Its contacts use only
phone numbers and domains that are reserved for fiction.
"""

# pyright: standard

from __future__ import annotations

from collections.abc import Generator, Mapping
from copy import deepcopy
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pandas as pd

from contactkit._frames.decode import read_rows
from contactkit._frames.files import open_file, to_contacts
from contactkit._frames.frame import STRING, TIME, rows_of, to_frame
from contactkit._http.session import Session
from contactkit._http.world import Clock, VirtualClock
from contactkit.errors import ConfigurationError
from contactkit.simulator.access import idempotency_scope
from contactkit.simulator.engine import Engine
from contactkit.simulator.faults import Faults
from contactkit.simulator.messages import Answer, Refusal, Request
from contactkit.simulator.rules import rules_for
from contactkit.simulator.seeds import MOST, birth, phone, seed_file
from contactkit.spec.provider import Provider
from contactkit.spec.record import Record, fields_of, parse_time

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine


_START = 1_790_845_200.0  # 2026-10-01 09:00 UTC
_SLOW = 5.0


class Simulator:
    """A provider in a box: `contactkit.connect(name, via=Simulator())`.

    It plays the provider of the first client that connects to it; later clients of that provider
    share its state. `contacts` is how many it starts with (a few written by hand first), and the
    same `seed` makes the same ones. It lives in virtual time; with another `clock` its faults hold
    up the event loop of an awaiting door, unless it is served.
    """

    name = "simulator"
    notice = ""
    real = False

    def __init__(self, contacts: int = 50, seed: int = 0, *, clock: Clock | None = None) -> None:
        if type(contacts) is not int or not 0 <= contacts <= MOST:
            raise ConfigurationError(
                f"contacts={contacts} must be a whole number from 0 to {MOST:,}"
            )
        self.clock = clock or VirtualClock(_START)
        self.faults = Faults()
        self._contacts = contacts
        self._seed = seed
        self._engine: Engine | None = None

    def transport(self, provider: Provider) -> httpx.MockTransport:
        """What carries requests to the engine, for both doors."""
        self.play(provider)
        return httpx.MockTransport(self._carry)

    def _carry(self, sent: httpx.Request) -> httpx.Response:
        delivery, waited = deliver(self.engine, Request.parse(sent)), 0.0
        while True:
            try:
                pause = next(delivery)
            except StopIteration as end:
                return self._arrived(sent, end.value, waited)
            waited += pause
            self.clock.sleep(self.clock.now() + pause)

    def _arrived(self, sent: httpx.Request, answer: Answer, waited: float) -> httpx.Response:
        """What the caller gets of an answer; where it does not come, a wire's own errors."""
        patience = sent.extensions.get("timeout", {}).get("read")
        if patience is not None and waited > patience:
            raise httpx.ReadTimeout("The read operation timed out", request=sent)
        if answer.carried == "dropped":
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=sent)
        if answer.carried == "cut":
            message = "peer closed connection without sending complete message body"
            raise httpx.RemoteProtocolError(message, request=sent)
        if answer.carried == "slow":
            self.clock.sleep(self.clock.now() + _SLOW)
        return answer.response()

    def tap(self, session: Session) -> None:
        """Nobody listens."""

    def credentials(self, provider: Provider) -> Mapping[str, str]:
        """Those of the first account, used where the caller gives none."""
        return next(iter(self.play(provider).accounts.values())).credentials

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        """Credentials by account, as `connect(…, **simulator.accounts[name])` takes them."""
        return {name: dict(each.credentials) for name, each in self.engine.accounts.items()}

    @property
    def engine(self) -> Engine:
        """The engine; ConfigurationError while no client has connected."""
        if self._engine is None:
            raise ConfigurationError("connect a client to this simulator first")
        return self._engine

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

        A request meets every latency and the first other fault that concerns it; listings alone
        meet the faults of listings, writes alone those that begin with "written". The same `seed`
        makes the same choices. `faults.clear()` switches them all off; the kinds and their options
        are in `contactkit/simulator/faults.py`, and a wrong name lists them.
        """
        self.faults.add(kind, times, probability, seed, options)

    def state(self) -> pd.DataFrame:
        """All contacts as a contact frame, with `writes` (Int64), `deleted` (boolean), `owner`."""
        record, stored = self.engine.provider.record, list(self.engine.contacts)
        wires = {name: each.wire for name, each in fields_of(record).items()}
        rows = [{wires[name]: value for name, value in each.row.items()} for each in stored]
        frame = to_frame(record, [read_rows(record, rows)], {"world": self.name})
        return frame.assign(
            writes=pd.array([each.writes for each in stored], dtype="Int64"),
            deleted=pd.array([each.deleted for each in stored], dtype="boolean"),
            owner=pd.array([each.owner for each in stored], dtype=STRING),
        )

    def outbox(self) -> pd.DataFrame:
        """What the provider sent by itself: `key`, `phone_number`, `text` (string), `at`."""
        kinds = {"key": STRING, "phone_number": STRING, "text": STRING}
        sent = self.engine.outbox
        columns: dict[str, Any] = {
            name: pd.array([row[name] for row in sent], dtype=kind) for name, kind in kinds.items()
        }
        times = pd.to_datetime([row["at"] for row in sent], utc=True, format="ISO8601")
        return pd.DataFrame({**columns, "at": pd.Series(times, dtype=TIME)})

    def put(self, key: str = "", **fields: Any) -> str:
        """Add a contact, or set fields of the one with `key`, as the provider's own systems would.

        Nothing is checked, so states that the API refuses can be made. Returns the key.
        """
        contacts = self.engine.contacts
        unknown = fields.keys() - fields_of(self.engine.provider.record).keys()
        if unknown:
            raise ConfigurationError(f"no field {', '.join(sorted(unknown))}")
        if key and fields.get(contacts.key, key) != key:
            raise ConfigurationError(f"{contacts.key} cannot change")
        stored = contacts.find(key) if key else None
        if key and stored is None:
            raise ConfigurationError(f"no contact {key!r}")
        if stored is None:
            owner = self.engine.rules.owner_of(0)
            try:
                return str(self.engine.add(fields, owner).row[contacts.key])
            except Refusal as refusal:
                raise ConfigurationError(f"no such contact: {refusal.message}") from None
        contacts.put({**stored.row, **fields}, stored.owner, writes=0)
        return key

    def play(self, provider: Provider) -> Engine:
        """Be this provider from now on; ConfigurationError where it is another already."""
        if self._engine is None:
            engine = Engine(provider, rules_for(provider), self.clock, self._seed)
            self._fill(engine)
            engine.faults = self.faults
            self._engine = engine
        if self._engine.provider.name != provider.name:
            raise ConfigurationError(
                f"this simulator plays {self._engine.provider.name}; make another for "
                f"{provider.name}"
            )
        return self._engine

    def _fill(self, engine: Engine) -> None:
        record, rules = engine.provider.record, engine.rules
        written = _written(engine.provider)
        for row in written[: self._contacts]:
            given = {name: value for name, value in row.items() if value is not None}
            for name, value in given.items():
                if fields_of(record)[name].kind == "datetime":
                    given[name] = rules.stamp(parse_time(value))
            engine.add(given, rules.owner_of(0))
        taken = {value for row in written for value in row.values() if isinstance(value, str)}
        places = range(len(written), MOST), range(len(written))
        free = (place for place in chain(*places) if phone(place) not in taken)
        # Only a simulator that is full to the last number needs those too.
        rest = (place for place in chain(*places) if phone(place) in taken)
        left = max(0, self._contacts - len(written))
        made = [engine.sample(place) for place in islice(chain(free, rest), left)]
        created = birth(engine.provider)
        made.sort(key=lambda row: str(row.get(created, "")))
        for index, row in enumerate(made, len(written)):
            engine.add(row, rules.owner_of(index))


# Reading the file takes longer than all else that a small simulator does.
_read: dict[tuple[Path, type[Record]], list[dict[str, Any]]] = {}


def _written(provider: Provider) -> list[dict[str, Any]]:
    """The contacts written by hand for a provider."""
    file = seed_file(provider)
    if file is None:
        return []
    place = file, provider.record
    if place not in _read:
        _read[place] = rows_of(provider.record, to_contacts(open_file(file), provider))
    return deepcopy(_read[place])


IN_FLIGHT_PATIENCE = 5.0
_NAP = 0.05


def deliver(engine: Engine, request: Request) -> Generator[float, None, Answer]:
    """Answer one request; yields seconds to let pass.

    A second request under an idempotency key waits for the first one, but not for ever. A request
    is in flight while a fault holds it up.
    """
    delay, answer = engine.faults.meet(engine, request)
    marked = idempotency_scope(engine, request)
    if marked:
        naps = round(IN_FLIGHT_PATIENCE / _NAP)
        while marked in engine.in_flight and naps:
            naps -= 1
            yield _NAP
        engine.in_flight.setdefault(marked, request)
    try:
        if delay:
            yield delay
        with engine.lock:
            return answer(request)
    finally:
        if marked and engine.in_flight.get(marked) is request:
            del engine.in_flight[marked]
