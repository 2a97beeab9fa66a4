"""Proofs of consent: which earlier noes they set aside, for one person and one channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import objects
from contactkit._frames.files import open_file
from contactkit._frames.tabular import Tabular, as_frame, name_type
from contactkit._http.world import Clock, Live
from contactkit._people.identifiers import canonical, kind_of
from contactkit._people.network import OWN
from contactkit._people.source import WHERE, Source
from contactkit._people.suppression import CHANNELS
from contactkit._people.verdict import Verdict, resolve
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.record import parse_time
from contactkit.spec.validate import is_na, to_python

if TYPE_CHECKING:
    from contactkit._people.people import People

COLUMNS = ("address", "channel", "given_at", "how")
_PLACE = f"{WHERE} given"
_MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One person's consent to one channel: by which address, when, and how it was given."""

    address: str
    channel: Channel
    given_at: datetime
    how: str

    def as_json(self) -> dict[str, str]:
        """The proof as the journal keeps it."""
        return {**vars(self), "given_at": self.given_at.isoformat()}


def read_proofs(
    given: Tabular | str | Path,
    sources: Sequence[Source],
    region: str | None = None,
    clock: Clock | None = None,
) -> tuple[Proof, ...]:
    """Read proofs of consent from a frame, a table of another library, or a CSV or Parquet file.

    It has the columns `address` (a phone number with its country code or of the region, or an
    e-mail address), `channel` (text or email), `given_at` (a time with its offset, not in the
    future by the clocks of the sources and `clock`) and `how`, all filled in. Raises
    InvalidInputError that names row and column.
    """
    columns, now = _columns(given), _now(sources, clock)
    rows = enumerate(zip(*(columns[name] for name in COLUMNS), strict=True))
    read = [_read(row, cells, now, region) for row, cells in rows]
    problems = [problem for each in read if isinstance(each, list) for problem in each]
    if problems:
        raise InvalidInputError(_PLACE, problems[:_MOST_NAMED])
    return tuple(each for each in read if isinstance(each, Proof))


def with_proofs(people: People, proofs: Iterable[Proof]) -> People:
    """The same people, with the noes set aside that are not later than a proof.

    A proof sets aside the noes of its person's contacts in its channel, and if its address is a
    line, the noes of that line; a person's proof leaves a line's no as it is. The time of a no is
    when its contact last changed or, where the provider does not tell, when it was read, since the
    no is no later than either. A no of an unknown time, as in a suppression file without `since`,
    cannot be shown to be earlier and stays, and so does a lock. A contact whose own no is set aside
    is not textable by that: its provider still has the no.
    """
    listed = [*proofs]
    verdicts = {channel: _set_aside(people, channel, listed) for channel in CHANNELS}
    return replace(people, **verdicts)


def _set_aside(people: People, channel: Channel, proofs: Sequence[Proof]) -> Verdict:
    verdict = people.verdict(channel)
    given = np.full(people.network.contacts, np.datetime64("NaT", "us"))
    for proof in proofs:
        if proof.channel == channel:
            contacts = _contacts_of(people, proof)
            given[contacts] = np.fmax(
                given[contacts], np.datetime64(proof.given_at.replace(tzinfo=None), "us")
            )
    # A comparison with NaT is false.
    aside = (verdict.states.state == ConsentState.denied) & (people.stated_by <= given)
    return resolve(people.network, channel, verdict.states, aside)


def _contacts_of(people: People, proof: Proof) -> Any:
    """The contacts whose consent a proof is: its person's, or if its address is a line, of that."""
    network, verdict = people.network, people.verdict(proof.channel)
    address = int(network.find(kind_of(proof.address), [proof.address])[0])
    if address < 0:
        return np.empty(0, dtype=np.int64)
    if network.line[address] == OWN:
        members = network.members(network.person[network.holders_of(address)[0]])
        return members[~verdict.of_line[members]]
    lines = np.flatnonzero(verdict.line_group == verdict.line_group[address])
    holders = np.concatenate([network.holders_of(line) for line in lines.tolist()])
    return np.unique(holders[verdict.of_line[holders]])


def _now(sources: Sequence[Source], clock: Clock | None) -> datetime:
    """The latest time that has come by the clocks of the sources; simulators have their own."""
    known = [clock, *(source.clock for source in sources)]
    clocks = [each for each in known if each] or [Live.clock]
    read = [source.read_at.timestamp() for source in sources if source.read_at]
    return datetime.fromtimestamp(max([*(clock.now() for clock in clocks), *read]), UTC)


def _columns(given: Any) -> Mapping[str, Sequence[Any]]:
    """The needed columns of a frame, a table or a file."""
    if isinstance(given, str | Path):
        columns: Mapping[str, Any] = open_file(given).columns
    else:
        frame = as_frame(given)
        if not isinstance(frame, pd.DataFrame):
            message = f"must be a frame or a file of proofs, not {name_type(given)}"
            raise InvalidInputError.one(_PLACE, "given", message)
        labels = [str(label) for label in frame.columns]
        if twice := [name for name in COLUMNS if labels.count(name) > 1]:
            raise InvalidInputError.one(_PLACE, twice[0], "is there twice")
        columns = {name: objects(frame.iloc[:, i]) for i, name in enumerate(labels)}
    for name in COLUMNS:
        if name not in columns:
            message = f"is missing; a proof of consent has {', '.join(COLUMNS)}"
            raise InvalidInputError.one(_PLACE, name, message)
    return columns


def _read(
    row: int, cells: Sequence[Any], now: datetime, region: str | None
) -> Proof | list[FieldProblem]:
    """One row's proof, or what is wrong with it."""
    readers = (
        lambda cell: _read_address(cell, region),
        _read_channel,
        lambda cell: _read_time(cell, now),
        _read_text,
    )
    values, problems = dict[str, Any](), list[FieldProblem]()
    for name, cell, read in zip(COLUMNS, cells, readers, strict=True):
        try:
            value = None if is_na(cell) else to_python(cell)
            values[name] = read(value.strip() if isinstance(value, str) else value)
        except ValueError as error:
            problems.append(FieldProblem(field=f"row {row}, {name}", message=str(error)))
    return problems or Proof(**values)


def _read_text(cell: Any) -> str:
    if not isinstance(cell, str) or not cell:
        raise ValueError("must be text that is not empty: how the consent was given")
    return cell


def _read_address(cell: Any, region: str | None) -> str:
    address = canonical(kind_of(str(cell)), cell, region)
    if not address:
        raise ValueError("must be a phone number with its country code, or an e-mail address")
    return address


def _read_channel(cell: Any) -> Channel:
    for channel in CHANNELS:
        if channel == cell:
            return channel
    raise ValueError(f"must be {' or '.join(CHANNELS)}")


def _read_time(cell: Any, now: datetime) -> datetime:
    try:
        moment = parse_time(cell)
    except ValueError:
        # The error of a text has the text.
        message = "must be a time with its offset from UTC, such as 2026-10-01T09:00:00Z"
        raise ValueError(message) from None
    if moment > now:
        raise ValueError(f"must not be in the future: it is {now:%Y-%m-%d %H:%M} UTC")
    return moment
