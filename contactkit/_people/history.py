"""The history of an address: what its contacts say, and what this tool wrote to them, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pandas as pd

from contactkit._frames.frame import STRING, TIME, declared_frame
from contactkit._people.conflicts import CHANNEL, values_text
from contactkit._people.identifiers import canonical, kind_of
from contactkit._people.network import OWN
from contactkit._people.source import Source
from contactkit._people.suppression import CHANNELS
from contactkit._people.tables import STATE
from contactkit._people.written import ConsentWrite, canonical_key, consent_writes
from contactkit._plans.resume import is_undo_name
from contactkit.errors import InvalidInputError
from contactkit.spec.consent import ConsentState
from contactkit.spec.provider import JSON

if TYPE_CHECKING:
    from contactkit._people.people import People

BY = pd.CategoricalDtype(["seen", "written here", "propagated", "undone"])
COLUMNS: dict[str, Any] = {
    "at": TIME,
    "source": STRING,
    "key": STRING,
    "channel": CHANNEL,
    "was": STATE,
    "now": STATE,
    "by": BY,
    "because": STRING,
    "request_id": STRING,
}


def history(people: People, address: Any) -> pd.DataFrame:
    """What is known of the contacts of an address, oldest first; see `People.history`."""
    region = people.network.region
    text = canonical(kind_of(str(address)), address, region)
    if not text:
        message = "must be a phone number with its country code, or an e-mail address"
        raise InvalidInputError.one("people history", "address", message)
    contacts = _contacts_of(people, text)
    rows = [*_written(people, contacts, text), *_seen(people, contacts)]
    frame = declared_frame(COLUMNS, rows)
    return frame.sort_values("at", kind="stable", ignore_index=True)


def _contacts_of(people: People, address: str) -> list[int]:
    """The contacts of the person who has an address; of a line, those that have it."""
    network = people.network
    number = int(network.find(kind_of(address), [address])[0])
    if number < 0:
        return []
    holders = network.holders_of(number)
    if network.line[number] != OWN:
        return sorted({*holders.tolist()})
    return sorted(network.members(network.person[holders[0]]).tolist())


def _seen(people: People, contacts: Iterable[int]) -> Iterator[dict[str, Any]]:
    """What the contacts say, at the time when that was read or, of a suppression, began."""
    read_at = [*people.ages.values()]
    for contact in contacts:
        number = int(people.source_of[contact])
        suppressed = number == len(people.sources)
        since = pd.Timestamp(people.changed_at[contact])
        for channel in CHANNELS:
            state = people.verdict(channel).states.state[contact]
            declared = suppressed or channel in people.sources[number].provider.consent.channels
            if not declared or (suppressed and state < ConsentState.denied):
                continue
            changed = "" if suppressed or pd.isna(since) else f", last changed {since:%Y-%m-%d}"
            yield {
                "at": since.tz_localize(UTC) if suppressed else read_at[number],
                "source": people.names[number],
                "key": people.keys[contact],
                "channel": channel,
                "now": ConsentState(state).name,
                "by": "seen",
                "because": values_text(people, channel, contact) + changed,
            }


def _written(people: People, contacts: Iterable[int], address: str) -> Iterator[dict[str, Any]]:
    """What was written to the contacts, and to those that had the address when it was."""
    mine = [(int(people.source_of[c]), people.keys[c]) for c in contacts]
    shown = set[tuple[str, int, str]]()
    for number, source in enumerate(people.sources):
        keys = {canonical_key(source.provider, key) for n, key in mine if n == number}
        for write in consent_writes(source, people.sources):
            # Frames of two accounts have the same journal.
            place = (write.journal, write.entry["id"], write.channel)
            is_theirs = write.key in keys or _had(source, write, address, people.network.region)
            if is_theirs and place not in shown:
                shown.add(place)
                yield _row(source, write)


def _had(source: Source, write: ConsentWrite, address: str, region: str | None) -> bool:
    """Whether a contact had an address before or after a write."""
    kind, consent = kind_of(address), source.provider.consent
    names = consent.phones if kind == "phone" else consent.emails
    images = [write.entry[image] or {} for image in ("before", "after", "changes")]
    cells = (image.get(name) for image in images for name in names)
    return any(cell is not None and canonical(kind, cell, region) == address for cell in cells)


def _row(source: Source, write: ConsentWrite) -> dict[str, Any]:
    entry = write.entry
    reasons = [r for r in entry["because"] or [] if r["channel"] == write.channel]
    undone = is_undo_name(entry["plan"] or "")
    by = "undone" if undone else "propagated" if reasons else "written here"
    changes = ", ".join(f"{name}={value}" for name, value in entry["changes"].items())
    own = "deleted" if write.deleted else changes
    return {
        "at": write.at,
        "source": source.name,
        "key": entry["key"],
        "channel": write.channel,
        "was": None if write.was is None else write.was.name,
        "now": None if write.now is None else write.now.name,
        "by": by,
        "because": "; ".join(map(_reason_text, reasons)) or own,
        "request_id": entry["request_id"],
    }


def _reason_text(reason: Mapping[str, JSON]) -> str:
    """A reason of the journal in words: a contact's no, or a proof of consent."""
    if "how" in reason:
        return f"consent given {reason['given_at']}: {reason['how']}"
    text = f"{reason['source']} {reason['key']} says {reason['field']}={reason['value']}"
    path = reason.get("path")
    return f"{text}, by {', '.join(map(str, path))}" if isinstance(path, list) and path else text
