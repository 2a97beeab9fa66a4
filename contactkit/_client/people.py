"""`people`: reads contacts from clients, frames and files into one table of people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contactkit._client.client import Client
from contactkit._client.sources import read_source
from contactkit._people.build import make_people
from contactkit._people.columns import read_addresses, to_texts
from contactkit._people.identifiers import Kind
from contactkit._people.network import read_apart
from contactkit._people.people import People
from contactkit._people.source import WHERE, Source
from contactkit._people.suppression import CHANNELS, Suppressions, read_suppressions
from contactkit.errors import InvalidInputError, warn
from contactkit.spec.national import check_region

if TYPE_CHECKING:
    from contactkit.forms import PeopleView


def people(
    *,
    suppression: str | Path | Sequence[str | Path] | None = None,
    shared_by: int | None = 3,
    apart: Iterable[str] = (),
    region: str | None = None,
    **sources: Any,
) -> People:
    """Put the contacts of several providers together: who is who, and who may be written to.

    A source is a client, whose contacts are read, a contact frame, a table of another library such
    as polars, DuckDB or Arrow, or the path of a file that `read_contacts` reads or of a folder that
    `export` wrote; only the columns that matter are read. Its name is that of its provider, or any
    other if it says itself whose contacts it has, as a client, a frame's `attrs` and an export do.
    Two accounts of a provider have two names. What was read as a part of the contacts, by a filter
    or a limit, is refused, since a no of the others would be missed. `suppression` names files of
    addresses that must not be written to. Contacts are one person if they share a phone number or
    an e-mail address, unless more than `shared_by` contacts of one source have it, it is a role's,
    or it is in `apart`.

    Phone numbers without a country code are read only with a `region`, an ISO 3166-1 alpha-2 code
    such as US, in all sources and suppressions, and in the campaigns of `guard`, as `read_contacts`
    reads them. What cannot be read joins nobody and is listed in `unreadable`; warns if it is
    suppressed, or is all that a contact has which said no.

    Raises InvalidInputError, which names the source and the field, the errors of `list`, and those
    of `read_contacts` for a file.
    """
    return people_of(
        sources, suppression=suppression, shared_by=shared_by, apart=apart, region=region
    )


def people_of(
    sources: Mapping[str, Any],
    *,
    suppression: str | Path | Sequence[str | Path] | None = None,
    shared_by: int | None = 3,
    apart: Iterable[str] = (),
    region: str | None = None,
) -> People:
    """As `people`, where a source may have the name of an option."""
    if shared_by is not None and (type(shared_by) is not int or shared_by < 1):
        raise InvalidInputError.one(WHERE, "shared_by", "must be a whole number from 1, or None")
    check_region(WHERE, region)
    if not sources:
        message = "are missing: give clients, contact frames or files of contacts"
        raise InvalidInputError.one(WHERE, "sources", message)
    lines, suppressions = read_apart(apart, region), _read_suppressions(suppression)
    # To read clients may take hours, so that whatever may be refused comes before.
    order = sorted(sources, key=lambda name: isinstance(sources[name], Client))
    found = {name: read_source(name, sources[name]) for name in order}
    read = [found[name] for name in sources]
    known = suppressions.with_addresses(_known_addresses(read, region))
    # Large frames need not stay in memory.
    clients = {n: s if isinstance(s, Client) else None for n, s in sources.items()}
    options: dict[str, Any] = {"shared_by": shared_by, "apart": lines, "region": region}
    again = partial(_read_again, clients, suppression=suppression, **options)
    made = make_people(read, known, **options, viewer=_view, read_again=again)
    _warn_of_unreadable(made)
    return made


def _read_again(
    known: Mapping[str, Client | None], clients: Mapping[str, Any], **options: Any
) -> People:
    """The people of the same sources, read anew from their clients or from these."""
    found = {name: clients.get(name, client) for name, client in known.items()}
    if others := [name for name, client in found.items() if client is None]:
        message = (
            f"are needed: {', '.join(others)} cannot be read again without a client, and may have "
            "a newer no. Read all sources again, as undo(given=proofs, people=ck.people(…))"
        )
        raise InvalidInputError.one("undo", "people", message)
    return people_of(found, **options)


def _warn_of_unreadable(people: People) -> None:
    """Warn of what says no but has only addresses that cannot be read, and so stops no message."""
    network = people.network
    hint = "" if network.region else "; `region` reads numbers without a country code"
    holders = [holder for holder, _, _ in network.unreadable]
    if count := sum(holder >= network.first[-1] for holder in holders):
        warn(
            f"{count:,} of the suppressed addresses cannot be read, and so close nothing: see "
            f"people.unreadable{hint}"
        )
    for channel in CHANNELS:
        verdict = people.verdict(channel)
        lost = verdict.says_no & ~verdict.reached & (people.source_of < len(people.sources))
        if count := len({holder for holder in holders if lost[holder]}):
            warn(
                f"no address for {channel} can be read of {count:,} contact{'s' * (count > 1)} who "
                f"said no to it, and the no may miss others of theirs: see people.unreadable{hint}"
            )


def _view(people: People) -> PeopleView:
    # Importing the widgets is slow.
    from contactkit.forms import PeopleView

    return PeopleView(people)


def _read_suppressions(paths: str | Path | Sequence[str | Path] | None) -> Suppressions:
    listed = [paths] if isinstance(paths, str | Path) else paths or ()
    if not isinstance(listed, Sequence) or not all(isinstance(p, str | Path) for p in listed):
        raise InvalidInputError.one(WHERE, "suppression", "must be the path of a file, or several")
    return Suppressions(tuple(row for path in listed for row in read_suppressions(path).rows))


def _known_addresses(sources: Sequence[Source], region: str | None) -> Iterable[str]:
    for source in sources:
        consent = source.provider.consent
        kinds: dict[Kind, Sequence[str]] = {"phone": consent.phones, "email": consent.emails}
        for kind, fields in kinds.items():
            for name in fields:
                if name in source.frame:
                    known = read_addresses(kind, source.column(name), region)[1]
                    yield from to_texts(kind, known)
