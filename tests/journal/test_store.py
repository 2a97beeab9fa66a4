"""The journal itself: what was begun is there, whoever dies, and no two send the same row."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._journal import sqlite
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


def one(journal: Journal, begun: Intent, claim: Any = None) -> int | None:
    (found,) = journal.begin([begun], claim)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder of mine" / "a?b#c%41.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as found:
        yield found


@contextmanager
def program(path: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=-1, stdin=-1) as running:
        try:
            yield running
        finally:
            running.kill()


def said(running: subprocess.Popen[str]) -> str:
    assert running.stdout
    return running.stdout.readline().strip()


# What it holds


def test_what_was_begun_and_what_became_of_it(journal):
    images = {"before": {"n": 1, "tags": ["Zoë"]}, "idempotency_key": "i", "plan": "p"}
    with journal.claim() as claim:
        id = one(journal, intent(7, **images), claim)
    (entry,) = journal.entries()
    assert entry["outcome"] is None and entry["at"] is None
    assert entry["made_at"] == datetime.fromtimestamp(AT, UTC)
    journal.end({id: ended(after={"n": 7}, http_status=200, attempts=2, request_id="q", key="x")})
    (entry,) = journal.entries()
    assert entry["outcome"], entry["http_status"] == ("updated", 200)
    assert (entry["before"], entry["after"]) == (images["before"], {"n": 7})
    assert (entry["key"], entry["idempotency_key"], entry["row"]) == ("k7", "i", 7)
    journal.end({id: ended("failed")})
    assert journal.entries() == [entry]


def test_the_key_of_what_is_created_is_known_at_its_end(journal):
    first, second = journal.begin([intent(key=""), intent(key="")])
    journal.end({first: ended("created", key="new"), second: ended("failed", key=None)})
    assert [each["key"] for each in journal.entries()] == ["new", None]


def test_half_a_surrogate_pair_can_be_kept(journal):
    id = one(journal, intent(changes={"name": "\ud83d"}))
    journal.end({id: ended(message="\ud83d!", after={"name": "\ud83d"})})
    (entry,) = journal.entries()
    assert (entry["message"], entry["after"]) == ("?!", {"name": "\ud83d"})


@posix
def test_nobody_else_can_read_it(journal, path):
    one(journal, intent())
    with journal.claim():
        files = [each for each in path.parent.rglob("*") if each.is_file()]
        assert len(files) == 4
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    journal.close()
    path.chmod(0o644)
    one(journal, intent())
    assert {each.stat().st_mode & 0o077 for each in path.parent.glob("a*3*")} == {0}


# Many at once


def test_processes_write_at_once(path):
    code = """
for row in range(20):
    (id,) = journal.begin([intent(row)])
    journal.end({id: ended})
"""
    command = [sys.executable, "-c", PROGRAM + code, str(path)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(8)]
    assert [each.wait() for each in running] == [0] * 8
    entries = Journal(path).entries()
    assert len(entries) == 160
    assert {each["outcome"] for each in entries} == {"updated"}
    assert len({each["process"] for each in entries}) == 8


def test_who_reads_while_it_is_being_made_takes_it_for_no_other(path):
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


def test_those_who_wait_together_share_one_transaction(journal):
    one(journal, intent())
    file, statements = journal._file, []
    file._connection.set_trace_callback(statements.append)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(one(journal, intent(n)))) for n in range(9)
    ]
    with file._turn:
        for each in threads:
            each.start()
        while len(file._queue) < 9:
            pass
    for each in threads:
        each.join()
    assert sorted(found) == list(range(2, 11))
    assert statements.count("COMMIT") == 1


def test_an_interrupt_of_one_who_writes_for_others_leaves_theirs_to_the_next(journal):
    def interrupted(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    def noted(connection: sqlite3.Connection) -> str:
        return "noted"

    mine = sqlite._Waiting(interrupted, durable=True)
    other = sqlite._Waiting(noted, durable=True)
    journal._file._queue.extend([mine, other])
    with pytest.raises(KeyboardInterrupt):
        journal._file._carry_out(mine)
    assert not other.done
    assert one(journal, intent()) == 1
    assert (other.done, other.found) == (True, "noted")


@posix
def test_a_forked_child_has_a_connection_of_its_own(journal, path):
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
    assert sorted(each["key"] for each in entries) == ["k0", "k1", "k1"]
    assert len({each["process"] for each in entries}) == 2


# Killed, and without power


def test_a_killed_process_loses_nothing_that_it_began(journal, path):
    code = """
for row in range(100_000):
    (id,) = journal.begin([intent(row)])
    print(id, flush=True)
    if row % 2:
        journal.end({id: ended})
"""
    for _ in range(4):
        with program(path, code) as running:
            begun = [said(running) for _ in range(random.randrange(1, 300))]
            running.kill()
            assert running.stdout
            begun += running.stdout.read().split()
        found = {str(each["id"]) for each in journal.entries()}
        assert set(begun) <= found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A journal of 12 entries and its log."""
    path = tmp_path_factory.mktemp("log") / "journal"
    with closing(Journal(path)) as journal:
        for row in range(12):
            id = one(journal, intent(row))
            journal.end({id: ended()})
        return path.read_bytes(), path.with_name("journal-wal").read_bytes()


@given(share=st.floats(0, 1), torn=st.binary(max_size=64))
def test_a_torn_log_keeps_what_came_before(log, share, torn):
    content, ahead = log
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(content)
        Path(folder, "journal-wal").write_bytes(ahead[: int(share * len(ahead))] + torn)
        with closing(Journal(path)) as journal:
            found = journal.entries()
            assert [each["row"] for each in found] == list(range(len(found)))
            assert all(each["outcome"] == "updated" for each in found[:-1])
            assert len(found) == 12 or share < 1
            assert one(journal, intent()) == len(found) + 1


# The rows of a plan


def test_a_row_is_sent_by_one_who_has_seen_its_last_entry(journal, path):
    with closing(Journal(path)) as other, journal.claim() as mine, other.claim() as theirs:
        first = one(journal, intent(5, plan="p"), mine)
        assert first
        assert one(other, intent(5, plan="p"), theirs) is None
        assert one(other, intent(5, plan="p", seen=first), theirs) is None
        assert one(other, intent(5, plan="p", account="b"), theirs)
        assert one(other, intent(5, plan="q"), theirs)
        assert other.begin([intent(n, plan="p") for n in (4, 5, 6)], theirs)[1] is None
        journal.end({first: ended("failed")})
        assert one(other, intent(5, plan="p"), theirs) is None
        second = one(other, intent(5, plan="p", seen=first), theirs)
        assert second
        last = journal.last("p", "a")
        assert {row: each["id"] for row, each in last.items()}[5] == second
        assert last[5]["outcome"] is None
        assert journal.take([second], mine) == set()
    assert journal.last("", "a") == {}


def test_whose_claim_has_ended_can_be_taken_over(journal):
    with journal.claim() as mine:
        open, done = journal.begin([intent(n, plan="p") for n in range(2)], mine)
        journal.end({done: ended()})
    with journal.claim() as later:
        assert journal.take([open, done], later) == {open}
        assert journal.take([open], later) == set()
        journal.end({open: ended()})
    assert {each["outcome"] for each in journal.entries()} == {"updated"}


@posix
def test_a_killed_process_s_rows_are_free_at_once_and_a_sleeping_one_s_are_not(journal, path):
    code = """
claim = journal.claim()
print(*journal.begin([intent(n, plan="p") for n in range(3)], claim), flush=True)
time.sleep(60)
"""
    with program(path, code) as running, journal.claim() as mine:
        rows = [int(each) for each in said(running).split()]
        running.send_signal(signal.SIGSTOP)
        assert journal.take(rows, mine) == set()
        running.kill()
        running.wait()
        assert journal.take(rows, mine) == set(rows)
    with journal.claim():
        assert len(list(journal._claims.iterdir())) == 1


def test_processes_that_race_send_no_row_twice(path):
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
    for each in running:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    rows = [int(row) for each in running for row in each.communicate()[0].split()]
    assert sorted(rows) == list(range(60))


# What cannot be written


def refused(path: Path, *words: str) -> None:
    with closing(Journal(path)) as journal:
        with pytest.raises(ck.JournalError) as caught:
            one(journal, intent())
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
def test_a_damaged_one_is_told(path, damage: Callable[[Path], None]):
    with closing(Journal(path)) as journal:
        journal.begin([intent(n) for n in range(50)])
    damage(path)
    refused(path, "is damaged", "move it away")


@pytest.mark.parametrize("content", [b"x", b"key,value\n" * 300])
def test_another_kind_of_file_is_left_alone(tmp_path, content):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    refused(path, "no journal")
    assert path.read_bytes() == content


def test_another_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE writes (id)")
    content = path.read_bytes()
    refused(path, "is a database of something else")
    assert path.read_bytes() == content


def test_one_that_somebody_is_making_is_no_other_database(path, monkeypatch):
    connect = sqlite3.connect

    class Late(sqlite3.Connection):
        """A connection whose last question comes after somebody else's file is made."""

        def execute(self, text, *values):
            if "sqlite_master" in text:
                with closing(connect(path, timeout=0, isolation_level=None)) as other:
                    with suppress(sqlite3.OperationalError):
                        for statement in sqlite._SCHEMA:
                            other.execute(statement)
            return super().execute(text, *values)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **more: connect(*a, factory=Late, **more))
    with closing(Journal(path)) as journal:
        assert one(journal, intent()) == 1


def test_one_of_a_later_contactkit_is_left_alone(journal, path):
    one(journal, intent())
    journal.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    refused(path, "version 99", "update contactkit")


def test_one_that_is_locked_for_long_is_told(journal, path, monkeypatch):
    one(journal, intent())
    journal.close()
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refused(path, "is locked by another process", "SQLITE_BUSY")
        other.execute("ROLLBACK")
    assert one(journal, intent())


@contextmanager
def nobody() -> Iterator[None]:
    """The superuser may write everywhere, so it is somebody else meanwhile."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@posix
def test_a_folder_that_cannot_be_written_is_told():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    try:
        with nobody():
            refused(folder / "journal", "cannot be written", "Permission denied")
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("place", ["", "file/journal"])
def test_a_path_that_can_be_no_file_is_told(tmp_path, place):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / place, "cannot be written")


@posix
def test_a_full_disk_is_told_and_what_was_begun_is_there(path):
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
        assert "cannot be written" in said(running)
        begun = int(said(running))
        assert running.wait() == 0
    assert [each["row"] for each in Journal(path).entries()] == list(range(begun))
    assert begun > 10


def test_a_full_database_is_told(journal, path):
    one(journal, intent())
    journal._file._connection.execute("PRAGMA max_page_count = 1").fetchall()
    with pytest.raises(ck.JournalError, match=r"has no room left .SQLITE_FULL.; make room"):
        journal.begin([intent(n) for n in range(200)])
    assert len(journal.entries()) == 1


# As a frame


@pytest.mark.parametrize("count", [0, 1, 30])
def test_its_frame_has_the_declared_columns(journal, path, count):
    journal.begin([intent(n) for n in range(count)])
    if count:
        journal.end({1: ended("refused", http_status=422, code="c", message="m", field="f")})
    frame = ck.journal(path)
    declared = {name: pd.Series(dtype=kind).dtype for name, kind in JOURNAL_COLUMNS.items()}
    assert frame.dtypes.to_dict() == declared
    assert frame["row"].tolist() == list(range(count))
    assert frame["outcome"].tolist() == ["refused", *["unknown"] * 29][:count]
    assert frame["at"].isna().tolist() == [False, *[True] * 29][:count]


def test_looking_makes_no_file(path):
    assert ck.journal(path).empty
    assert ck.journal.prune(timedelta(0), path=path) == 0
    assert not path.parent.exists()
    assert "journal.sqlite3" in repr(ck.journal)


def test_what_is_old_and_ended_is_forgotten_for_good(journal, path):
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
    held = b"".join(each.read_bytes() for each in path.parent.iterdir() if each.is_file())
    assert b"+12025550123" not in held
    assert one(journal, intent()) == 5


@pytest.mark.parametrize("age", [30, None, timedelta(days=-1)])
def test_only_a_length_of_time_prunes(path, age):
    with pytest.raises(ck.InvalidInputError, match="older_than: must be a datetime"):
        ck.journal.prune(older_than=age, path=path)
