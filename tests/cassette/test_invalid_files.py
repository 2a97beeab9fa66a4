"""Files that are no cassettes, or hold values that no recorder writes: always a CassetteError."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.audit import audit
from contactkit.cassette.convert.har import to_har
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.frame import frame
from contactkit.cassette.reader import CassetteReader
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cli.main import app
from tests.support.examples import examples
from tests.support.exchanges import begun, contact, exchange, page
from tests.support.mutations import damaged, mutated

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes in folders")
IMPOSSIBLE = ["a\x00b.jsonl", "\ud800.jsonl", "x" * 300 + ".jsonl"]
HEADERS = (("content-type", "application/json"), ("x-request-id", "r-1"))


def recorded(path: Path) -> Path:
    """A recording of a listing and a write, with a pseudonym."""
    file = begun(path)
    contacts = [contact(n) for n in range(20)]
    file.append(exchange(body=page(contacts), headers=HEADERS), {"+12025550100": "0123abcd"})
    file.append(exchange(method="PATCH", asks=b'{"a":1}', body={"ok": True}, at=1.0))
    return file.path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recorded(tmp_path / "a.jsonl")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("invalid") / "a.jsonl")


def change(path: Path, number: int, **fields: Any) -> None:
    """Replace fields of one line."""
    lines = path.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | fields)
    path.write_text("\n".join(lines) + "\n")


def audited(path: Path) -> None:
    reader = CassetteReader(path)
    with suppress(ck.CassetteError):
        reader.read()
    audit(path, Redactor(find("sent"), list[str], b"k" * 32, reader.owners))


def used(path: Path) -> None:
    """Everything that reads a recording."""
    audited(path)
    file = CassetteFile.load(path)
    with ck.connect("sent", via=ck.Cassette(path, "replay")) as client:
        with suppress(ck.CassetteError, ck.ApiError):
            client.contacts.list()
    frame(file.entries, {}, 0.0)
    to_har(file.entries)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"headers": [["content-type", 7]]}, "a header of the response is not text"),
        ({"headers": [[None, "x"]]}, "a header of the response is not text"),
        ({"headers": [["x", "\ud800"]]}, "a header of the response is not text"),
        ({"headers": 7}, "one of its values has the wrong type"),
        ({"status": [200]}, "its status is not a number up to 999"),
        ({"status": 10**400}, "its status is not a number up to 999"),
        ({"failure": 7}, "its failure is not text"),
        ({"arrived": "no"}, "its arrived is not true or false"),
        ({"elapsed": 1e300}, "its elapsed is not a number of seconds"),
        ({"content": {"digest": "0", "text": 7}}, "one of its values has the wrong type"),
    ],
)
def test_exchange_with_a_wrong_value_is_named(path, fields, why):
    change(path, -1, **fields)
    entry = CassetteFile.load(path).entries[-1]
    with pytest.raises(ck.CassetteError, match=rf"a\.jsonl, line {entry.number}: {why}"):
        _ = entry.exchange
    with pytest.raises(ck.CassetteError, match=why):
        ck.Cassette(path, "replay").frame()
    audited(path)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"query": [["page", 1]]}, "the request's query is not text"),
        ({"marks": [["x-dry-run", True]]}, "a header of the request is not text"),
        ({"type": []}, "the request's type is not text"),
        ({"body": 7}, "one of its values has the wrong type"),
    ],
)
def test_request_with_a_wrong_value_is_named(path, request_, why):
    change(path, -1, ask={"method": "PATCH", "url": "https://api.sent.dm/v3/contacts"} | request_)
    with pytest.raises(ck.CassetteError, match=why):
        _ = CassetteFile.load(path).entries[-1].request


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        (1, {"pseudonym": ["+12025550100"]}),
        (1, {"pseudonym": 7}),
        (1, {"owner": {}}),
        (2, {"of": None}),
        (2, {"item": []}),
        (-1, {"id": 7}),
        (-1, {"at": float("inf")}),
        (-1, {"epoch": float("inf")}),
        (-1, {"ask": None}),
        (-1, {"ask": {"method": 7, "url": "https://example.com"}}),
        (-1, {"ask": {"method": "GET", "url": None}}),
    ],
)
def test_line_with_a_wrong_value_is_named(path, number, fields):
    change(path, number, **fields)
    with pytest.raises(ck.CassetteError, match=r"a\.jsonl, line \d+: is not a line of a cassette"):
        CassetteFile.load(path)
    audited(path)


@pytest.mark.parametrize("name", ["provider", "world", "created", "key"])
def test_header_with_a_wrong_value_is_named(path, name):
    change(path, 0, **{name: ["x"]})
    with pytest.raises(ck.CassetteError, match=rf"a\.jsonl, line 1: its {name} is not text"):
        CassetteFile.load(path)
    audited(path)


def test_exchange_cut_in_a_merge_of_its_items_is_named(path):
    lines = path.read_text().splitlines()
    listing = next(line for line in lines if '"items":' in line)
    newer = listing.replace('"at":0.0', '"at":5.0')[:-9] + "}"
    path.write_text("\n".join([*lines, newer]) + "\n")
    why = rf"a\.jsonl, line {len(lines) + 1}: is not a complete line of JSON"
    with pytest.raises(ck.CassetteError, match=why):
        CassetteFile.load(path)
    audited(path)


def test_last_line_that_is_too_deep_is_dropped(path):
    with path.open("a") as file:
        file.write("[" * 100_000)
    with pytest.warns(ck.ContactKitWarning, match="is incomplete"):
        assert len(CassetteFile.load(path).entries) == 2


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_every_changed_value_is_read_or_named(original, data):
    lines = original.read_bytes().splitlines()
    number = data.draw(st.sampled_from([0, 1, 2, -2, -1]))
    lines[number] = json.dumps(data.draw(mutated(json.loads(lines[number])))).encode()
    content = b"\n".join(lines) + b"\n"
    path = original.with_name("changed.jsonl")
    path.write_bytes(data.draw(st.just(content) | damaged(content)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            used(path)
        except ck.CassetteError as error:
            assert "changed.jsonl" in str(error)


# Paths


@pytest.mark.parametrize("mode", ["once", "replay", "new", "refresh", "verify"])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_path_is_named_before_anything_is_sent(tmp_path, mode, name):
    with pytest.raises(ck.CassetteError, match=r"character that no path can have|File name too"):
        ck.Cassette(tmp_path / name, mode, world=ck.Simulator(contacts=8))
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize("mode", ["once", "replay", "new", "refresh", "verify"])
def test_pipe_is_refused_at_once(tmp_path, mode):
    path = tmp_path / "a.jsonl"
    os.mkfifo(path)
    with pytest.raises(ck.CassetteError, match=r"a\.jsonl: is not a regular file"):
        ck.Cassette(path, mode, world=ck.Simulator(contacts=8))


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_record_names_an_impossible_path(tmp_path, name):
    client = ck.connect("sent", via=ck.Simulator(contacts=8))
    with pytest.raises(ck.CassetteError, match=r"character that no path can have|File name too"):
        with ck.record(client, tmp_path / name):
            raise AssertionError("the block must not run")


def test_recording_with_the_longest_name_can_be_replaced(tmp_path):
    path = tmp_path / ("x" * 249 + ".jsonl")
    for mode in ("once", "refresh"):
        world = ck.Cassette(path, mode, world=ck.Simulator(contacts=8))
        with ck.connect("sent", via=world) as client:
            client.contacts.list()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert len(ck.Cassette(path, "replay").entries) == 1


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "pipe.jsonl"],
        ["audit", "pipe.jsonl"],
        ["verify", "pipe.jsonl"],
        ["prune", "pipe.jsonl", "--days", "1"],
        *(["convert", f"pipe.{ending}", "new/a.jsonl"] for ending in ("jsonl", "har", "yaml")),
        ["convert", "a.jsonl", "pipe.har"],
    ],
)
def test_commands_refuse_pipes_and_write_nothing(path, monkeypatch, arguments):
    monkeypatch.chdir(path.parent)
    for ending in ("jsonl", "har", "yaml"):
        os.mkfifo(f"pipe.{ending}")
    before = sorted(path.parent.rglob("*"))
    done = CliRunner().invoke(app, ["cassette", *arguments])
    assert isinstance(done.exception, ck.CassetteError)
    assert "is not a regular file" in str(done.exception)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("command", ["show", "audit", "verify"])
def test_commands_name_an_overlong_path(tmp_path, command):
    done = CliRunner().invoke(app, ["cassette", command, str(tmp_path / IMPOSSIBLE[-1])])
    assert isinstance(done.exception, ck.CassetteError)
    assert "File name too long" in str(done.exception)
