"""A thousand accounts in virtual time, and all of their contacts.

`CONTACTKIT_FLEET_CONTACTS=100000 python -m pytest -n0 -s tests/fleet/test_scale.py` has as many
contacts an account, and takes 40 minutes of a processor. With -s it prints what it measures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as parquet

import contactkit as ck
from tests.bench.measure import memory
from tests.support.far_world import FarAccount, key_of_contact

ACCOUNTS = 1_000
CONTACTS = int(os.environ.get("CONTACTKIT_FLEET_CONTACTS", "1000"))
PAGES = -(-CONTACTS // 100)
# Sent's own for 100,000 contacts; with fewer, the limits still take five minutes.
PER_MINUTE = -(-PAGES // 5)


def test_a_thousand_accounts_are_whole_and_keep_their_limits(tmp_path: Path) -> None:
    worlds = [FarAccount(number, CONTACTS, PER_MINUTE) for number in range(ACCOUNTS)]
    limit = {"rate_limit": f"{PER_MINUTE}/minute"}
    accounts = {f"a{each.number}": {"provider": "sent", "via": each, **limit} for each in worlds}
    folder, before = tmp_path / "people", time.process_time()
    report = ck.fleet(accounts).export(folder)
    show(worlds, time.process_time() - before)
    assert report.frame["outcome"].eq("done").all(), report
    assert report.frame["rows"].eq(CONTACTS).all()
    # Any minute with more requests than the limit has some refused.
    assert {(world.requests, world.refused) for world in worlds} == {(PAGES, 0)}
    # The first minute's requests pass all at once.
    least = (PAGES - 1) // PER_MINUTE * 60
    assert all(least <= world.seconds <= 1.1 * PAGES / PER_MINUTE * 60 for world in worlds)
    check_files(folder)


def show(worlds: Sequence[FarAccount], cpu: float) -> None:
    """Print what was measured."""
    requests = sum(world.requests for world in worlds)
    refused = sum(world.refused for world in worlds)
    longest, wanted = max(world.seconds for world in worlds), PAGES / PER_MINUTE * 60
    print(f"\n{ACCOUNTS:,} accounts of {CONTACTS:,} contacts: {requests:,} requests")
    print(f"{refused:,} over a limit; the longest took {longest:,.1f} s of {wanted:g}")
    print(f"{cpu:,.0f} s of the processor, {memory('VmHWM') / 2**20:,.0f} MiB")


def check_files(folder: Path) -> None:
    """One schema, every row, and each account has its own contacts."""
    files = [*folder.rglob("*.parquet")]
    assert len({parquet.read_schema(file).remove_metadata().to_string() for file in files}) == 1
    dataset = ds.dataset(folder, partitioning="hive", exclude_invalid_files=False)
    assert dataset.count_rows() == ACCOUNTS * CONTACTS
    for number in range(ACCOUNTS):
        keys = parquet.read_table(folder / f"account=a{number}", columns=["id"])["id"]
        first, last = (key_of_contact(number, place) for place in (0, CONTACTS - 1))
        assert pc.count_distinct(keys).as_py() == CONTACTS
        assert pc.min_max(keys).as_py() == {"min": first, "max": last}
