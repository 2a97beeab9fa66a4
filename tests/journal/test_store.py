"""The journal's file: no entry is lost by a kill or a crash, and no row is begun twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._journal import schema, sqlite, statements
from contactkit._journal.frame import JOURNAL_COLUMNS
from contactkit._journal.store import Intent, Journal

ROOT = Path(ck.__file__).parents[1]
AT = 1_790_000_000.0
PROGRAM = """
import sys, time
from datetime import UTC, datetime
from contactkit.errors import JournalError
from contactkit._journal.store import Intent, Journal
journal = Journal(sys.argv[1])
ended = {"outcome": "updated", "at": datetime.now(UTC)}
def intent(row, plan=""):
    return Intent(provider="sent", account="a", base_url="https://api.example.com", made_at=1.0,
        operation="update", request="r", key=f"k{row}", changes={"n": row}, plan=plan, row=row)
"""

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has this")


def intent(row: int = 0, **more: Any) -> Intent:
    usual: dict[str, Any] = {
        "provider": "sent",
        "account": "a",
        "base_url": "https://api.example.com",
        "operation": "update",
        "request": "r",
        "made_at": AT,
        "key": f"k{row}",
        "changes": {"n": row},
        "row": row,
    }
    return Intent(**usual | more)


def ended(outcome: str = "updated", at: float = AT, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "at": datetime.fromtimestamp(at, UTC), **more}


def begin(journal: Journal, write: Intent, lease: Any = None) -> int | None:
    """The id of the one entry that is begun."""
    (id,) = journal.begin([write], lease)
    return id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder of mine" / "a?b#c%41.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        yield journal


@contextmanager
def program(path: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=-1, stdin=-1) as running:
        try:
            yield running
        finally:
            running.kill()


def line_of(running: subprocess.Popen[str]) -> str:
    assert running.stdout
    return running.stdout.readline().strip()


# Entries


def test_entry_holds_the_write_and_then_its_outcome(journal):
    images = {"before": {"n": 1, "tags": ["Zoë"]}, "idempotency_key": "i", "plan": "p"}
    with journal.claim() as lease:
        id = begin(journal, intent(7, **images), lease)
    (entry,) = journal.entries()
    assert entry["outcome"] is None and entry["at"] is None
    assert entry["made_at"] == datetime.fromtimestamp(AT, UTC)
    journal.end({id: ended(after={"n": 7}, http_status=200, attempts=2, request_id="q", key="x")})
    (entry,) = journal.entries()
    assert (entry["outcome"], entry["http_status"]) == ("updated", 200)
    assert (entry["before"], entry["after"]) == (images["before"], {"n": 7})
    assert (entry["key"], entry["idempotency_key"], entry["row"]) == ("k7", "i", 7)
    journal.end({id: ended("failed")})
    assert journal.entries() == [entry]


def test_end_adds_the_key_of_a_new_contact(journal):
    first, second = journal.begin([intent(key=""), intent(key="")])
    journal.end({first: ended("created", key="new"), second: ended("failed", key=None)})
    assert [entry["key"] for entry in journal.entries()] == ["new", None]


def test_half_a_surrogate_pair_can_be_recorded(journal):
    id = begin(journal, intent(changes={"name": "\ud83d"}))
    journal.end({id: ended(message="\ud83d!", after={"name": "\ud83d"})})
    (entry,) = journal.entries()
    assert (entry["message"], entry["after"]) == ("?!", {"name": "\ud83d"})


@posix
def test_files_are_private_to_the_user(journal, path):
    begin(journal, intent())
    with journal.claim():
        files = [child for child in path.parent.rglob("*") if child.is_file()]
        assert len(files) == 4
        assert {child.stat().st_mode & 0o777 for child in files} == {0o600}
    journal.close()
    path.chmod(0o644)
    begin(journal, intent())
    assert {child.stat().st_mode & 0o077 for child in path.parent.glob("a*3*")} == {0}


# Threads and processes


def test_processes_write_at_once(path):
    code = """
for row in range(20):
    (id,) = journal.begin([intent(row)])
    journal.end({id: ended})
"""
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(8)]
    assert [process.wait() for process in running] == [0] * 8
    entries = Journal(path).entries()
    assert len(entries) == 160
    assert {entry["outcome"] for entry in entries} == {"updated"}
    assert len({entry["process"] for entry in entries}) == 8


def test_reading_a_journal_that_is_being_created(path):
    code = """
for number in range(60):
    Journal(f"{sys.argv[1]}-{number}").begin([intent(0)])
"""
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    with subprocess.Popen(command, cwd=ROOT) as making:
        for number in range(60):
            file = Path(f"{path}-{number}")
            while making.poll() is None and not file.exists():
                pass
            assert len(Journal(file).entries()) <= 1
    assert making.returncode == 0


def test_begin_interrupted_in_its_transaction_records_nothing(journal, monkeypatch):
    begin_row = statements.BEGIN

    class Interrupting(sqlite3.Connection):
        def execute(self, text, *values):
            if text == begin_row:
                super().execute(text, *values)
                raise KeyboardInterrupt
            return super().execute(text, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Interrupting))
    with pytest.raises(KeyboardInterrupt):
        begin(journal, intent())
    monkeypatch.undo()
    journal.close()
    assert journal.entries() == []
    assert begin(journal, intent()) == 1


@posix
def test_forked_child_has_a_connection_of_its_own(journal, path):
    code = """
import os
journal.begin([intent(0)])
held = journal._file._connection
child = os.fork()
(id,) = journal.begin([intent(1)])
assert (journal._file._connection is held) == bool(child)
journal.end({id: ended})
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    with program(path, code) as running:
        assert running.wait() == 0
    entries = journal.entries()
    assert sorted(entry["key"] for entry in entries) == ["k0", "k1", "k1"]
    assert len({entry["process"] for entry in entries}) == 2


# Kills and crashes


def test_killed_process_loses_no_entry_that_it_began(journal, path):
    code = """
for row in range(100_000):
    (id,) = journal.begin([intent(row)])
    print(id, flush=True)
    if row % 2:
        journal.end({id: ended})
"""
    for _ in range(4):
        with program(path, code) as running:
            begun = [line_of(running) for _ in range(random.randrange(1, 300))]
            running.kill()
            assert running.stdout
            begun += running.stdout.read().split()
        ids = {str(entry["id"]) for entry in journal.entries()}
        assert set(begun) <= ids


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A journal of 12 entries and its log."""
    path = tmp_path_factory.mktemp("log") / "journal"
    with closing(Journal(path)) as journal:
        for row in range(12):
            id = begin(journal, intent(row))
            journal.end({id: ended()})
        return path.read_bytes(), path.with_name("journal-wal").read_bytes()


@given(share=st.floats(0, 1), torn=st.binary(max_size=64))
def test_torn_log_keeps_the_entries_before(log, share, torn):
    content, ahead = log
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(content)
        Path(folder, "journal-wal").write_bytes(ahead[: int(share * len(ahead))] + torn)
        with closing(Journal(path)) as journal:
            entries = journal.entries()
            assert [entry["row"] for entry in entries] == list(range(len(entries)))
            assert all(entry["outcome"] == "updated" for entry in entries[:-1])
            assert len(entries) == 12 or share < 1
            assert begin(journal, intent()) == len(entries) + 1


# Leases and the rows of a plan


def test_begin_takes_a_row_only_after_its_last_entry_was_seen(journal, path):
    with closing(Journal(path)) as other, journal.claim() as mine, other.claim() as theirs:
        first = begin(journal, intent(5, plan="p"), mine)
        assert first
        assert begin(other, intent(5, plan="p"), theirs) is None
        assert begin(other, intent(5, plan="p", seen=first), theirs) is None
        assert begin(other, intent(5, plan="p", account="b"), theirs)
        assert begin(other, intent(5, plan="q"), theirs)
        assert other.begin([intent(n, plan="p") for n in (4, 5, 6)], theirs)[1] is None
        journal.end({first: ended("failed")})
        assert begin(other, intent(5, plan="p"), theirs) is None
        second = begin(other, intent(5, plan="p", seen=first), theirs)
        assert second
        last = journal.last("p", "a")
        assert {row: entry["id"] for row, entry in last.items()}[5] == second
        assert last[5]["outcome"] is None
        assert journal.close_ended([second], AT) == set()
    assert journal.last("", "a") == {}


def test_close_open_entries_of_an_ended_lease(journal):
    with journal.claim() as mine:
        open, done = journal.begin([intent(n, plan="p") for n in range(2)], mine)
        journal.end({done: ended()})
    assert journal.close_ended([open, done], AT) == {open}
    assert journal.close_ended([open], AT) == set()
    first, _ = journal.entries()
    assert (first["outcome"], first["at"]) == ("unknown", datetime.fromtimestamp(AT, UTC))
    assert first["message"].startswith("the process that sent it ended")


@posix
def test_close_rows_of_a_killed_process_but_not_of_a_sleeping_one(journal, path):
    code = """
claim = journal.claim()
print(*journal.begin([intent(n, plan="p") for n in range(3)], claim), flush=True)
time.sleep(60)
"""
    with program(path, code) as running:
        rows = [int(word) for word in line_of(running).split()]
        running.send_signal(signal.SIGSTOP)
        assert journal.close_ended(rows, AT) == set()
        running.kill()
        running.wait()
        assert journal.close_ended(rows, AT) == set(rows)
    with journal.claim():
        assert len(list(journal._lease_folder.iterdir())) == 1


def test_racing_processes_begin_every_row_once(path):
    code = """
sys.stdin.readline()
with journal.claim() as claim:
    for row in range(60):
        (id,) = journal.begin([intent(row, plan="p")], claim)
        if id:
            print(row)
            journal.end({id: ended})
"""
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    running = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=-1, stdout=-1) for _ in range(3)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    rows = [int(row) for process in running for row in process.communicate()[0].split()]
    assert sorted(rows) == list(range(60))


# Refusals


def refused(path: Path, *words: str) -> None:
    with closing(Journal(path)) as journal:
        with pytest.raises(ck.JournalError) as caught:
            begin(journal, intent())
    for word in (str(path), "connect(journal=…)", *words):
        assert word in str(caught.value)


def damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x" * 40)


def damage_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [damage_header, damage_pages])
def test_damaged_journal_is_refused(path, damage: Callable[[Path], None]):
    with closing(Journal(path)) as journal:
        journal.begin([intent(n) for n in range(50)])
    damage(path)
    refused(path, "is damaged", "move it away")


@pytest.mark.parametrize("content", [b"x", b"key,value\n" * 300])
def test_file_of_another_kind_is_left_alone(tmp_path, content):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    path.chmod(0o644)
    refused(path, "not a journal")
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o644


@posix
def test_anything_but_a_regular_file_is_left_alone(tmp_path, journal, path):
    begin(journal, intent())
    journal.close()
    folder, link, fifo = (tmp_path / name for name in ("folder", "link.sqlite3", "fifo"))
    folder.mkdir()
    link.symlink_to(path)
    os.mkfifo(fifo)
    for place in (folder, fifo):
        place.chmod(0o755)
    path.chmod(0o644)
    for place in (folder, link, fifo):
        refused(place, "is not a regular file", "leave it unchanged")
    assert {place.stat().st_mode & 0o777 for place in (folder, fifo)} == {0o755}
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 300])
def test_impossible_path_is_named(tmp_path, name):
    path = tmp_path / name
    for read in (ck.journal, partial(ck.journal.prune, timedelta(0))):
        with pytest.raises(ck.JournalError, match=r"cannot be opened \(.*; check the path"):
            read(path)
    refused(path, "cannot be opened", "check the path")
    client = ck.connect("sent", via=ck.Simulator(contacts=8), journal=path)
    with pytest.raises(ck.JournalError, match="cannot be opened"):
        client.contacts.update("6ba7b810-9dad-11d1-80b4-00c04fd430c8", opt_out=True)
    assert not list(tmp_path.iterdir())


def test_path_in_the_home_of_nobody_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ck.journal("~nobody-here/journal.sqlite3").empty


def test_another_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE writes (id)")
    content = path.read_bytes()
    refused(path, "is another program's database")
    assert path.read_bytes() == content


def test_opening_a_journal_that_another_process_creates(path, monkeypatch):
    connect = sqlite3.connect

    class Late(sqlite3.Connection):
        """A connection whose last check comes after another process has created the file."""

        def execute(self, text, *values):
            if "sqlite_master" in text:
                with closing(connect(path, timeout=0, isolation_level=None)) as other:
                    with suppress(sqlite3.OperationalError):
                        schema.upgrade(other)
            return super().execute(text, *values)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **more: connect(*a, factory=Late, **more))
    with closing(Journal(path)) as journal:
        assert begin(journal, intent()) == 1


def test_journal_of_a_later_contactkit_is_left_alone(journal, path):
    begin(journal, intent())
    journal.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    refused(path, "version 99", "update contactkit")


def test_journal_locked_for_long_is_refused(journal, path, monkeypatch):
    begin(journal, intent())
    journal.close()
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refused(path, "is locked by another process", "SQLITE_BUSY")
        other.execute("ROLLBACK")
    assert begin(journal, intent())


@contextmanager
def unprivileged() -> Iterator[None]:
    """Drop the rights of the superuser, who may write everywhere, meanwhile."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@posix
def test_folder_without_write_permission_is_refused():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    try:
        with unprivileged():
            refused(folder / "journal", "cannot be written", "Permission denied")
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("place", "why"), [("", "is not a regular file"), ("file/journal", "cannot be opened")]
)
def test_path_that_cannot_be_a_file_is_refused(tmp_path, place, why):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / place, why)


MOVED = "was moved, removed or replaced"


@posix
@pytest.mark.parametrize("change", ["move", "remove", "replace"])
def test_journal_that_is_moved_while_in_use_records_nothing_more(journal, path, change):
    begin(journal, intent())
    moved = path.rename(path.with_name("moved.sqlite3"))
    if change == "remove":
        moved.unlink()
    if change == "replace":
        path.touch()
    with pytest.raises(ck.JournalError, match=MOVED):
        begin(journal, intent())


@posix
def test_outcome_is_recorded_beside_its_intent_though_the_journal_is_moved(journal, path):
    id = begin(journal, intent())
    moved = path.rename(path.with_name("moved.sqlite3"))
    with pytest.raises(ck.JournalError, match=MOVED):
        journal.end({id: ended()})
    moved.rename(path)
    assert [entry["outcome"] for entry in journal.entries()] == ["updated"]
    begin(journal, intent())


@posix
def test_full_disk_keeps_the_entries_before(path):
    code = """
import resource
journal.begin([intent(0)])
none = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, none[1]))
begun = 1
try:
    while True:
        (id,) = journal.begin([intent(begun)])
        begun += 1
        journal.end({id: ended})
except JournalError as error:
    print(str(error), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, none)
journal.begin([intent(begun)])
print(begun + 1, flush=True)
"""
    with program(path, code) as running:
        assert "cannot be written" in line_of(running)
        begun = int(line_of(running))
        assert running.wait() == 0
    assert [entry["row"] for entry in Journal(path).entries()] == list(range(begun))
    assert begun > 10


def test_full_database_is_refused(journal, path):
    begin(journal, intent())
    journal._file._connection.execute("PRAGMA max_page_count = 1").fetchall()
    with pytest.raises(ck.JournalError, match=r"has no space left .SQLITE_FULL.; free space"):
        journal.begin([intent(n) for n in range(200)])
    assert len(journal.entries()) == 1


# The frame


@pytest.mark.parametrize("count", [0, 1, 30])
def test_frame_has_the_declared_columns(journal, path, count):
    journal.begin([intent(n) for n in range(count)])
    if count:
        journal.end({1: ended("refused", http_status=422, code="c", message="m", field="f")})
    frame = ck.journal(path)
    declared = {name: pd.Series(dtype=kind).dtype for name, kind in JOURNAL_COLUMNS.items()}
    assert frame.dtypes.to_dict() == declared
    assert frame["row"].tolist() == list(range(count))
    assert frame["outcome"].tolist() == ["refused", *["unknown"] * 29][:count]
    assert frame["at"].isna().tolist() == [False, *[True] * 29][:count]


def test_reading_creates_no_file(path):
    assert ck.journal(path).empty
    assert ck.journal.prune(timedelta(0), path=path) == 0
    assert not path.parent.exists()
    assert "journal.sqlite3" in repr(ck.journal)


def test_prune_deletes_old_closed_entries_for_good(journal, path):
    now = datetime.now(UTC).timestamp()
    secret = {"phone_number": "+12025550123"}
    journal.begin([intent(n, made_at=now - 9e6, changes=secret) for n in range(3)])
    journal.begin([intent(3, made_at=now - 9e6)])
    journal.end({n: ended(at=now - 8e6, after=secret) for n in (1, 2)})
    journal.end({3: ended(at=now)})
    assert ck.journal.prune(older_than=timedelta(days=90), path=path) == 2
    assert ck.journal(path)["id"].tolist() == [3, 4]
    assert ck.journal.prune(older_than=timedelta(0), path=path) == 1
    assert ck.journal(path)["id"].tolist() == [4]
    content = b"".join(child.read_bytes() for child in path.parent.iterdir() if child.is_file())
    assert b"+12025550123" not in content
    assert begin(journal, intent()) == 5


@pytest.mark.parametrize("age", [30, None, timedelta(days=-1)])
def test_prune_takes_only_a_timedelta(path, age):
    with pytest.raises(ck.InvalidInputError, match="older_than: must be a datetime"):
        ck.journal.prune(older_than=age, path=path)
