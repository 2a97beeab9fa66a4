"""`contacts.export`: what the files hold, what replaces what, and how it goes on after an end."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import contactkit as ck
from contactkit._client import export_folder
from contactkit._providers import find
from contactkit.spec.record import key_of
from tests.bench.contacts import contact
from tests.support.listing_server import ListingServer, serving_contacts
from tests.support.providers import EXAMPLES, Wire, says

SIZE = 450
MARKED = pytest.mark.parametrize


def connect(name: str, contacts: int = SIZE, **options: Any) -> ck.Client:
    return ck.connect(name, via=ck.Simulator(contacts=contacts, seed=7), **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "exports" / "people"


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with serving_contacts(1_000) as server:
        yield server


def keys(folder: Path, name: str = "id") -> list[str]:
    return pd.read_parquet(folder)[name].to_list()


def hidden(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.parent.glob(".*"))


def unfinished(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.export") / "next"


def state_of(folder: Path) -> Path:
    return unfinished(folder).with_name("state.json")


# Files


def test_export_has_all_contacts_in_the_declared_schema(name: str, folder: Path) -> None:
    client = connect(name, 2_300 if name == "sendblue" else SIZE)
    done = client.contacts.export(folder, rows_per_file=200)
    people = client.contacts.list()
    assert done.rows == len(people) == sum(pq.read_metadata(f).num_rows for f in done.files)
    assert len(done.files) > 2 and {*done.files} == {*folder.glob("*.parquet")}
    for file in done.files:
        assert pq.read_schema(file).equals(ck.schema(name))
        assert 0 < pq.read_metadata(file).num_rows <= 200
    back = ck.read_contacts(folder, name)
    order = {"by": key_of(client._session.provider.record).name, "ignore_index": True}
    pd.testing.assert_frame_equal(back.sort_values(**order), people.sort_values(**order))
    assert len(client.contacts.plan(back, people)) == 0


def test_other_tools_read_the_folder(folder: Path) -> None:
    connect("privy").contacts.export(folder, rows_per_file=100)
    assert len(pd.read_parquet(folder)) == SIZE
    assert len(pl.read_parquet(folder)) == SIZE
    query = f"SELECT count(*) FROM '{folder}/*.parquet'"
    assert duckdb.sql(query).fetchall() == [(SIZE,)]


def test_export_of_no_contacts_shows_the_columns(name: str, folder: Path) -> None:
    done = connect(name, 0).contacts.export(folder)
    assert (done.rows, len(done.files)) == (0, 1)
    assert pq.read_schema(done.files[0]).equals(ck.schema(name))


@MARKED("rows", [1, 7, 99, 100, 101, 449, 450, 10_000])
def test_file_never_has_more_contacts_than_wanted(folder: Path, rows: int) -> None:
    done = connect("sent").contacts.export(folder, rows_per_file=rows)
    counts = [pq.read_metadata(file).num_rows for file in done.files]
    assert sum(counts) == SIZE and max(counts) <= rows
    assert len({*keys(folder)}) == SIZE


def test_export_takes_the_filters_of_list(name: str, folder: Path) -> None:
    client, filters = connect(name), EXAMPLES[name].filter
    key = key_of(client._session.provider.record).name
    done = client.contacts.export(folder, **filters)
    assert sorted(keys(folder, key)) == sorted(client.contacts.list(**filters)[key])
    assert done.rows < SIZE


async def test_async_client_exports_too(folder: Path) -> None:
    done = await connect("sent").aio.contacts.export(folder, rows_per_file=200)
    assert done.rows == SIZE == len(keys(folder))


def test_only_the_user_can_read_the_files(folder: Path) -> None:
    connect("sent").contacts.export(folder)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert hidden(folder) == []


def test_result_draws_itself(folder: Path) -> None:
    done = connect("sent").contacts.export(folder, rows_per_file=200)
    assert repr(done) == (
        f"contactkit export of Sent\n  folder: {folder}\n  contacts: 450\n  files: 3"
    )
    assert str(folder) in done._repr_html_()


def test_bad_cells_and_new_fields_are_counted_once(server: ListingServer, folder: Path) -> None:
    for row in server.contacts[::10]:
        row |= {"opt_out": "perhaps", "colour": "blue"}
    with server.connect() as client, pytest.warns(ck.ContactKitWarning) as caught:
        done = client.contacts.export(folder, rows_per_file=300)
    assert [str(warning.message) for warning in caught] == [
        "new fields, kept in the column extras: colour",
        "100 cells are not as documented and became null (opt_out)",
    ]
    assert done.problems == 100
    people = pd.read_parquet(folder)
    assert people["opt_out"].isna().sum() == 100
    assert people["extras"].eq('{"colour": "blue"}').sum() == 100


# What replaces what


def test_new_export_replaces_a_complete_one_as_a_whole(server: ListingServer, folder: Path) -> None:
    with server.connect() as client:
        client.contacts.export(folder, rows_per_file=300)
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        server.contacts = [contact(number) for number in range(2_000, 2_900)]
        server.faults = {6: [403] * 2}
        with pytest.raises(ck.PermissionDeniedError):
            client.contacts.export(folder, rows_per_file=300)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
        done = client.contacts.export(folder, rows_per_file=300)
    assert keys(folder) == [row["id"] for row in server.contacts]
    assert {file.name for file in done.files}.isdisjoint(before)
    assert hidden(folder) == []


@MARKED("content", [{"notes.txt": "x"}, {"a.parquet": ""}, {"part-00000-12345678.parquet": "x"}])
def test_folder_with_other_files_is_refused(folder: Path, content: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in content.items():
        (folder / name).write_text(text)
    for resume in (True, False):
        with pytest.raises(ck.InvalidInputError, match="folder: holds another file, such as"):
            connect("sent").contacts.export(folder, resume=resume)
    assert {file.name: file.read_text() for file in folder.iterdir()} == content


def test_file_that_was_put_into_an_export_is_never_deleted(folder: Path) -> None:
    client = connect("sent")
    client.contacts.export(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ck.InvalidInputError, match=r"holds another file, such as notes\.txt"):
        client.contacts.export(folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_file_that_comes_during_an_export_is_never_deleted(
    server: ListingServer, folder: Path
) -> None:
    page = server.page

    def answer(number: int, size: int) -> bytes:
        if number == 5:
            (folder / "notes.txt").write_text("mine")
        return page(number, size)

    with server.connect() as client:
        client.contacts.export(folder)
        server.page, seen = answer, len(server.requests)
        with pytest.raises(ck.InvalidInputError, match=r"such as notes\.txt"):
            client.contacts.export(folder)
        (folder / "notes.txt").unlink()
        done = client.contacts.export(folder)
    # All of it was read already.
    assert (done.resumed, len(server.requests)) == (1_000, 2 * seen)


def test_empty_folder_and_a_link_to_one_are_used(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(folder)
    connect("sent").contacts.export(link)
    assert link.is_symlink() and len(keys(folder)) == SIZE
    connect("sent").contacts.export(link)
    assert link.is_symlink() and len(keys(folder)) == SIZE


def test_mount_point_is_refused_before_anything_is_sent(
    folder: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: path == folder)
    with pytest.raises(ck.InvalidInputError, match="folder: is a mount point"):
        ck.connect("sent", via=wire).contacts.export(folder)
    assert not wire.requests


def test_lock_that_another_export_removes_at_its_end_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, locked = export_folder.lock_file, list[Path]()

    def removed(file: Path) -> Any:
        locked.append(file)
        if len(locked) == 1:
            connection = lock(file)
            file.unlink()
            return connection
        return lock(file)

    monkeypatch.setattr(export_folder, "lock_file", removed)
    assert connect("sent").contacts.export(folder).rows == SIZE
    assert len(locked) == 2


def test_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    file.write_text("mine")
    with pytest.raises(ck.InvalidInputError, match="folder: not a directory"):
        connect("sent").contacts.export(file)
    assert file.read_text() == "mine"


@MARKED("value", [None, 5, "a\0b", ""])
def test_what_is_no_path_is_refused(value: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ck.InvalidInputError, match="folder"):
        connect("sent").contacts.export(value)


@MARKED("options", [{"resume": 1}, {"resume": None}, {"rows_per_file": 0}, {"rows_per_file": 1.5}])
def test_invalid_options_are_refused_before_anything_is_sent(
    options: dict[str, Any], folder: Path, wire: Wire
) -> None:
    with pytest.raises(ck.InvalidInputError, match=f"{next(iter(options))}: must be"):
        ck.connect("sent", via=wire).contacts.export(folder, **options)
    assert not wire.requests and not folder.parent.exists()


def test_export_of_another_listing_is_not_replaced_by_mistake(folder: Path) -> None:
    connect("sent").contacts.export(folder)
    others = {
        "another provider": (connect("privy"), {}),
        "another account or address": (connect("sent", base_url="https://example.com"), {}),
        "another filter or order": (connect("sent"), {"channel": "sms"}),
    }
    for difference, (client, filters) in others.items():
        with pytest.raises(ck.InvalidInputError) as caught:
            client.contacts.export(folder, **filters)
        assert f"folder: holds an export of {difference}; resume=False replaces it" in str(
            caught.value
        )
    client.contacts.export(folder, channel="sms", resume=False)
    assert len(keys(folder)) < SIZE


# Going on


@pytest.fixture
def stopped(server: ListingServer, folder: Path) -> ListingServer:
    """A server, and an export of it that has stopped at the sixth page."""
    server.faults = {6: [403] * 2}
    with server.connect() as client, pytest.raises(ck.PermissionDeniedError) as caught:
        client.contacts.export(folder, rows_per_file=200)
    notes = caught.value.__notes__
    assert notes == ["500 contacts are saved; the same export goes on after them"]
    assert not folder.exists()
    server.faults = {}
    server.requests.clear()
    return server


def test_export_goes_on_after_an_error_without_a_page_twice(
    stopped: ListingServer, folder: Path
) -> None:
    with stopped.connect() as client:
        done = client.contacts.export(folder, rows_per_file=200)
    assert (done.rows, done.resumed) == (1_000, 500)
    assert sorted(stopped.requests) == [6, 7, 8, 9, 10]
    assert keys(folder) == [row["id"] for row in stopped.contacts]
    assert "resumed after: 500 contacts" in repr(done)


def test_export_can_start_again(stopped: ListingServer, folder: Path) -> None:
    with stopped.connect() as client:
        done = client.contacts.export(folder, resume=False)
    assert (done.rows, done.resumed, len(stopped.requests)) == (1_000, 0, 10)
    assert len(keys(folder)) == 1_000


def test_unfinished_export_of_another_listing_is_refused(
    stopped: ListingServer, folder: Path
) -> None:
    path = state_of(folder)
    state = json.loads(path.read_text())
    changes = {
        "another provider": {"listing": state["listing"] | {"provider": "privy"}},
        "another account or address": {"listing": state["listing"] | {"account": "12345678"}},
        "another filter or order": {"listing": state["listing"] | {"filter": "12345678"}},
        "another page size": {"listing": state["listing"] | {"size": 99}},
        "another schema": {"schema": "12345678"},
    }
    for difference, change in changes.items():
        path.write_text(json.dumps(state | change))
        with stopped.connect() as client, pytest.raises(ck.InvalidInputError) as caught:
            client.contacts.export(folder)
        advice = f"its unfinished export is of {difference}; resume=False starts again"
        assert advice in str(caught.value)
    assert not stopped.requests
    with stopped.connect() as client:
        assert client.contacts.export(folder, resume=False).rows == 1_000


@MARKED("damage", ["", "[]", '{"format": 1}', "cursor", "file", "count", "format"])
def test_damaged_state_is_refused(stopped: ListingServer, folder: Path, damage: str) -> None:
    path = state_of(folder)
    state = json.loads(path.read_text())
    if damage == "file":
        (unfinished(folder) / next(iter(state["files"]))).unlink()
    elif damage == "count":
        first = next(iter(state["files"]))
        path.write_text(json.dumps(state | {"files": state["files"] | {first: 5}}))
    elif damage in state:
        path.write_text(json.dumps(state | {damage: {"cursor": "abc", "format": 2}[damage]}))
    else:
        path.write_text(damage)
    with stopped.connect() as client:
        with pytest.raises(ck.InvalidInputError, match="is damaged; resume=False starts again"):
            client.contacts.export(folder)
        assert client.contacts.export(folder, resume=False).rows == 1_000


def test_what_a_kill_leaves_beside_the_files_is_not_read(
    stopped: ListingServer, folder: Path
) -> None:
    stray = unfinished(folder) / "part-00003-12345678.parquet"
    stray.write_bytes(b"half a file")
    (unfinished(folder) / ".part-00003-12345678.parquet").write_bytes(b"half a file")
    with stopped.connect() as client:
        client.contacts.export(folder)
    assert len(keys(folder)) == 1_000
    assert not (folder / stray.name).exists()


def test_full_disk_is_named_and_the_export_goes_on(
    server: ListingServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, count = os.fsync, 0

    def full(file: int) -> None:
        nonlocal count
        count += 1
        if count > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        synced(file)

    with server.connect() as client:
        with monkeypatch.context() as patch:
            patch.setattr(export_folder.os, "fsync", full)
            with pytest.raises(ck.ConfigurationError, match="the disk is full") as caught:
                client.contacts.export(folder, rows_per_file=200)
        assert caught.value.__notes__ == [
            "400 contacts are saved; the same export goes on after them"
        ]
        done = client.contacts.export(folder, rows_per_file=200)
    assert (done.rows, done.resumed) == (1_000, 400)
    assert keys(folder) == [row["id"] for row in server.contacts]


def test_folder_that_cannot_be_made_is_named(tmp_path: Path, wire: Wire) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ck.InvalidInputError, match="folder: not a directory"):
        ck.connect("sent", via=wire).contacts.export(tmp_path / "file" / "people")
    assert not wire.requests


Run = Callable[[ck.Client, Path], ck.Export]


def run_sync(client: ck.Client, folder: Path) -> Any:
    return client.contacts.export(folder, rows_per_file=300)


def run_async(client: ck.Client, folder: Path) -> Any:
    async def export() -> Any:
        async with client.aio as client_aio:
            return await client_aio.contacts.export(folder, rows_per_file=300)

    return asyncio.run(export())


@MARKED("second", [run_sync, run_async])
def test_two_exports_at_once_into_a_folder_are_refused(
    server: ListingServer, folder: Path, second: Run
) -> None:
    errors: list[Exception] = []
    page = server.page

    def answer(number: int, size: int) -> bytes:
        if number == 5 and not errors:
            try:
                second(server.connect(), folder)
            except Exception as error:
                errors.append(error)
        return page(number, size)

    server._lock = threading.RLock()
    server.page = answer
    with server.connect() as client:
        client.contacts.export(folder, rows_per_file=300)
    assert isinstance(errors[0], ck.InvalidInputError)
    assert "folder: another export into it is running" in str(errors[0])
    assert len(keys(folder)) == 1_000


def test_interrupt_saves_what_was_read(
    server: ListingServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.connect() as client:
        send, count = client._connection.send, 0

        def interrupted(request: Any) -> Any:
            nonlocal count
            count += 1
            if count == 4:
                raise KeyboardInterrupt
            return send(request)

        with monkeypatch.context() as patch:
            patch.setattr(type(client._connection), "is_remote", False)
            patch.setattr(client._connection, "send", interrupted)
            with pytest.raises(KeyboardInterrupt) as caught:
                client.contacts.export(folder)
        assert caught.value.__notes__ == [
            "300 contacts are saved; the same export goes on after them"
        ]
        done = client.contacts.export(folder)
    assert (done.rows, done.resumed, len(server.requests)) == (1_000, 300, 10)


def test_cancelled_async_export_goes_on(server: ListingServer, folder: Path) -> None:
    server.latency = 0.05

    async def cancel() -> None:
        async with server.connect().aio as client:
            export = asyncio.ensure_future(client.contacts.export(folder))
            while len(server.requests) < 5:
                await asyncio.sleep(0.01)
            export.cancel()
            with pytest.raises(asyncio.CancelledError):
                await export

    asyncio.run(cancel())
    with server.connect() as client:
        done = client.contacts.export(folder)
    assert done.rows == 1_000 and done.resumed > 0
    assert keys(folder) == [row["id"] for row in server.contacts]


def dying(folder: Path, moment: int) -> Callable[[Any, Any], None]:
    """A replacement of `os.replace` that ends before it moves a whole folder so many times."""
    replace, targets = os.replace, iter(range(1, 9))

    def die(source: Any, target: Any) -> None:
        moves = Path(target) in (folder, unfinished(folder).with_name("last"))
        if moves and next(targets) == moment:
            raise SystemExit
        replace(source, target)

    return die


def test_export_killed_while_it_replaces_another_ends_right(
    server: ListingServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.connect() as client:
        client.contacts.export(folder)
        before = keys(folder)
        for failing in (1, 2):
            with monkeypatch.context() as patch:
                patch.setattr(export_folder.os, "replace", dying(folder, failing))
                with pytest.raises(SystemExit):
                    client.contacts.export(folder)
            seen = len(server.requests)
            done = client.contacts.export(folder)
            assert len(server.requests) == seen
            assert done.resumed == done.rows == 1_000
            assert keys(folder) == before
    assert hidden(folder) == []


def test_listing_that_shrinks_before_it_goes_on_warns(stopped: ListingServer, folder: Path) -> None:
    del stopped.contacts[:3]
    with stopped.connect() as client:
        with pytest.warns(ck.ContactKitWarning, match="the listing changed while it was read"):
            client.contacts.export(folder)
    assert len({*keys(folder)}) == len(keys(folder)) == 997


def test_listing_that_grows_before_it_goes_on_has_no_contact_twice(
    stopped: ListingServer, folder: Path
) -> None:
    stopped.contacts[:0] = [contact(5_000 + number) for number in range(40)]
    with stopped.connect() as client:
        with pytest.warns(ck.ContactKitWarning, match="1,040 were announced"):
            client.contacts.export(folder)
    assert len({*keys(folder)}) == len(keys(folder)) == 1_000


STALE = says(410, b'{"errors": [{"code": "cursor_invalid", "title": "Cursor invalid"}]}')
REFUSED = says(403, b'{"errors": [{"code": "scope", "title": "No"}]}')


def test_stale_cursor_starts_the_listing_again_without_duplicates(folder: Path) -> None:
    wire = Wire(ck.Simulator(contacts=SIZE, seed=7), [None, None, REFUSED])
    client = ck.connect("digital_onboarding", via=wire)
    with pytest.raises(ck.PermissionDeniedError):
        client.contacts.export(folder, rows_per_file=100)
    wire.faults = [STALE]
    done = client.contacts.export(folder, rows_per_file=100)
    assert (done.rows, done.resumed) == (SIZE, 200)
    assert sorted(keys(folder)) == sorted(client.contacts.list()["id"])


def test_order_by_a_personal_field_is_refused(folder: Path) -> None:
    with pytest.raises(ck.InvalidInputError, match="sort by other fields"):
        connect("digital_onboarding").contacts.export(folder, sort="email")
    connect("digital_onboarding").contacts.export(folder, sort="-updated_at")


def test_dead_provider_costs_nothing_that_was_read(server: ListingServer, folder: Path) -> None:
    server.faults = {4: [0] * 5}
    with server.connect() as client:
        with pytest.raises(ck.TransportError) as caught:
            client.contacts.export(folder, rows_per_file=100)
        assert "300 contacts are saved" in caught.value.__notes__[0]
        server.refusing_until = 0.0
        assert client.contacts.export(folder, rows_per_file=100).resumed == 300


def test_export_needs_pyarrow_before_anything_is_sent(
    wire: Wire, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contactkit._frames import arrow

    def missing() -> None:
        raise ImportError("it is an extra")

    arrow.schema_of.cache_clear()
    monkeypatch.setattr(arrow, "import_pyarrow", missing)
    with pytest.raises(ImportError, match="extra"):
        ck.connect("sent", via=wire).contacts.export(folder)
    assert not wire.requests


def test_export_starts_again_after_one_with_a_wrong_key(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "people"
    wire = Wire()
    credentials = [each.name for each in find(name).auth[0].credentials]
    issued = wire.credentials(find(name)) or {}
    wrong = {each: issued[each][:-4] + "0000" for each in credentials}
    with ck.connect(name, via=wire, **wrong) as client, pytest.raises(ck.AuthenticationError):
        client.contacts.export(folder)
    with ck.connect(name, via=wire) as client:
        assert client.contacts.export(folder).rows == len(client.contacts.list())
