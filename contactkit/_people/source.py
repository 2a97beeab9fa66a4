"""The sources of a people table: the columns of each that identify contacts and state consent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from contactkit._frames.coerce import coerce_cell, coerce_column, objects
from contactkit._frames.frame import Problems, cell_to_json
from contactkit._frames.moments import read_moment, time_note
from contactkit._frames.noted import own_attrs
from contactkit._http.world import Clock, Live
from contactkit._people.identifiers import canonical
from contactkit._plans.match import key_as_sent
from contactkit.errors import InvalidInputError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of, last_change_of
from contactkit.spec.validate import is_phone

if TYPE_CHECKING:
    from contactkit._client.client import Client

_MOST_NAMED = 10
WHERE = "people"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Source:
    """One account's contacts: the needed columns, and when they were read, if that is known.

    Without a `client` a source can be read, but nothing can be planned for it. `clock` is the clock
    that they were read by; None for the simulated contacts of a frame, which do not age.
    """

    name: str
    provider: Provider
    frame: pd.DataFrame
    read_at: datetime | None = None
    client: Client | None = None
    clock: Clock | None = None

    @property
    def age(self) -> timedelta | None:
        """How long ago the source was read; None if that is not known."""
        if self.clock is None:
            return timedelta(0)
        if self.read_at is None:
            return None
        return datetime.fromtimestamp(self.clock.now(), UTC) - self.read_at

    @property
    def time_note(self) -> str:
        """What `read_at` is if it is not a time of the wall's clock; else ""."""
        return time_note(self.frame.attrs.get("world", ""))

    def __len__(self) -> int:
        """How many contacts it has."""
        return len(self.frame)

    def column(self, name: str) -> pd.Series:
        """One of the needed columns."""
        return cast("pd.Series", self.frame[name])

    @cached_property
    def keys(self) -> Any:
        """The contacts' keys as text, an array of objects."""
        return np.asarray(self.column(key_of(self.provider.record).name), dtype=object)

    @cached_property
    def _cells(self) -> dict[str, Any]:
        return {name: objects(self.column(name)) for name in self.frame.columns}

    def contact(self, row: int) -> dict[str, JSON]:
        """One contact's needed values, by field name and as JSON."""
        declared = fields_of(self.provider.record)
        return {
            name: cell_to_json(declared[name], coerce_cell(declared[name], cells[row]))
            for name, cells in self._cells.items()
        }

    def contacts(self, rows: Any) -> list[dict[str, JSON]]:
        """The needed values of many contacts, like `contact`."""
        declared = fields_of(self.provider.record)
        columns = [
            _to_json(declared[name], self.column(name).iloc[rows]) for name in self.frame.columns
        ]
        names = [*self.frame.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _to_json(field: RecordField, column: pd.Series) -> list[JSON]:
    """A column's cells as JSON; equal cells are read once."""
    if field.kind == "datetime":
        read, times = coerce_column(field, column), np.full(len(column), "NaT", "datetime64[us]")
        times[read.present] = read.values[read.present]
        texts = np.datetime_as_string(times, unit="us", timezone="UTC").tolist()
        pairs = zip(texts, read.present.tolist(), strict=True)
        return [text if is_present else None for text, is_present in pairs]
    if field.kind == "string" and isinstance(column.dtype, pd.StringDtype):
        return column.to_numpy(dtype=object, na_value=None).tolist()
    codes, cells = pd.factorize(objects(column))
    values = [*(cell_to_json(field, coerce_cell(field, cell)) for cell in cells), None]
    return [values[code] for code in codes.tolist()]


def keys_as_sent(provider: Provider, keys: Iterable[Any], region: str | None) -> list[str]:
    """Keys in the spelling in which they are sent; an invalid one is unchanged."""
    if is_phone(key_of(provider.record)):
        return [canonical("phone", key, region) or str(key) for key in keys]
    return [key_as_sent(provider, str(key)) for key in keys]


def needed_columns(provider: Provider) -> list[str]:
    """The columns of a provider that a people table reads; others are not kept."""
    consent, changed = provider.consent, last_change_of(provider.record)
    wanted = {
        key_of(provider.record).name,
        *consent.phones,
        *consent.emails,
        *consent.fields,
        *consent.rules_read,
        *([changed.name] if changed else []),
    }
    return [name for name in fields_of(provider.record) if name in wanted]


def make_source(
    name: str,
    provider: Provider,
    frame: pd.DataFrame,
    *,
    client: Client | None = None,
    clock: Clock | None = None,
) -> Source:
    """A source from a contact frame; InvalidInputError names the source and the field."""
    key = key_of(provider.record).name
    if key not in frame.columns and key in frame.index.names:
        frame = frame.reset_index(key)
    check_columns(name, provider, map(str, frame.columns))
    _check_whole(name, frame.attrs.get("part"))
    _check_keys(f"{WHERE} {name}", cast("pd.Series", frame[key]))
    columns = [column for column in needed_columns(provider) if column in frame.columns]
    kept = cast("pd.DataFrame", frame[columns]).reset_index(drop=True)
    known = own_attrs(frame.attrs, len(frame))
    kept.attrs = {
        "problems": frame.attrs.get("problems", Problems()),
        "journal": frame.attrs.get("journal"),
        "world": known.get("world", ""),
        "notice": frame.attrs.get("notice", ""),
    }
    # The frames of a recording have real people, and grow old.
    if clock is None and kept.attrs["world"] != "simulator":
        clock = Live.clock
    return Source(
        name=name,
        provider=provider,
        frame=kept,
        read_at=read_moment(known.get("at")),
        client=client,
        clock=clock,
    )


def check_consent(name: str, provider: Provider) -> None:
    """InvalidInputError for a provider whose contacts say nothing about consent."""
    if not provider.consent.channels:
        title = provider.title
        message = f"cannot be a source: {title} does not declare what its fields consent to"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message)


def check_columns(name: str, provider: Provider, labels: Iterable[str]) -> None:
    """InvalidInputError for contacts without key, addresses or consent."""
    check_consent(name, provider)
    where, counts = f"{WHERE} {name}", Counter(labels)
    addresses = [*provider.consent.phones, *provider.consent.emails]
    for label in needed_columns(provider):
        if counts[label] > 1:
            raise InvalidInputError.one(where, label, "is there twice")
    if (key := key_of(provider.record).name) not in counts:
        raise InvalidInputError.one(where, key, "is missing: a frame of contacts has their keys")
    if not counts.keys() & {*addresses}:
        message = f"is missing: contacts are matched by {' or '.join(addresses)}"
        raise InvalidInputError.one(where, addresses[0], message)
    if missing := provider.consent.fields - counts.keys():
        message = f"is missing; without it {provider.title} contacts seem not to have opted out"
        raise InvalidInputError.one(where, min(missing), message)


def _check_whole(name: str, part: object) -> None:
    """InvalidInputError for a frame that was read as a part of the contacts."""
    if part:
        message = f"is {part}: a no of other contacts would be missed; give all contacts"
        raise InvalidInputError.one(f"{WHERE} {name}", name, message)


def _check_keys(where: str, keys: pd.Series) -> None:
    gaps = np.flatnonzero(keys.isna())
    if len(gaps):
        raise InvalidInputError.one(where, str(keys.name), f"is empty in {_rows(gaps)}")
    cells = pd.Series(np.asarray(keys, dtype=object), dtype=object, copy=False)
    if not cells.nunique() == len(cells):
        twice = np.flatnonzero(cells.duplicated(keep=False))
        raise InvalidInputError.one(where, str(keys.name), f"is the same in {_rows(twice)}")


def _rows(positions: Any) -> str:
    named = ", ".join(map(str, positions[:_MOST_NAMED].tolist()))
    more = f" and {len(positions) - _MOST_NAMED:,} more" if len(positions) > _MOST_NAMED else ""
    return f"rows {named}{more}"
