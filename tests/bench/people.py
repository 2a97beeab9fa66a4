"""People over four providers: CPU seconds and memory, beside an encoding of the addresses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import contactkit as ck
from contactkit._frames.frame import STRING, TIME, dtype_of
from contactkit._people.source import needed_columns
from contactkit._providers import find, names
from contactkit.spec.record import RecordField, fields_of
from tests.bench.measure import Row, memory, mib, run_alone

SIZES = {100_000: "≤ 1 s", 1_000_000: "≤ 12 s"}
GUARD = {1_000_000: "≤ 3 s"}
MEMORY = {1_000_000: "≤ 1,500 MiB"}
# How many contacts state each address: about six of the eight that they may have.
_STATED = {"mobile": 1.0, "email": 0.75, "home": 0.4, "work": 0.2}


def rows() -> Iterator[Row]:
    """Each size in a process of its own."""
    for size, wanted in SIZES.items():
        result = run_alone("people", size)
        subject = f"people of 4 x {size:,} contacts"
        yield Row(
            subject=subject,
            measured=f"{result['people']:.2f} s of CPU",
            beside=f"dictionary_encode of {result['addresses']:,} addresses",
            against=f"{result['encode']:.2f} s",
            outcome=f"{result['people'] / result['encode']:.1f}x",
            wanted=wanted,
        )
        peak = mib(result["peak"])
        yield Row(subject=f"{subject}, whole process", outcome=peak, wanted=MEMORY.get(size, ""))
        yield Row(
            subject=f"guard of {size:,} rows",
            outcome=f"{result['guard']:.2f} s of CPU",
            wanted=GUARD.get(size, ""),
        )
        yield Row(
            subject=f"plans of {result['writes']:,} noes",
            outcome=f"{result['propagate']:.2f} s of CPU",
            wanted="",
        )


def main() -> None:
    """Measure one size in this process, and print JSON."""
    size = int(sys.argv[1])
    frames = make_frames(size)
    read: Any = ck.people  # imports what it needs
    people, seconds = _timed(lambda: read(**frames))
    peak = memory("VmHWM")
    campaign = pd.DataFrame({"to": frames["sendblue"]["phone"]})
    _, guarded = _timed(lambda: people.guard(campaign, "text", max_age=None))
    addresses = [
        pa.array(column.dropna()) for frame in frames.values() for column in _addresses(frame)
    ]
    _, encoding = _timed(lambda: pa.chunked_array(addresses).dictionary_encode())
    held = sum(map(len, addresses))
    clients = {name: ck.connect(name, via=ck.Simulator(contacts=0)) for name in frames}
    plans, planning = _timed(lambda: people.propagate(**clients))
    writes = sum(map(len, plans.values()))
    result = {"people": seconds, "guard": guarded, "encode": encoding, "peak": peak}
    result |= {"propagate": planning, "writes": writes, "addresses": held}
    print(json.dumps(result))


def _timed(call: Any) -> tuple[Any, float]:
    started = time.process_time()
    result = call()
    return result, time.process_time() - started


def _addresses(frame: pd.DataFrame) -> Iterator[Any]:
    consent = find(frame.attrs["provider"]).consent
    yield from (frame[name] for name in (*consent.phones, *consent.emails))


def make_frames(size: int) -> dict[str, pd.DataFrame]:
    """A frame of each provider with people of one population, who do not state every address."""
    random = np.random.default_rng(7)
    population = size * 10 // 7
    everybody = np.arange(population)
    desk = everybody // 2 % max(1, population // 1000)
    texts = {
        "mobile": _texts("+1{}{:07d}", 202 + everybody % 700, everybody * 7919 % 10_000_000),
        "home": _texts("+1{}9{:06d}", 202 + everybody // 3 % 700, everybody // 3 % 1_000_000),
        "work": _texts("+1{}8{:06d}", 202 + desk % 700, desk),
        "email": _texts("Person.{}@Example{}.com", everybody, everybody % 97),
    }
    frames = {}
    for name in names():
        chosen = random.choice(population, size, replace=False)
        columns: dict[str, Any] = {}
        consent, declared = find(name).consent, fields_of(find(name).record)
        for field in needed_columns(find(name)):
            if field in (*consent.phones, *consent.emails):
                kind = "email" if field in consent.emails else field.removeprefix("phone_")
                kind = kind if kind in texts else "mobile"
                stated = random.random(size) < _STATED[kind]
                cells = np.where(stated, texts[kind][chosen], None)
                columns[field] = pd.array(cells, dtype=STRING)
            else:
                columns[field] = _column(declared[field], name, size, random)
        frames[name] = pd.DataFrame(columns)
        frames[name].attrs["provider"] = name
    return frames


def _texts(form: str, *parts: Any) -> Any:
    rows = zip(*(part.tolist() for part in parts), strict=True)
    return np.array([form.format(*row) for row in rows], dtype=object)


def _column(field: RecordField, name: str, size: int, random: np.random.Generator) -> Any:
    match field.kind:
        case "category":
            codes = random.integers(0, len(field.choices), size)
            return pd.Categorical.from_codes(codes, dtype=dtype_of(field))
        case "boolean":
            return pd.array(random.random(size) < 0.1, dtype="boolean")
        case "datetime":
            return pd.array([pd.Timestamp("2026-01-01", tz="UTC")] * size, dtype=TIME)
        case _:
            return pd.array([f"{name}-{number}" for number in range(size)], dtype=STRING)


if __name__ == "__main__":
    main()
