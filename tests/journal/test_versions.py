"""A journal of an earlier version is read as it is, upgraded when written, and its plans resume.

The samples were made by those versions. For each provider they have a plan of eight contacts, of
which two were written and undone, one was written and one was left open, and an update of one
contact.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._journal import schema
from contactkit._journal.store import Journal
from contactkit._providers import find
from contactkit._providers.privy.rules import field_rules
from contactkit.spec.record import key_of
from tests.journal.test_store import begin, intent
from tests.support.providers import Wire

SAMPLES = Path(__file__).parent / "samples"
VERSIONS = (1, 2)
EDITS: dict[str, dict[str, Any]] = {
    "sent": {"opt_out": True},
    "sendblue": {"first_name": "Zoë", "tags": ["new"]},
    "privy": {"first_name": "Zoë", "tags": ["new"]},
    "digital_onboarding": {"name_first": "Zoë"},
}


@pytest.fixture(params=VERSIONS)
def written_by(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def path(tmp_path: Path, written_by: int) -> Path:
    return Path(shutil.copy(SAMPLES / f"version{written_by}.sqlite3", tmp_path / "journal.sqlite3"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return file.execute("PRAGMA user_version").fetchone()[0]


def tables(path: Path) -> list[tuple[Any, ...]]:
    """The tables and indexes, and the columns in their order."""
    with closing(sqlite3.connect(path)) as file:
        names = file.execute("SELECT type, name FROM sqlite_master ORDER BY 1, 2").fetchall()
        return [(*one, *file.execute(f"PRAGMA table_xinfo({one[1]})").fetchall()) for one in names]


def test_frame_of_an_earlier_version_changes_nothing(path, written_by):
    frame = ck.journal(path)
    assert len(frame) == 28
    assert frame["outcome"].value_counts()[["updated", "unknown"]].tolist() == [24, 4]
    # Version 1 does not say whether consent was stated.
    assert frame["opt_in"].any() == (written_by > 1)
    assert frame["because"].isna().all()
    assert version(path) == written_by


def test_upgrade_keeps_the_entries_and_makes_the_present_schema(path, tmp_path, written_by):
    before = ck.journal(path)
    with closing(Journal(path)) as journal, closing(Journal(tmp_path / "new")) as new:
        assert journal.suppression.find("sent", [("phone", "+12025550123")]) == set()
        assert (journal.reading() is None) == (written_by == 1)
        assert begin(journal, intent()) == 29
        assert begin(new, intent()) == 1
        assert journal.reading() and journal.id != new.id
    assert version(path) == schema.VERSION
    assert tables(path) == tables(tmp_path / "new")
    pd.testing.assert_frame_equal(ck.journal(path).head(28), before)


def test_two_threads_upgrade_once(path):
    journals = [Journal(path) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        ids = [*threads.map(lambda journal: begin(journal, intent()), journals)]
    assert sorted(ids) == [29, 30, 31, 32]
    for journal in journals:
        journal.close()


def test_interrupted_upgrade_leaves_the_earlier_version(path, written_by, monkeypatch):
    *others, last = schema._UPGRADES
    monkeypatch.setattr(schema, "_UPGRADES", (*others, (*last[:1], "no SQL")))
    with closing(Journal(path)) as journal, pytest.raises(ck.JournalError):
        begin(journal, intent())
    assert version(path) == written_by
    assert len(ck.journal(path)) == 28


@pytest.fixture
def old(name: str, wire: Wire, path: Path) -> Iterator[ck.Client]:
    with ck.connect(name, via=wire, journal=path) as client:
        yield client


@pytest.fixture
def plan(old: ck.Client, name: str, wire: Wire, path: Path, written_by: int) -> ck.Plan:
    """The plan of the sample, made anew by the rules of its time, as if it was read then."""
    people = old.contacts.list()
    cells = {n: [value] * len(people) for n, value in EDITS[name].items()}
    rules = field_rules if (name, written_by) == ("privy", 1) else find(name).rules
    with ck.connect(replace(find(name), rules=rules), via=wire, journal=path) as then:
        plan = then.contacts.plan(people.assign(**cells), people)
    assert plan.digest in set(ck.journal(path)["plan"].dropna())
    return replace(plan, provider=find(name), runner=old.contacts.runner, read=None)


def open_key(path: Path, plan: ck.Plan) -> str:
    entries = ck.journal(path)
    of_plan = entries["plan"].eq(plan.digest) & entries["outcome"].eq("unknown")
    return entries[of_plan]["key"].item()


@pytest.mark.parametrize("done", [True, False])
def test_plan_of_an_earlier_version_resumes(old, plan, wire, name, path, written_by, done):
    key = open_key(path, plan)
    if done:
        old.contacts.update(key, **EDITS[name])
    writes = wire.simulator.state().set_index(key_of(plan.provider.record).name)["writes"].copy()
    result = plan.apply(progress=False).set_index("key")
    assert result["outcome"].value_counts()["skipped"] == 1
    assert result.loc[key, "outcome"] == "updated"
    now = wire.simulator.state().set_index(key_of(plan.provider.record).name)["writes"] - writes
    refused = result[result["outcome"].eq("refused")]
    if (name, written_by) == ("privy", 1):  # It refuses the suppressed, whom the plan would write.
        assert refused["http_status"].tolist() == [422, 422]
    # Version 1 does not have the age of an idempotency key, so the contact is read back.
    read_back = written_by == 1 or plan.provider.idempotency is None
    expected = len(plan) - len(refused) - 1 - (done and read_back)
    assert now.sum() == expected and now.max() == 1
    again = plan.apply(progress=False)["outcome"]
    assert set(again) <= {"skipped", "refused"}


def test_plan_of_an_earlier_version_is_shown_and_undone(old, plan, name, path, written_by):
    dry = plan.apply(progress=False, dry_run=True)["outcome"].value_counts()
    assert dry["skipped"] == 1
    back = plan.undo()
    assert len(back) == 2
    assert version(path) == written_by
