"""The journal as a frame and as a Parquet file: filtered, and written in blocks."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import contactkit as ck
from contactkit._journal import store
from contactkit._journal.frame import JOURNAL_COLUMNS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with an update by itself, and a plan of three."""
    path = tmp_path / "journal.sqlite3"
    with ck.connect("privy", via=ck.Simulator(contacts=6), journal=path) as client:
        people = client.contacts.list()
        client.contacts.update(people["id"].iloc[5], first_name="Zoë")
        plan_of(client, people).apply(progress=False)
    return path


def plan_of(client: ck.Client, people: pd.DataFrame) -> ck.Plan:
    return client.contacts.plan(people.head(3).assign(last_name="Nova"), people)


def plan_again() -> ck.Plan:
    client = ck.connect("privy", via=ck.Simulator(contacts=6))
    return plan_of(client, client.contacts.list())


def test_entries_of_a_plan(path: Path):
    plan, entries = plan_again(), ck.journal(path)
    assert len(entries) == 4
    for wanted in (plan, plan.digest, plan.digest[:12]):
        found = ck.journal(path, plan=wanted)
        assert set(found["plan"]) == {plan.digest} and len(found) == 3
        assert found.dtypes.to_dict() == entries.dtypes.to_dict() == JOURNAL_COLUMNS
    assert len(ck.journal(path, plan="0" * 64)) == 0


def test_entries_of_an_account(path: Path):
    with ck.connect("sent", via=ck.Simulator(contacts=3), journal=path) as client:
        client.contacts.update(client.contacts.list()["id"].iloc[1], opt_out=True)
    accounts = ck.journal(path).groupby("provider", observed=True)["account"].first()
    assert set(ck.journal(path, account=accounts["sent"])["provider"]) == {"sent"}
    assert len(ck.journal(path, account=accounts["privy"])) == 4


def test_entries_since_a_time(path: Path):
    entries = ck.journal(path)
    last = entries["made_at"].max().to_pydatetime()
    for since in (last, last.isoformat(), last.astimezone(UTC)):
        assert len(ck.journal(path, since=since)) == (entries["made_at"] >= last).sum()
    assert len(ck.journal(path, since=last + timedelta(seconds=1))) == 0
    # The simulator's clock is not the machine's.
    age = datetime.now(UTC) - entries["made_at"].min().to_pydatetime()
    assert len(ck.journal(path, since=age + timedelta(hours=1))) == 4


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"since": datetime(2026, 1, 1)}, "since.*must be a time with its offset"),
        ({"since": "yesterday"}, "since.*must be a time with its offset"),
        ({"since": 7}, "since.*must be a time with its offset"),
        ({"plan": "abc"}, "plan.*must be a plan, or 8 to 64 digits"),
        ({"plan": 7}, "plan.*must be a plan"),
        ({"account": "acme"}, "account.*must be 8 digits"),
        ({"account": 7}, "account.*must be 8 digits"),
    ],
)
def test_wrong_filter_is_refused(path: Path, tmp_path: Path, filters, message):
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.journal(path, **filters)
    with pytest.raises(ck.InvalidInputError, match=message):
        ck.journal.to_parquet(tmp_path / "j.parquet", path, **filters)
    assert not (tmp_path / "j.parquet").exists()


@pytest.mark.parametrize("block", [1, 3, 5000])
def test_parquet_has_the_same_entries_in_blocks(path: Path, tmp_path: Path, monkeypatch, block):
    monkeypatch.setattr(store, "_BLOCK", block)
    file = tmp_path / "journal.parquet"
    file.write_text("an earlier one")
    assert ck.journal.to_parquet(file, path) == 4
    table, entries = pq.read_table(file), ck.journal(path)
    assert table.column_names == [*JOURNAL_COLUMNS]
    assert pq.ParquetFile(file).num_row_groups == -(-4 // block)
    for name in ("id", "key", "operation", "outcome", "made_at", "at", "http_status", "plan"):
        assert table[name].to_pylist() == [None if pd.isna(v) else v for v in entries[name]]
    for name in ("changes", "before", "after"):
        texts = [None if text is None else json.loads(text) for text in table[name].to_pylist()]
        assert texts == entries[name].tolist()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.suffix for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_parquet_of_nothing_has_the_same_schema(path: Path, tmp_path: Path):
    everything, nothing = tmp_path / "all.parquet", tmp_path / "none.parquet"
    assert ck.journal.to_parquet(everything, path, plan=plan_again()) == 3
    assert ck.journal.to_parquet(nothing, tmp_path / "no journal") == 0
    assert pq.read_schema(nothing).equals(pq.read_schema(everything))


def test_folder_is_not_replaced_by_a_file(path: Path, tmp_path: Path):
    with pytest.raises(IsADirectoryError):
        ck.journal.to_parquet(tmp_path, path)
