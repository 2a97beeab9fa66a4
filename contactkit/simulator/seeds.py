"""Synthetic contacts, made from a declaration: only numbers and domains reserved for fiction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from contactkit.errors import ConfigurationError
from contactkit.simulator.messages import Row
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of

FIRST = "Ada Ben Chloe Dev Elena Farid Grace Hugo Ines Jun Kofi Lena Mara Nils Omar Priya".split()
LAST = "Abbott Baker Castro Dubois Evans Fischer Garcia Hansen Ito Jones Kaya Lopez Moreau".split()
WORDS = "vip wholesale newsletter spring trial loyal gift local online early".split()

# https://nationalnanpa.com/number_resource_info/555_numbers.html keeps 555-0100 to 555-0199 for
# fiction in every area code. Codes that start with 0 or 1 do not exist; they come last.
_AREAS = [*range(200, 1000), *range(200)]
MOST = len(_AREAS) * 100


def phone(index: int) -> str:
    """The phone number of the contact with this index; no two are alike below `MOST`."""
    if index >= MOST:
        raise ConfigurationError(f"there are only {MOST:,} phone numbers reserved for fiction")
    # A stride that shares no factor with 800 * 100 deals out the real area codes first.
    real = 80_000
    place = index * 7919 % real if index < real else index
    return f"+1{_AREAS[place // 100]:03d}55501{place % 100:02d}"


def birth(provider: Provider) -> str:
    """The field that says when a contact was created; "" where none does."""
    times = [n for n, each in fields_of(provider.record).items() if each.kind == "datetime"]
    return next((n for n in times if "created" in n or "inserted" in n), "")


def synthetic(
    provider: Provider, rng: Random, index: int, now: datetime, stamp: Callable[[datetime], str]
) -> Row:
    """One contact as a row by field name; `index` makes its phone and e-mail its own."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    created = now - timedelta(seconds=rng.randrange(86_400, 200 * 86_400))
    changed = created + timedelta(seconds=rng.randrange(86_400))
    texts = {
        "phone": phone(index),
        "email": f"{first}.{last}.{index}@example.com".lower(),
    }
    row: Row = {}
    born = birth(provider)
    for name, field in fields_of(provider.record).items():
        if field.kind == "datetime":
            row[name] = stamp(created if name == born else changed)
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
            made = {word: rng.randrange(9) for word in rng.sample(WORDS, rng.randrange(3))}
            return made if field.accepts(made) else {word: str(n) for word, n in made.items()}
        case _ if field.marker.access == "key":
            return ""
        case _:
            return None if field.nullable else rng.choice(WORDS)


def seed_file(provider: Provider) -> Path | None:
    """The few contacts written by hand for a provider, if it has them."""
    here = Path(__file__)
    homes = (here.parent / "seeds", here.parents[2] / "data" / "seeds")
    files = (home / f"{provider.name}.csv" for home in homes)
    return next((file for file in files if file.is_file()), None)
