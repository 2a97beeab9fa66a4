"""A thousand accounts in virtual time; CONTACTKIT_FLEET_CONTACTS has another number of contacts."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as parquet

import contactkit as ck
from tests.support.far_world import FarAccount, key_of_contact

ACCOUNTS = 1_000
CONTACTS = int(os.environ.get("CONTACTKIT_FLEET_CONTACTS", "1000"))


def test_a_thousand_accounts_are_whole_and_keep_their_limits(tmp_path: Path) -> None:
    worlds = {f"a{number}": FarAccount(number, CONTACTS) for number in range(ACCOUNTS)}
    fleet = ck.fleet({name: {"provider": "sent", "via": each} for name, each in worlds.items()})
    report = fleet.export(tmp_path / "people")
    assert report.frame["outcome"].eq("done").all(), report
    assert report.frame["rows"].eq(CONTACTS).all()
    pages = -(-CONTACTS // 100)
    for name, world in worlds.items():
        assert (world.requests, world.refused) == (pages, 0), name
        # Sent lets 200 requests pass a minute, and the first minute's all at once.
        assert (pages - 1) // 200 * 60 <= world.seconds <= 1.1 * pages / 200 * 60
    files = [*(tmp_path / "people").rglob("*.parquet")]
    assert len({parquet.read_schema(file).remove_metadata().to_string() for file in files}) == 1
    dataset = ds.dataset(tmp_path / "people", partitioning="hive", exclude_invalid_files=False)
    assert dataset.count_rows() == ACCOUNTS * CONTACTS
    # Each account has its own contacts, all of them.
    for number in (0, ACCOUNTS - 1):
        keys = dataset.to_table(["id"], filter=ds.field("account") == f"a{number}")["id"]
        assert {*keys.to_pylist()} == {key_of_contact(number, n) for n in range(CONTACTS)}
