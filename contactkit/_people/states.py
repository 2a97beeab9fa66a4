"""The state of each contact's consent, computed for whole columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np

from contactkit._frames.coerce import CoercedColumn, coerce_column
from contactkit._frames.frame import Problems
from contactkit._people.source import Source
from contactkit._people.suppression import Suppressions
from contactkit.spec.consent import Basis, Channel, ChannelConsent, ConsentState, Values
from contactkit.spec.record import RecordField, fields_of

BASES: tuple[Basis, ...] = get_args(Basis)
"""What a state rests on; a later one says more."""

_DEFAULTS: dict[ConsentState, Basis] = {
    ConsentState.unknown: "not_stated",
    ConsentState.allowed: "opted_in",
    ConsentState.denied: "opted_out",
    ConsentState.locked: "locked",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelStates:
    """One channel of a source's contacts, an array each.

    `state` and `basis` are numbers of ConsentState and BASES. `doubtful` are contacts with a value
    that no state follows from, `contradictory` those whose fields say both yes and no. `sends` are
    those that the provider writes to, and to which a no can be written.
    """

    state: Any
    basis: Any
    doubtful: Any
    contradictory: Any
    sends: Any

    @classmethod
    def empty(cls, rows: int) -> ChannelStates:
        """The states where a provider has no such channel."""
        none = np.zeros(rows, dtype=bool)
        zero = np.zeros(rows, dtype=np.int8)
        return cls(state=zero, basis=zero, doubtful=none, contradictory=none, sends=none)

    @classmethod
    def concatenate(cls, parts: Sequence[ChannelStates]) -> ChannelStates:
        """The states of all sources, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})


def channel_states(source: Source, channel: Channel) -> ChannelStates:
    """The states of a source's contacts for one channel."""
    consent = source.provider.consent.channels.get(channel)
    if consent is None:
        return ChannelStates.empty(len(source))
    declared = fields_of(source.provider.record)
    columns = {n: coerce_column(declared[n], source.column(n)) for n in consent.fields}
    nobody = np.zeros(len(source), dtype=bool)
    denied = np.any([nobody, *_masks(consent.denied, declared, columns)], axis=0)
    locked = np.any([nobody, *_masks(consent.locked, declared, columns)], axis=0)
    allowed = np.all([~nobody, *_masks(consent.allowed, declared, columns)], axis=0)
    state = np.where(allowed, ConsentState.allowed, ConsentState.unknown).astype(np.int8)
    state[denied], state[locked] = ConsentState.denied, ConsentState.locked
    sends = state == ConsentState.allowed
    if not consent.needs_opt_in:
        sends |= state == ConsentState.unknown
    return ChannelStates(
        state=state,
        basis=_bases(consent, declared, columns, state),
        doubtful=_doubtful(source, declared, columns),
        contradictory=allowed & (denied | locked),
        sends=sends,
    )


def suppressed_states(suppressions: Suppressions, channel: Channel) -> ChannelStates:
    """The states of suppressions for one channel."""
    empty = ChannelStates.empty(len(suppressions))
    denied = suppressions.denied(channel)
    return ChannelStates(
        state=np.where(denied, ConsentState.denied, ConsentState.unknown).astype(np.int8),
        basis=np.where(denied, BASES.index("suppressed"), 0).astype(np.int8),
        doubtful=empty.doubtful,
        contradictory=empty.contradictory,
        sends=empty.sends,
    )


def _bases(
    consent: ChannelConsent,
    declared: Mapping[str, RecordField],
    columns: Mapping[str, CoercedColumn],
    state: Any,
) -> Any:
    basis = np.array([BASES.index(_DEFAULTS[s]) for s in ConsentState], dtype=np.int8)[state]
    for (name, value), named in consent.basis.items():
        basis[equal(declared[name], columns[name], (value,))] = BASES.index(named)
    return basis


def _doubtful(
    source: Source, declared: Mapping[str, RecordField], columns: Mapping[str, CoercedColumn]
) -> Any:
    doubtful = np.zeros(len(source), dtype=bool)
    for name, column in columns.items():
        doubtful |= column.unreadable
        if not declared[name].nullable:
            # A frame that was joined or saved no longer says that a cell was unreadable.
            doubtful |= ~column.present
    problems = source.frame.attrs.get("problems")
    rows = problems.rows if isinstance(problems, Problems) else ()
    if keys := {key for _, key, field, _, _ in rows if field in columns}:
        doubtful |= np.fromiter((key in keys for key in source.keys), bool, len(source))
    return doubtful


def _masks(
    values: Values, declared: Mapping[str, RecordField], columns: Mapping[str, CoercedColumn]
) -> list[Any]:
    """For each of the fields, where its column has one of the values."""
    return [equal(declared[name], columns[name], wanted) for name, wanted in values.items()]


def equal(field: RecordField, column: CoercedColumn, values: tuple[Any, ...]) -> Any:
    """Where a column has one of these values."""
    wanted = [field.choices.index(v) for v in values] if field.kind == "category" else list(values)
    return column.present & np.isin(column.values, wanted)
