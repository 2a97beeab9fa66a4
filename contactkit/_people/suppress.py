"""Which addresses a suppression file gets: those of everybody who said no, and what it has."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import platformdirs

from contactkit._frames.paths import has_file
from contactkit._journal.lease import lock_file
from contactkit._people.conflicts import deniers_of_person
from contactkit._people.identifiers import canonical
from contactkit._people.network import OWN
from contactkit._people.source import WHERE
from contactkit._people.suppression import (
    CHANNELS,
    NAME,
    Suppression,
    Suppressions,
    read_own_suppressions,
    write_suppressions,
)
from contactkit._people.verdict import DENIED
from contactkit.errors import ConfigurationError, InvalidInputError
from contactkit.spec.consent import Channel

if TYPE_CHECKING:
    from contactkit._people.people import People

# A million addresses take seconds to write.
_PAUSE, _TRIES = 0.1, 600

_Place: TypeAlias = tuple[Channel, str]


def suppress(people: People, path: str | Path, *, digests: bool) -> pd.DataFrame:
    """Write the file; see `People.suppress`."""
    if not isinstance(path, str | Path):
        raise InvalidInputError.one(WHERE, "path", "must be the path of a file")
    if type(digests) is not bool:
        raise InvalidInputError.one(WHERE, "digests", "must be True or False")
    with _locked(Path(path)):
        return _add(people, path, digests=digests)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one call at a time read and replace a file, else one would lose what another adds.

    The lock is in the user's data folder, since beside the file it would stay there for good.
    """
    folder = platformdirs.user_data_path("contactkit") / "locks"
    file = folder / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror}") from error
    for _ in range(_TRIES):
        try:
            lock = lock_file(file)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            with closing(lock):
                return (yield)
    raise ConfigurationError(
        f"{path}: another call of suppress writes it; try again when it is done"
    )


def _add(people: People, path: str | Path, *, digests: bool) -> pd.DataFrame:
    earlier = read_own_suppressions(path) if has_file(path) else Suppressions()
    earlier = earlier.with_addresses(people.network.addresses.tolist())
    denied = (row for channel in CHANNELS for row in _denied(people, channel))
    rows: dict[_Place, Suppression] = {}
    # What a file has already keeps its source.
    for row in [*earlier.rows, *people.suppressions.rows, *denied]:
        address = canonical(row.kind, row.address, people.network.region) or row.address
        rows.setdefault((row.channel, address or row.digest), replace(row, address=address))
    if digests:
        rows = {place: row for place, row in rows.items() if row.digest or row.is_readable}
    return write_suppressions(path, [*rows.values()], digests=digests)


def _denied(people: People, channel: Channel) -> Iterator[Suppression]:
    """All addresses of the denied people, since each of them leads to the person, and the lines."""
    network, verdict = people.network, people.verdict(channel)
    own = network.line[network.held] == OWN
    persons = network.person[network.holder]
    denied = own & (verdict.by_person >= DENIED)[persons]
    addresses, firsts = np.unique(network.held[denied], return_index=True)
    known: dict[int, Suppression] = {}
    for address, person in zip(addresses.tolist(), persons[denied][firsts].tolist(), strict=True):
        if person not in known:
            deniers = deniers_of_person(people, verdict, person)
            known[person] = _suppression(people, channel, deniers)
        yield replace(known[person], address=network.addresses[address])
    for line in np.flatnonzero(verdict.by_line & (network.line != OWN)).tolist():
        deniers = verdict.line_deniers[verdict.line_group[line]]
        yield replace(_suppression(people, channel, deniers), address=network.addresses[line])


def _suppression(people: People, channel: Channel, deniers: Sequence[int]) -> Suppression:
    """The row of a no, without its address: what a file has already keeps its source."""
    by = max(deniers, key=lambda contact: people.source_of[contact])
    if people.names[people.source_of[by]] == NAME:
        row = people.suppressions.rows[by - people.network.first[-1]]
        return replace(row, digest="", address="")
    changed = people.changed_at[by]
    return Suppression(
        channel=channel,
        source=people.names[people.source_of[by]],
        key=str(people.keys[by]),
        since=None if np.isnat(changed) else changed.item().replace(tzinfo=UTC),
    )
