"""What this tool wrote to the consent of a source's contacts, by the journal of its client."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from contactkit._http.world import Live
from contactkit._journal.reading import parse_reading
from contactkit._journal.store import Journal
from contactkit._people.identifiers import canonical_phone
from contactkit._people.source import Source
from contactkit.spec.consent import Channel, ChannelConsent, ConsentState
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import key_of
from contactkit.spec.validate import is_phone

if TYPE_CHECKING:
    from contactkit._http.session import Session

Entry: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ConsentWrite:
    """One write to a channel of a contact: the state before and after it, None if not known.

    `entry` is that of the journal with this id. The contact was deleted if `deleted`, and `seen`
    says whether the source was read after the write.
    """

    key: str = field(repr=False)
    channel: Channel
    was: ConsentState | None
    now: ConsentState | None
    at: datetime
    deleted: bool
    seen: bool
    journal: str
    entry: Mapping[str, Any] = field(repr=False)

    @property
    def is_no(self) -> bool:
        """Whether a no was written; what is created with consent may keep one of the provider's."""
        no = self.now is not None and self.now >= ConsentState.denied
        return no and not (self.entry["operation"] == "create" and self.entry["opt_in"])


def consent_writes(source: Source, sources: Sequence[Source]) -> list[ConsentWrite]:
    """The writes to the consent of contacts at a source's provider, oldest first."""
    names = _names_of(source.provider)
    id, entries = read_entries(
        source,
        sources,
        lambda journal, url: journal.consent_entries(source.provider.name, url, [*names]),
    )
    return [*_writes_of(source, names, id, entries)]


def read_entries(
    source: Source,
    sources: Sequence[Source],
    read: Callable[[Journal, str], list[Entry]],
    session: Session | None = None,
) -> tuple[str, list[Entry]]:
    """What is read of the journal of a source, or of a session of its provider, and its id.

    `read` gets the journal and the address of the provider. A replaced key is another account, so
    the entries are those of all accounts of the provider but those of the other sources. Simulated
    contacts in a frame have no journal.
    """
    session = session or _session_of(source)
    if session is not None:
        accounts = {other.account for each in sources if (other := _session_of(each))}
        entries = read(session.plan_journal, session.base_url)
        others = accounts - {session.account}
        return session.plan_journal.id, [e for e in entries if e["account"] not in others]
    if source.frame.attrs["world"] not in ("", Live.name):
        return "", []
    with closing(Journal()) as journal:
        return journal.id, read(journal, source.provider.base_url)


def _session_of(source: Source) -> Session | None:
    return source.client.contacts.runner.session if source.client else None


def _writes_of(
    source: Source, names: Mapping[str, str], id: str, entries: Iterable[Entry]
) -> Iterator[ConsentWrite]:
    provider = source.provider
    reading = parse_reading(source.frame.attrs.get("journal"))
    for entry in entries:
        at: datetime = entry["at"] or entry["made_at"]
        if reading is None:
            seen = source.read_at is not None and at < source.read_at
        else:
            seen = reading.shows(id, entry["id"])
        for channel, was, now in _states(provider, names, entry):
            yield ConsentWrite(
                key=canonical_key(provider, str(entry["key"])),
                channel=channel,
                was=was,
                now=now,
                at=at,
                deleted=entry["operation"] == "delete",
                seen=seen,
                journal=id,
                entry=entry,
            )


def find_rows(source: Source, wanted: Collection[str]) -> dict[str, int]:
    """The row of each of these canonical keys that the source has."""
    if not wanted:
        return {}
    keys = (canonical_key(source.provider, key) for key in source.keys.tolist())
    return {key: row for row, key in enumerate(keys) if key in wanted}


def canonical_key(provider: Provider, key: str) -> str:
    """A key as it is compared: a phone number in its one spelling."""
    return (canonical_phone(key) or key) if is_phone(key_of(provider.record)) else key.lower()


def _names_of(provider: Provider) -> dict[str, str]:
    """The fields of consent, by the names that verbs have for them."""
    consent = provider.consent.fields
    others = {
        name: field
        for endpoint in provider.endpoints
        for name, field in endpoint.writes.items()
        if field in consent
    }
    return {**{name: name for name in consent}, **others}


def _states(
    provider: Provider, names: Mapping[str, str], entry: Mapping[str, Any]
) -> Iterator[tuple[Channel, ConsentState | None, ConsentState | None]]:
    """The channels that a write touches, with their states before and after it."""
    deletes = entry["operation"] == "delete"
    by_consent = entry["operation"] == "create" and entry["opt_in"]
    before: Mapping[str, JSON] = entry["before"] or {}
    changes = {names[name]: value for name, value in entry["changes"].items() if name in names}
    after = {**before, **changes, **(entry["after"] or {})}
    for channel, consent in provider.consent.channels.items():
        if deletes or by_consent or not consent.fields.isdisjoint(changes):
            was = _state(consent, before)
            if was is not None or not deletes:
                yield channel, was, None if deletes else _state(consent, after)


def _state(consent: ChannelConsent, contact: Mapping[str, JSON]) -> ConsentState | None:
    """The state of a contact, None if it lacks fields and those that it has are no no."""
    state = consent.state(contact)
    known = state >= ConsentState.denied or consent.fields <= contact.keys()
    return state if known else None
