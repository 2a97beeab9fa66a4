"""The contacts that a simulator starts with: a few written by hand, then synthetic ones.

Their domains are reserved for fiction, and so are the phone numbers of the first 100,000; those of
more are in area codes that are kept free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from contactkit._frames.files import open_file, to_contacts
from contactkit._frames.frame import rows_of
from contactkit.errors import ConfigurationError
from contactkit.simulator.messages import Row
from contactkit.spec import JSON, Provider, Record, RecordField, fields_of

if TYPE_CHECKING:
    from contactkit.simulator.engine import Engine

FIRST = "Ada Ben Chloe Dev Elena Farid Grace Hugo Ines Jun Kofi Lena Mara Nils Omar Priya".split()
LAST = "Abbott Baker Castro Dubois Evans Fischer Garcia Hansen Ito Jones Kaya Lopez Moreau".split()
WORDS = "vip wholesale newsletter spring trial loyal gift local online early".split()

# https://nationalnanpa.com/number_resource_info/555_numbers.html keeps 555-0100 to 555-0199 for
# fiction in every area code. Codes that start with 0 or 1 do not exist; they come after the others.
_AREAS = [*range(200, 1000), *range(200)]
RESERVED = len(_AREAS) * 100
# https://www.nanpa.com/numbering/area-codes keeps area codes with a 9 in the middle for longer
# numbers in the future: until then nobody has a number in one. 555 is left to those above.
_EXPANSION = [100 * first + 90 + last for first in range(2, 10) for last in range(10)]
_EXCHANGES = [exchange for exchange in range(200, 1000) if exchange != 555]
MOST = RESERVED + len(_EXPANSION) * len(_EXCHANGES) * 10_000


def fill(engine: Engine, contacts: int | str | Path) -> None:
    """Add the contacts of a file, or as many: some written by hand, then synthetic ones."""
    if isinstance(contacts, int):
        _make(engine, contacts)
        return
    try:
        rows = _read(Path(contacts), engine.provider)
    except OSError as error:
        raise ConfigurationError(f"contacts={str(contacts)!r}: {error.strerror}") from None
    for row in rows:
        engine.add({n: v for n, v in row.items() if v is not None}, engine.rules.owner_of(0))


def _make(engine: Engine, count: int) -> None:
    handwritten = _handwritten(engine.provider)
    for row in handwritten[:count]:
        engine.add({n: v for n, v in row.items() if v is not None}, engine.rules.owner_of(0))
    indices = islice(_indices(handwritten), max(0, count - len(handwritten)))
    add_by_age(engine, [engine.sample_row(index) for index in indices], len(handwritten))


def add_by_age(engine: Engine, rows: list[Row], first: int = 0) -> None:
    """Add contacts from old to new; takes them from the list, and `first` came before."""
    created = creation_field(engine.provider)
    rows.sort(key=lambda row: str(row.get(created, "")))
    rows.reverse()
    # Each is dropped once it is added: many of them take as much memory as the contacts.
    for index in range(first, first + len(rows)):
        engine.add(rows.pop(), engine.rules.owner_of(index))


def _indices(handwritten: Sequence[Row]) -> Iterator[int]:
    """Indices for synthetic contacts; none has the phone number of one written by hand."""
    taken = {value for row in handwritten for value in row.values() if isinstance(value, str)}
    first = len(handwritten)
    indices = chain(range(first, RESERVED), range(first), range(RESERVED, MOST))
    return (index for index in indices if phone(index) not in taken)


# Reading the file takes longer than everything else in a small simulator.
_cache: dict[tuple[Path, type[Record]], list[Row]] = {}


def _handwritten(provider: Provider) -> list[Row]:
    file = seed_file(provider)
    if file is None:
        return []
    place = file, provider.record
    if place not in _cache:
        _cache[place] = _read(file, provider)
    return deepcopy(_cache[place])


def _read(file: Path, provider: Provider) -> list[Row]:
    """The rows of a file; their times are as written, since a frame rounds them."""
    table, fields = open_file(file), fields_of(provider.record)
    rows = rows_of(provider.record, to_contacts([table], provider))
    times = [n for n in table.columns if n in fields and fields[n].kind == "datetime"]
    for index, row in enumerate(rows):
        texts = {name: table.columns[name][index] for name in times if row[name]}
        row |= {name: text for name, text in texts.items() if isinstance(text, str)}
    return rows


def seed_file(provider: Provider) -> Path | None:
    """The contacts written by hand for a provider, if it has any."""
    here = Path(__file__)
    folders = (here.parent / "seeds", here.parents[2] / "data" / "seeds")
    files = (folder / f"{provider.name}.csv" for folder in folders)
    return next((file for file in files if file.is_file()), None)


def phone(index: int) -> str:
    """The phone number of the contact with this index; no two below `MOST` are equal.

    Those below `RESERVED` are reserved for fiction, and the others are not assigned.
    """
    if index >= MOST:
        raise ConfigurationError(f"there are only {MOST:,} phone numbers that nobody has")
    if index >= RESERVED:
        place, line = divmod(index - RESERVED, 10_000)
        area, exchange = divmod(place, len(_EXCHANGES))
        return f"+1{_EXPANSION[area]}{_EXCHANGES[exchange]}{line:04d}"
    # A stride without a common factor with 800 * 100 uses the real area codes first.
    real = 80_000
    place = index * 7919 % real if index < real else index
    return f"+1{_AREAS[place // 100]:03d}55501{place % 100:02d}"


@cache
def creation_field(provider: Provider) -> str:
    """The field that says when a contact was created; "" without one."""
    fields = fields_of(provider.record)
    times = [name for name, field in fields.items() if field.kind == "datetime"]
    return next((name for name in times if "created" in name or "inserted" in name), "")


def synthetic(
    provider: Provider, rng: Random, index: int, now: datetime, timestamp: Callable[[datetime], str]
) -> Row:
    """One contact as a row by field name; `index` makes its phone and e-mail unique."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    created = now - timedelta(seconds=rng.randrange(86_400, 200 * 86_400))
    changed = created + timedelta(seconds=rng.randrange(86_400))
    texts = {"phone": phone(index), "email": f"{first}.{last}.{index}@example.com".lower()}
    row: Row = {}
    created_name = creation_field(provider)
    for name, field in fields_of(provider.record).items():
        if field.kind == "datetime":
            row[name] = timestamp(created if name == created_name else changed)
        elif field.marker.personal == "name":
            row[name] = first if "first" in name else last
        else:
            row[name] = texts.get(field.marker.personal) or _value(field, rng)
    return row


def _value(field: RecordField, rng: Random) -> JSON:
    match field.kind:
        case "category":
            return rng.choice(field.choices)
        case "boolean":
            return rng.random() < 0.15
        case "Int64":
            return rng.randrange(100)
        case "list":
            return rng.sample(WORDS, rng.randrange(4))
        case "dict":
            counts = {word: rng.randrange(9) for word in rng.sample(WORDS, rng.randrange(3))}
            return counts if field.accepts(counts) else {w: str(n) for w, n in counts.items()}
        case _ if field.marker.access == "key":
            return ""
        case _:
            return None if field.nullable else rng.choice(WORDS)
