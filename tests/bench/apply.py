"""`plan.apply` beside other clients: unlimited, far away, among many contacts, rate-limited.

Contacts of Sent are updated once each, ours with a journal. This takes a quarter of an hour, six
minutes of it for the rate limit. Run as a program it applies one plan and measures its memory.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import contactkit as ck
from tests.bench.measure import Row, memory, mib, ratio, run_alone, serving, us
from tests.bench.peers import (
    ROWS,
    Run,
    bare_httpx,
    bare_sockets,
    median_runs,
    ours,
    run,
    sentdm,
    sentdm_aiohttp,
)
from tests.support.providers import lift_suppressions

LATENCY, RATE = 80, 50
WORKERS, IN_FLIGHT = 16, 64
POSSIBLE = IN_FLIGHT / (LATENCY / 1000)
ROUNDS, GROWTH_ROUNDS = 3, 5
SIMULATED, PATIENCE, DAY = 10_000, 1e6, 86_400.0
FEW, MANY = 1_000, 100_000


def rows() -> Iterator[Row]:
    """All of it, the quick ones first."""
    yield simulated()
    yield from unlimited()
    yield from far_away()
    yield from growth()
    yield from rate_limited()


def simulated() -> Row:
    """Under Privy's limits, which allow fewer a day, on a simulator's clock."""
    simulator = ck.Simulator(contacts=SIMULATED)
    with ck.connect("privy", via=simulator) as client:
        lift_suppressions(simulator)
        people = client.contacts.list()
        plan = client.contacts.plan(people.assign(first_name="Augusta"), people)
        started = time.perf_counter()
        result = plan.apply(progress=False, patience=PATIENCE)
        seconds = time.perf_counter() - started
    written = int((result["outcome"] == "updated").sum())
    passed = (result["at"].max() - result["at"].min()).total_seconds()
    return Row(
        subject=f"{written:,} of {len(plan):,} updates under Privy's limits, simulated",
        measured=f"{seconds:.1f} s",
        beside="of its clock, in days",
        against=f"{passed / DAY:.2f}",
        outcome=f"{seconds:.1f} s",
        wanted="≤ 30 s",
    )


def unlimited() -> Iterator[Row]:
    """Without latency or limit, beside sentdm without and with its extra: the rate and the CPU."""
    subject = f"{ROWS:,} updates on loopback, journaled"
    peers = {"sentdm": sentdm(WORKERS), "sentdm with aiohttp": sentdm_aiohttp(WORKERS)}
    mine, *others = median_runs(ROUNDS, ours(WORKERS), *peers.values())
    for name, other in zip(peers, others, strict=True):
        beside, wanted = f"{name}, {WORKERS} in flight", "≥ 4x" if name == "sentdm" else ""
        yield ratio(subject, mine.rate, beside, other.rate, wanted, a_second)
        yield ratio(f"{subject}: CPU a contact", mine.cost, beside, other.cost, unit=us)


def far_away() -> Iterator[Row]:
    """With latency and no limit, beside bare sockets.

    They reach a little less than in flight / latency, since the server takes a moment for an answer
    and the last round has room for more contacts than are left.
    """
    peers = {
        "bare sockets": bare_sockets(IN_FLIGHT),
        "ours, journaled": ours(IN_FLIGHT),
        "one httpx.AsyncClient": bare_httpx(IN_FLIGHT),
        "sentdm": sentdm(IN_FLIGHT),
        "sentdm with aiohttp": sentdm_aiohttp(IN_FLIGHT),
    }
    runs = median_runs(ROUNDS, *peers.values(), latency=LATENCY)
    best = runs[0]
    for name, other in zip(peers, runs, strict=True):
        rate = a_second(other.rate)
        yield Row(
            subject=f"{ROWS:,} updates, {LATENCY} ms away, {IN_FLIGHT} in flight, {name}",
            measured=f"{rate}, {other.rate / POSSIBLE:.3f} of in flight / latency",
            beside="bare sockets",
            against=a_second(best.rate),
            outcome=f"{other.rate / best.rate:.3f}x",
            wanted="≥ 0.95x" if name.startswith("ours") else "",
        )


def growth() -> Iterator[Row]:
    """A row among many beside a row among few, which are measured before and after."""
    few, many = [run_alone("apply", FEW) for _ in range(GROWTH_ROUNDS)], run_alone("apply", MANY)
    few += [run_alone("apply", FEW) for _ in range(GROWTH_ROUNDS)]
    subject, beside = f"a row of {MANY:,} applied", f"of {FEW:,}"
    for figure, label in (("seconds", "time"), ("cpu", "CPU")):
        more, less = many[figure] / MANY, median(run[figure] for run in few) / FEW
        yield ratio(f"{subject}, {label}", more, beside, less, "≤ 1.2x", us)
    grown, base = many["bytes"], median(run["bytes"] for run in few)
    yield Row(
        subject=f"{subject}, memory",
        measured=mib(grown),
        beside=beside,
        against=mib(base),
        outcome=f"{(grown - base) / (MANY - FEW) / 1000:.2f} kB a row",
        wanted="≤ 3 kB a row",
    )


def apply_alone(size: int) -> dict[str, float]:
    """Seconds and CPU of one apply, and by how many bytes it raises the peak, on Linux."""
    with serving() as address, ours(IN_FLIGHT)(address, size) as apply:
        gc.collect()
        # From here on, the peak is that of what follows: proc(5).
        Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
        cpu, started = time.process_time(), time.perf_counter()
        result = apply()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        grown = memory("VmHWM") - before
        del result
    return {"seconds": seconds, "cpu": cpu, "bytes": grown}


def rate_limited() -> Iterator[Row]:
    """Under a sliding and under a fixed window of a rate limit."""
    for window in ("sliding", "fixed"):
        limited = run(ours(rate_limit=f"{RATE}/second"), latency=LATENCY, rate=RATE, window=window)
        yield from beside_the_limit(f"{window} window", limited, "≤ 1.03x")
    limited = run(sentdm(WORKERS), latency=LATENCY, rate=RATE)
    yield from beside_the_limit(f"sliding window, sentdm, {WORKERS} in flight", limited)


def beside_the_limit(setting: str, limited: Run, wanted: str = "") -> Iterator[Row]:
    """The time of a run beside the least that is allowed, and what the server has counted."""
    subject, least = f"{limited.rows:,} updates, {RATE} a second, {setting}", limited.rows / RATE
    yield Row(
        subject=subject,
        measured=f"{limited.seconds:.1f} s",
        beside="rows / rate",
        against=f"{least:.1f} s",
        outcome=f"{limited.seconds / least:.3f}x",
        wanted=wanted,
    )
    yield Row(
        subject=f"{subject}: lost, doubled, 429s",
        measured=f"{limited.written:,} written",
        outcome=f"{limited.lost:,}, {limited.doubled:,}, {limited.refused:,}",
        wanted=wanted and "0, 0, 0",
    )


def a_second(rate: float) -> str:
    """Contacts a second."""
    return f"{rate:,.0f} a second"


def main(size: int) -> None:
    """Print the figures of an apply; one before it fills caches and is not counted."""
    apply_alone(FEW)
    print(json.dumps(apply_alone(size)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
