"""`People`: one table over all sources, with the strictest consent of each person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contactkit._frames.coerce import coerce_column
from contactkit._frames.moments import time_text
from contactkit._people import conflicts, guard, history, links, tables
from contactkit._people.ids import make_ids
from contactkit._people.network import Network
from contactkit._people.plans import Plans
from contactkit._people.refused import Refused, find_refused
from contactkit._people.returned import WrittenNoes, find_returned, find_written_noes
from contactkit._people.source import WHERE, Source
from contactkit._people.suppression import CHANNELS, NAME, Suppressions
from contactkit._people.verdict import Verdict
from contactkit.errors import InvalidInputError
from contactkit.spec.consent import Channel
from contactkit.spec.record import last_change_of

if TYPE_CHECKING:
    from contactkit.forms import PeopleView


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class People:
    """The people behind the contacts of all sources. It is a value: nothing in it changes."""

    sources: tuple[Source, ...]
    suppressions: Suppressions
    network: Network
    text: Verdict
    email: Verdict
    viewer: Callable[[People], PeopleView]
    read_again: Callable[[Mapping[str, Any]], People]

    def verdict(self, channel: Channel) -> Verdict:
        """The verdict on all contacts for one channel."""
        if channel not in CHANNELS:
            message = f"must be {' or '.join(CHANNELS)}, not {channel!r}"
            raise InvalidInputError.one(WHERE, "channel", message)
        return self.text if channel == "text" else self.email

    def conflicting(self, channel: Channel) -> Mapping[str, Any]:
        """The contacts of each kind of conflict."""
        return self._conflicting[channel]

    @cached_property
    def _conflicting(self) -> Mapping[Channel, Mapping[str, Any]]:
        return {channel: conflicts.conflicting_contacts(self, channel) for channel in CHANNELS}

    def returned(self, channel: Channel) -> Mapping[int, datetime | None]:
        """The contacts that said no before and say yes again, and when that no was written here."""
        return self._returned[channel]

    @cached_property
    def _returned(self) -> Mapping[Channel, Mapping[int, datetime | None]]:
        return find_returned(self)

    @cached_property
    def written_noes(self) -> Sequence[WrittenNoes]:
        """The noes that were written to the contacts of each source, by the journal."""
        return [find_written_noes(self, source) for source in self.sources]

    @cached_property
    def refused(self) -> Sequence[Refused]:
        """The noes that the provider of each source refused before, by the journal."""
        return [find_refused(source, self.sources) for source in self.sources]

    @cached_property
    def names(self) -> list[str]:
        """The name of each source, and at last of the suppressions."""
        return [*(source.name for source in self.sources), NAME]

    @cached_property
    def source_of(self) -> Any:
        """The number of the source of each contact."""
        sizes = [*(len(source) for source in self.sources), len(self.suppressions)]
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def keys(self) -> Any:
        """The key of each contact; of a suppression, the number of its row."""
        rows = np.array([str(i) for i in range(len(self.suppressions))], dtype=object)
        return np.concatenate([*(source.keys for source in self.sources), rows])

    @cached_property
    def ids(self) -> Any:
        """The id of each person, as text.

        It is the least keyed digest of the person's contacts, so it depends on no order and on no
        value, and cannot be guessed.
        """
        return make_ids(self)

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """One row per contact, with its person, its own state, and whether its person says no.

        Columns: source, provider, key, person (string), text, email (category of unknown, allowed,
        denied, locked), text_denied, email_denied, text_address, email_address (boolean),
        changed_at (UTC). A suppression is a contact of the source `suppression`.
        """
        return tables.contacts(self)

    @cached_property
    def changed_at(self) -> Any:
        """When each contact last changed, NaT where that is not known: an array of datetime64."""
        parts = [np.empty(0, dtype="datetime64[us]")]
        for source in self.sources:
            field = last_change_of(source.provider.record)
            known = field is not None and field.name in source.frame
            times = np.full(len(source), np.datetime64("NaT", "us"))
            if known and field:
                read = coerce_column(field, source.column(field.name))
                times[read.present] = read.values[read.present]
            parts.append(times)
        since = [row.since and row.since.replace(tzinfo=None) for row in self.suppressions.rows]
        return np.concatenate([*parts, np.array(since, dtype="datetime64[us]")])

    @cached_property
    def stated_by(self) -> Any:
        """The time that each contact's consent is no later than, NaT if there is none.

        It is when the contact last changed or, if that is not known, when it was read.
        """
        read = [at and at.astimezone(UTC).replace(tzinfo=None) for at in self.ages.values()]
        times = np.array([*read, None], dtype="datetime64[us]")[self.source_of]
        return np.where(np.isnat(self.changed_at), times, self.changed_at)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per person, in the order of their ids.

        Columns: person (string), contacts, sources (Int64), phones, emails (lists), text, email
        (category), text_basis, email_basis (category: what the state rests on), textable, mailable
        (boolean: whether some contact of theirs may be written to), conflict (category, the worst
        of `conflicts`), and for each source the number of its contacts (Int64).
        """
        return tables.rows(self)

    @cached_property
    def links(self) -> pd.DataFrame:
        """One row per address of each contact, which says why it joins or does not.

        Columns: person, source, key, field, identifier (string), line (boolean), why (string).
        """
        return links.links(self)

    @cached_property
    def unreadable(self) -> pd.DataFrame:
        """The cells that should be addresses and cannot be read: they join nobody.

        Columns: source, key, field, value (string).
        """
        return tables.unreadable(self)

    @property
    def ages(self) -> dict[str, datetime | None]:
        """When each source was read, None if that is not known."""
        return {source.name: source.read_at for source in self.sources}

    def conflicts(self) -> pd.DataFrame:
        """What disagrees, worst first: one row per person, channel and kind.

        The kinds are `stuck` (a no is to be written but cannot be), `denied_elsewhere` (they said
        no elsewhere, and a provider would still send), `returned` (a contact that had said no, by
        a suppression file or the journal, and says yes again), `contradiction` (a contact whose
        fields say both) and `shared` (a person said no, but a line that they share is open).
        Columns: person, channel, kind (category), denied_by, allowed_at (lists of sources), because
        (string), since (UTC).
        """
        return conflicts.conflicts(self)

    def explain(self, person: str) -> str:
        """Say in sentences which contact made a person denied, and by which chain of addresses."""
        return conflicts.explain(self, person)

    def verdicts(
        self,
        frame: Any,
        channel: Channel,
        *,
        field: str | None = None,
        basis: str | None = None,
        max_age: str | pd.Timedelta | None = "1d",
    ) -> pd.DataFrame:
        """Say for each row whether it may be written to: one row per row, with the same index.

        Columns: may (boolean), because (category), person (string). See `guard`.
        """
        return guard.judge_rows(self, frame, channel, field, basis, max_age)

    def guard(
        self,
        frame: Any,
        channel: Channel,
        *,
        field: str | None = None,
        basis: str | None = None,
        max_age: str | pd.Timedelta | None = "1d",
    ) -> pd.DataFrame:
        """The rows of a campaign that may be written to; index and columns are kept.

        A row may be written to if its address can be read, some source has it, a contact says yes
        for it and none says no. `field` is the column of addresses, found by itself if there is
        only one. With `basis="opted_in"` only a written consent counts as a yes. `attrs` has
        `left_out`, the number of rows by reason, and `ages`, when each source was read. Raises
        InvalidInputError if a source is older than `max_age` or its age is not known, if no column
        or several have addresses, and for an unknown channel or basis.
        """
        found = self.verdicts(frame, channel, field=field, basis=basis, max_age=max_age)
        return guard.keep_allowed(self, frame, found)

    def propagate(self, *, given: Any = None, **clients: Any) -> Plans:
        """Plan to write a no wherever a person said no and a provider would still send.

        There is a plan for each source, by its name; contacts that cannot be written are refused
        there. A source that was read from a frame and has contacts to write needs a client here, by
        its name. `given` has proofs of consent: a frame or a file with the columns address, channel
        (text or email), given_at and how. A proof sets aside the noes of its person, or of its
        line, that are not later. Raises InvalidInputError for a missing client, one of another
        provider, and an invalid proof.
        """
        from contactkit._people.propagate import propagate

        return propagate(self, given, clients)

    def history(self, address: str) -> pd.DataFrame:
        """What is known of the person with this address, oldest first; for a line, its contacts.

        Columns: at (UTC), source, key (string), channel, was, now (category), by (category: `seen`
        in a source when it was read, `written here`, `propagated` or `undone`, by the journal of
        the source's client or the user's own), because, request_id (string). An unknown address has
        no rows. Raises InvalidInputError for what is no address, and JournalError.
        """
        return history.history(self, address)

    def view(self) -> PeopleView:
        """Show as a widget who said no where and is still sent to, and the plans of `propagate`.

        Each number opens its people, and each of them their contacts side by side.
        """
        return self.viewer(self)

    def suppress(self, path: Any, *, digests: bool = False) -> pd.DataFrame:
        """Add every denied address to a suppression file, CSV or Parquet; returns what it has.

        Columns: address, digest, channel, source, key (string: whose no it is), since (UTC),
        key_check (string). `ck.people(suppression=path)` reads it, so that the no of a deleted
        contact is not forgotten: a person's no counts for all their addresses. With `digests` the
        file has keyed digests instead of the addresses. Raises InvalidInputError for a file that
        `suppress` did not write, ConfigurationError for digests under another key, and OSError.
        """
        from contactkit._people import suppress

        return suppress.suppress(self, path, digests=digests)

    def facts(self) -> dict[str, str]:
        """How many people there are, how old each source is, and what disagrees, as text."""
        found = conflicts.count(self)
        return {
            "people": f"{self.network.persons:,}",
            "contacts": f"{self.network.contacts:,}",
            **{
                f"from {source.name}": f"{len(source):,}, read {_age(source)}"
                for source in self.sources
            },
            **({f"from {NAME}": f"{len(self.suppressions):,}"} if self.suppressions.rows else {}),
            "conflicts": ", ".join(f"{n:,} {kind}" for kind, n in found.items()) or "none",
            **({"unreadable": f"{n:,} cells"} if (n := len(self.network.unreadable)) else {}),
        }

    def __repr__(self) -> str:
        from contactkit._plans.tables import as_text

        return as_text("contactkit people", self.facts())

    def _repr_html_(self) -> str:
        from contactkit._plans.tables import as_html

        return as_html("contactkit people", self.facts())


def _age(source: Source) -> str:
    if source.read_at is None:
        return "at an unknown time"
    return ", ".join(filter(None, (time_text(source.read_at), source.time_note)))
