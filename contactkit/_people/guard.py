"""Which rows of a campaign may be written to. What is not certain is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import float_bits
from contactkit._frames.frame import STRING
from contactkit._people.columns import read_addresses
from contactkit._people.identifiers import Kind
from contactkit._people.network import OWN
from contactkit._people.states import BASES
from contactkit._people.verdict import DENIED
from contactkit.errors import InvalidInputError
from contactkit.spec.consent import Channel, ConsentState
from contactkit.spec.record import fields_of

if TYPE_CHECKING:
    from contactkit._people.people import People

WHERE = "people guard"
_SAMPLE = 1_000
REASONS = ("allowed", "denied", "no yes", "stranger", "unreadable", "empty")
_DAYS = re.compile(r"(?<=[\d ])d(?![a-z])")
BECAUSE = pd.CategoricalDtype(list(REASONS))
_OF_CHANNEL: Mapping[Channel, Kind] = {"text": "phone", "email": "email"}
ALLOWED, DENIED_ROW, NO_YES, STRANGER, UNREADABLE, EMPTY = range(len(REASONS))


def keep_allowed(people: People, frame: Any, verdicts: pd.DataFrame) -> pd.DataFrame:
    """The rows of a campaign that may be written to by their verdicts; see `People.guard`."""
    may = verdicts["may"].to_numpy(dtype=bool)
    kept = frame[may].copy()
    left_out = Counter(verdicts["because"][~may])
    kept.attrs = {
        **frame.attrs,
        "left_out": {reason: left_out[reason] for reason in REASONS if left_out[reason]},
        "ages": {name: at and at.isoformat() for name, at in people.ages.items()},
    }
    return kept


def judge_rows(
    people: People,
    frame: Any,
    channel: Channel,
    field: str | None,
    basis: str | None,
    max_age: str | pd.Timedelta | None,
) -> pd.DataFrame:
    """A verdict for each row; see `People.verdicts`."""
    people.verdict(channel)  # refuses an unknown channel first
    kind = _OF_CHANNEL[channel]
    if basis is not None and basis not in BASES:
        raise InvalidInputError.one(WHERE, "basis", f"must be one of {', '.join(BASES)}")
    _check_ages(people, max_age)
    column = _column(people, frame, kind, field)
    codes, known = read_addresses(kind, frame[column], people.network.region)
    of_address = people.network.find_known(kind, known)
    reasons, persons = _judge(people, channel, of_address, basis)
    # Gaps and cells that cannot be read come after the known addresses.
    reasons = np.append(reasons, [UNREADABLE, EMPTY])[codes]
    persons = np.append(persons, [-1, -1])[codes]
    ids = np.concatenate([people.ids, np.array([None], dtype=object)])[persons]
    return pd.DataFrame(
        {
            "may": pd.arrays.BooleanArray(reasons == ALLOWED, np.zeros(len(reasons), dtype=bool)),
            "because": pd.Categorical.from_codes(reasons, dtype=BECAUSE),
            "person": pd.array(ids, dtype=STRING),
        },
        index=frame.index,
    )


def _judge(people: People, channel: Channel, addresses: Any, basis: str | None) -> tuple[Any, Any]:
    """The reason and the person of each address; the person is -1 where there is none."""
    network, verdict = people.network, people.verdict(channel)
    says_yes = verdict.states.state == ConsentState.allowed
    if basis:
        says_yes &= verdict.states.basis == BASES.index(basis)
    yes_by_person, doubtful = (np.zeros(network.persons, dtype=bool) for _ in range(2))
    own = ~verdict.of_line
    yes_by_person[network.person[own & says_yes]] = True
    doubtful[network.person[own & verdict.states.doubtful]] = True
    pairs = network.of_kind(_OF_CHANNEL[channel])
    holder, held = network.holder[pairs], network.held[pairs]
    line = network.line[held] != OWN
    person_of, yes_on_line, doubt_on_line = (
        np.full(network.size, -1),
        np.zeros(network.size, dtype=bool),
        np.zeros(network.size, dtype=bool),
    )
    person_of[held[~line]] = network.person[holder[~line]]
    yes_on_line[held[line & (says_yes & ~verdict.denied)[holder]]] = True
    doubt_on_line[held[line & verdict.states.doubtful[holder]]] = True
    stranger = addresses < 0
    place = np.where(stranger, 0, addresses)
    if not network.size:
        return np.full(len(addresses), STRANGER), np.full(len(addresses), -1)
    person = np.where(stranger, -1, person_of[place])
    of_person = person >= 0
    denied = np.where(of_person, (verdict.by_person >= DENIED)[person], verdict.by_line[place])
    yes = np.where(of_person, yes_by_person[person], yes_on_line[place])
    doubt = np.where(of_person, doubtful[person], doubt_on_line[place])
    reasons = np.select(
        [stranger, denied, doubt, ~yes], [STRANGER, DENIED_ROW, UNREADABLE, NO_YES], ALLOWED
    )
    return reasons, person


def _column(people: People, frame: Any, kind: Kind, field: str | None) -> Any:
    """The column of addresses: the one that is named, declared, or the only one."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError.one(WHERE, "frame", "must be a DataFrame of the rows to write to")
    columns = list(frame.columns)
    if field is not None:
        if columns.count(field) != 1:
            raise InvalidInputError.one(WHERE, "field", f"must be a column, once; {field!r} is not")
        return field
    declared, region = _declared(people, frame, kind), people.network.region
    found = [name for name in columns if name in declared]
    if not found:
        found = _like_addresses(frame, kind, region)
    else:
        # Contacts have other numbers too, such as that of their agent.
        known = {name for source in people.sources for name in fields_of(source.provider.record)}
        found += [name for name in _like_addresses(frame, kind, region) if name not in known]
    if len(found) == 1 and columns.count(found[0]) == 1:
        return found[0]
    which = ", ".join(map(str, found)) or "none"
    what = "phone numbers" if kind == "phone" else "e-mail addresses"
    message = f"must name the column of {what}; these may be it: {which}"
    raise InvalidInputError.one(WHERE, "field", message)


def _declared(people: People, frame: pd.DataFrame, kind: Kind) -> set[str]:
    name = frame.attrs.get("provider")
    providers = [s.provider for s in people.sources if name in (None, s.provider.name)]
    return {
        field
        for provider in providers
        for field in (provider.consent.phones if kind == "phone" else provider.consent.emails)
    }


def _is_written(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else isinstance(cell, int | float)


def _like_addresses(frame: pd.DataFrame, kind: Kind, region: str | None) -> list[Any]:
    """The columns with a value that can be read as an address."""
    found = []
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        cells = (cell for cell in np.asarray(column, dtype=object) if _is_written(cell))
        codes, _ = read_addresses(kind, list(islice(cells, _SAMPLE)), region)
        if float_bits(column) == 64 and (codes >= 0).any():
            found.append(name)
    return found


def _check_ages(people: People, max_age: str | pd.Timedelta | None) -> None:
    if max_age is None:
        return
    # pandas deprecates the unit d.
    text = _DAYS.sub("D", max_age) if isinstance(max_age, str) else max_age
    try:
        longest = pd.Timedelta(text)
    except (ValueError, TypeError):
        longest = pd.Timedelta(-1)
    if not longest > pd.Timedelta(0):
        raise InvalidInputError.one(
            WHERE, "max_age", "must be a time such as '1d' or '2h', or None"
        )
    for source in people.sources:
        age = source.age
        if age is None:
            message = f"{source.name}: when it was read is not known; max_age=None would allow it"
            raise InvalidInputError.one(WHERE, "max_age", message)
        if age < -longest:
            message = f"{source.name} was read in the future, by this machine's clock"
            raise InvalidInputError.one(WHERE, "max_age", f"{message}: read it again")
        if age > longest:
            message = f"{source.name} was read {str(age).partition('.')[0]} ago, over {longest}"
            raise InvalidInputError.one(WHERE, "max_age", f"{message}: read it again")
