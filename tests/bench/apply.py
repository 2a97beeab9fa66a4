"""`plan.apply` beside the clients that people use: rate-limited, far away, unlimited, and for long.

Contacts of Sent are updated once each, ours with a journal. Who serves them is tests/bench/stub.py,
in its own process. This takes a quarter of an hour, of which the rate limit takes six minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import contactkit as ck
from tests.bench import apply_growth
from tests.bench.apply_peers import (
    ROWS,
    Run,
    bare_httpx,
    bare_sockets,
    has_aiohttp,
    ours,
    run,
    runs,
    sentdm,
    sentdm_aiohttp,
)
from tests.bench.measure import Row, times

LATENCY, RATE = 80, 50
WORKERS, IN_FLIGHT = 16, 64
POSSIBLE = IN_FLIGHT / (LATENCY / 1000)
ROUNDS = 3
MANY, PATIENCE, DAY = 10_000, 1e6, 86_400.0

NOT_THERE = "not there: pip install 'sentdm[aiohttp]'"


def rows() -> Iterator[Row]:
    """All of it, the quick ones first."""
    yield virtual()
    yield from unlimited()
    yield from far()
    yield from apply_growth.rows()
    yield from limited()


def limited() -> Iterator[Row]:
    """Under a rate limit, that of a sliding window and that of a fixed one."""
    for window in ("sliding", "fixed"):
        way = ours(rate_limit=f"{RATE}/second")
        found = run(way, latency=LATENCY, rate=RATE, window=window)
        yield from under_limit(f"{window} window", found, "≤ 1.03x")
    found = run(sentdm(WORKERS), latency=LATENCY, rate=RATE)
    yield from under_limit(f"sliding window, sentdm, {WORKERS} in flight", found)


def under_limit(told: str, found: Run, wanted: str = "") -> Iterator[Row]:
    """Its time beside the shortest that is allowed, and what the server had to say of it."""
    subject, least = f"{found.rows:,} updates, {RATE} a second, {told}", found.rows / RATE
    yield Row(
        subject=subject,
        measured=f"{found.seconds:.1f} s",
        beside="rows / rate",
        against=f"{least:.1f} s",
        outcome=f"{found.seconds / least:.3f}x",
        wanted=wanted,
    )
    yield Row(
        subject=f"{subject}: lost, doubled, 429s",
        measured=f"{found.written:,} written",
        outcome=f"{found.lost:,}, {found.doubled:,}, {found.refused:,}",
        wanted=wanted and "0, 0, 0",
    )


def far() -> Iterator[Row]:
    """With much latency and no limit, beside what so many in flight allow.

    That is a little less than in flight / latency, for a stub's answer takes a moment more, and the
    last round has room for more than is left: bare sockets show how much.
    """
    ways = {
        "bare sockets": bare_sockets(IN_FLIGHT),
        "ours, journaled": ours(IN_FLIGHT),
        "one httpx.AsyncClient": bare_httpx(IN_FLIGHT),
        "sentdm": sentdm(IN_FLIGHT),
    }
    if has_aiohttp():
        ways["sentdm with aiohttp"] = sentdm_aiohttp(IN_FLIGHT)
    measured = runs(ROUNDS, *ways.values(), latency=LATENCY)
    best = measured[0]
    for name, found in zip(ways, measured, strict=True):
        yield Row(
            subject=f"{ROWS:,} updates, {LATENCY} ms away, {IN_FLIGHT} in flight, {name}",
            measured=f"{a_second(found)}, {found.rate / POSSIBLE:.3f} of in flight / latency",
            beside="bare sockets",
            against=a_second(best),
            outcome=f"{found.rate / best.rate:.3f}x",
            wanted="≥ 0.95x" if name.startswith("ours") else "",
        )
    if not has_aiohttp():
        yield Row(subject="sentdm with aiohttp, far away", measured="", outcome=NOT_THERE)


def unlimited() -> Iterator[Row]:
    """Without latency or limit, beside sentdm as installed and with its extra; and CPU alone."""
    peers = {"sentdm": sentdm(WORKERS)}
    if has_aiohttp():
        peers["sentdm with aiohttp"] = sentdm_aiohttp(WORKERS)
    mine, *theirs = runs(ROUNDS, ours(WORKERS), *peers.values())
    for name, found in zip(peers, theirs, strict=True):
        yield from beside_peer(mine, f"{name}, {WORKERS} in flight", found)
    if not has_aiohttp():
        yield Row(subject="sentdm with aiohttp", measured="", outcome=NOT_THERE)


def beside_peer(mine: Run, told: str, found: Run) -> Iterator[Row]:
    """Ours beside a peer: contacts a second, and CPU."""
    subject = f"{ROWS:,} updates on loopback, journaled"
    yield Row(
        subject=subject,
        measured=a_second(mine),
        beside=told,
        against=a_second(found),
        outcome=times(mine.rate / found.rate),
        wanted="" if "aiohttp" in told else "≥ 4x",
    )
    yield Row(
        subject=f"{subject}: CPU a contact",
        measured=us(mine.cost),
        beside=told,
        against=us(found.cost),
        outcome=times(mine.cost / found.cost),
    )


def virtual() -> Row:
    """Under Privy's limits, which allow fewer a day, on a simulator's clock."""
    with ck.connect("privy", via=ck.Simulator(contacts=MANY)) as client:
        people = client.contacts.list()
        plan = client.contacts.plan(people.assign(first_name="Augusta"), people)
        started = time.perf_counter()
        result = plan.apply(progress=False, patience=PATIENCE)
        took = time.perf_counter() - started
    written = int((result["outcome"] == "updated").sum())
    passed = (result["at"].max() - result["at"].min()).total_seconds()
    return Row(
        subject=f"{written:,} of {len(plan):,} updates under Privy's limits, simulated",
        measured=f"{took:.1f} s",
        beside="of its clock, in days",
        against=f"{passed / DAY:.2f}",
        outcome=f"{took:.1f} s",
        wanted="≤ 30 s",
    )


def a_second(found: Run) -> str:
    """Contacts a second."""
    return f"{found.rate:,.0f} a second"


def us(seconds: float) -> str:
    """Seconds as microseconds."""
    return f"{seconds * 1e6:,.0f} µs"
