"""Who is who: which contacts hold which addresses, and which of them are one person.

A person is what shared addresses join. An address that many hold, or that is a role's, is a line:
it joins nobody, and has a consent of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import float_bits
from contactkit._people.columns import find_roles, from_texts, read_addresses, to_texts
from contactkit._people.identifiers import Kind, canonical, kind_of
from contactkit._people.join import join
from contactkit._people.source import WHERE, Source
from contactkit._people.suppression import Suppressions
from contactkit.errors import InvalidInputError

KINDS: tuple[Kind, Kind] = ("phone", "email")
OWN, SHARED, ROLE, EXAMPLE, APART = range(5)
"""Why an address is a line, or that it is none."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Network:
    """Contacts, numbered over all sources and then the suppressions, and what they hold.

    `first` is the first contact of each source, and at last of the suppressions. A pair of
    `holder` (a contact) and `held` (an address) is there once for each of the contact's `field`s.
    Addresses are numbered too, first the phone numbers `known["phone"]`, then the e-mail addresses
    `known["email"]`. `line` says for each address why it is one. `person` is a number for each
    contact, and `unreadable` has the contact, field and value of each cell that is no address.
    National phone numbers are those of the `region`; without one they are no addresses.
    """

    region: str | None
    contacts: int
    first: Sequence[int]
    fields: Sequence[tuple[int, str]]
    holder: Any
    held: Any
    field: Any
    known: Mapping[Kind, Any]
    line: Any
    person: Any
    persons: int
    unreadable: Sequence[tuple[int, str, str]]

    @property
    def phones(self) -> int:
        """How many phone numbers there are."""
        return len(self.known["phone"])

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return len(self.line)

    @cached_property
    def addresses(self) -> Any:
        """The canonical addresses, an array of text."""
        return np.concatenate([to_texts(kind, self.known[kind]) for kind in KINDS])

    @cached_property
    def _by_person(self) -> tuple[Any, Any]:
        return _group(self.person, self.persons)

    @cached_property
    def _by_holder(self) -> tuple[Any, Any]:
        return _group(self.holder, self.contacts)

    @cached_property
    def _by_address(self) -> tuple[Any, Any]:
        return _group(self.held, self.size)

    def members(self, person: int) -> Any:
        """The contacts of a person."""
        order, starts = self._by_person
        return order[starts[person] : starts[person + 1]]

    def held_by(self, contact: int) -> Any:
        """The addresses of a contact."""
        order, starts = self._by_holder
        return self.held[order[starts[contact] : starts[contact + 1]]]

    def holders_of(self, address: int) -> Any:
        """The contacts that have an address."""
        order, starts = self._by_address
        return self.holder[order[starts[address] : starts[address + 1]]]

    def of_kind(self, kind: Kind) -> Any:
        """Which pairs are of this kind of address."""
        phone = self.held < self.phones
        return phone if kind == "phone" else ~phone

    def find(self, kind: Kind, texts: Sequence[str]) -> Any:
        """The number of each canonical address; -1 if no contact holds it."""
        return self.find_known(kind, from_texts(kind, texts))

    def find_known(self, kind: Kind, known: Any) -> Any:
        """The same for addresses as `read_addresses` has them."""
        found = self._index[kind].get_indexer(pd.Index(known, dtype=known.dtype))
        return found if kind == "phone" else np.where(found < 0, -1, found + self.phones)

    @cached_property
    def _index(self) -> dict[Kind, pd.Index]:
        return {kind: pd.Index(known, dtype=known.dtype) for kind, known in self.known.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Held:
    """The cells of all sources with one kind of address."""

    holder: Any
    field: Any
    cells: Any


def build_network(
    sources: Sequence[Source],
    suppressions: Suppressions,
    *,
    shared_by: int | None,
    apart: Collection[str],
    region: str | None = None,
) -> Network:
    """Read all addresses and join the contacts that share one."""
    first = [0, *np.cumsum([len(source) for source in sources]).tolist()]
    contacts = first[-1] + len(suppressions)
    fields: list[tuple[int, str]] = []
    parts, unreadable = [], list[tuple[int, str, str]]()
    known: dict[Kind, Any] = {}
    for kind in KINDS:
        cells = _cells(kind, sources, suppressions, first, fields)
        codes, known[kind] = read_addresses(kind, cells.cells, region)
        for position in np.flatnonzero(codes == -2).tolist():
            name = fields[cells.field[position]][1]
            unreadable.append((int(cells.holder[position]), name, str(cells.cells[position])))
        held = codes >= 0
        start = 0 if kind == "phone" else len(known["phone"])
        parts.append((cells.holder[held], codes[held] + np.int32(start), cells.field[held]))
    holder, held, field = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    line = _lines(sources, known, apart)
    line = _shared(line, first, holder, held, shared_by)
    own = line[held] == OWN
    labels, persons = _number(join(contacts, holder[own], held[own], len(line)))
    return Network(
        region=region,
        contacts=contacts,
        first=first,
        fields=fields,
        holder=holder,
        held=held,
        field=field,
        known=known,
        line=line,
        person=labels,
        persons=persons,
        unreadable=unreadable,
    )


def _group(numbers: Any, groups: int) -> tuple[Any, Any]:
    """Positions ordered by their number, and where each number's positions begin."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=groups))])
    return np.argsort(numbers, kind="stable"), starts


def _number(labels: Any) -> tuple[Any, int]:
    """Labels as numbers without gaps, and how many there are."""
    is_first = labels == np.arange(len(labels))
    return (np.cumsum(is_first, dtype=np.int32) - 1)[labels], int(is_first.sum())


def _cells(
    kind: Kind,
    sources: Sequence[Source],
    suppressions: Suppressions,
    first: Sequence[int],
    fields: list[tuple[int, str]],
) -> _Held:
    """The cells with this kind of address; adds their columns to `fields`."""
    holders, codes, cells = [], [], []
    for number, source in enumerate(sources):
        consent = source.provider.consent
        for name in consent.phones if kind == "phone" else consent.emails:
            if name in source.frame:
                holders.append(np.arange(*first[number : number + 2], dtype=np.int32))
                codes.append(np.full(len(source), len(fields), dtype=np.int16))
                cells.append(_unrounded(source.column(name)))
                fields.append((number, name))
    rows, texts = suppressions.addresses(kind)
    holders.append((first[-1] + rows).astype(np.int32))
    codes.append(np.full(len(rows), len(fields), dtype=np.int16))
    cells.append(texts)
    fields.append((len(sources), kind))
    return _Held(
        holder=np.concatenate(holders), field=np.concatenate(codes), cells=np.concatenate(cells)
    )


def _unrounded(column: pd.Series) -> Any:
    """A column's cells, as text that is no address where its float has no room for a number."""
    cells = np.array(column, dtype=object)
    if float_bits(column) < 64:
        cells[~pd.isna(cells)] = "rounded"
    return cells


def _lines(sources: Sequence[Source], known: Mapping[Kind, Any], apart: Collection[str]) -> Any:
    """The lines that are such by themselves: a role's, a provider's example, or set apart."""
    examples = {text for source in sources for text in source.provider.consent.examples}
    lines = {kind: np.zeros(len(values), dtype=np.int8) for kind, values in known.items()}
    lines["email"][find_roles(known["email"].tolist())] = ROLE
    for reason, texts in ((EXAMPLE, examples), (APART, apart)):
        for kind, values in known.items():
            wanted = from_texts(kind, [text for text in sorted(texts) if kind_of(text) == kind])
            if len(wanted):
                lines[kind][pd.Series(values, copy=False).isin(wanted).to_numpy()] = reason
    return np.concatenate([lines[kind] for kind in KINDS])


def _shared(line: Any, first: Sequence[int], holder: Any, held: Any, shared_by: int | None) -> Any:
    """Mark the addresses that more than `shared_by` contacts of one source hold."""
    if shared_by is None:
        return line
    for start, end in pairwise(first):
        inside = (holder >= start) & (holder < end)
        holders, addresses = holder[inside], held[inside].astype(np.int64)
        many = np.bincount(addresses, minlength=len(line))[addresses] > shared_by
        # A contact that holds an address in two fields counts once.
        pairs = pd.unique(addresses[many] * (end - start) + (holders[many] - start))
        counts = np.bincount(pairs // max(1, end - start), minlength=len(line))
        line[(counts > shared_by) & (line == OWN)] = SHARED
    return line


def read_apart(addresses: Iterable[str], region: str | None) -> set[str]:
    """The addresses to set apart, as they are compared; InvalidInputError if one is none."""
    if isinstance(addresses, str) or not isinstance(addresses, Iterable):
        message = "must be a list of phone numbers and e-mail addresses"
        raise InvalidInputError.one(WHERE, "apart", message)
    texts = list(addresses)
    read = [canonical(kind_of(str(text)), str(text), region) for text in texts]
    if "" in read:
        message = (
            f"[{read.index('')}] is neither a phone number with its country code nor an e-mail"
        )
        raise InvalidInputError.one(WHERE, "apart", f"{message} address")
    return set(read)
