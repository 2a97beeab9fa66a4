"""Plan files that were changed, damaged or never were plans: a typed error, and nothing is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._journal.reading import Reading
from contactkit._plans.change import PlannedWrite
from contactkit._plans.home import Home
from contactkit._plans.parquet import _FIRST, _SINCE_3
from contactkit._plans.plan import Plan
from contactkit._providers import find
from tests.support.examples import examples

WRITES = (
    PlannedWrite(
        operation="update",
        key="k1",
        before={"first_name": "Ada", "tags": ["a"]},
        changes={"first_name": "Eve"},
        options={"send_welcome_sms": False},
        stays="a text was sent",
    ),
    PlannedWrite(
        operation="delete", key="k2", problems=(ck.FieldProblem(field="key", message="is odd"),)
    ),
)
PLAN = Plan(
    provider=find("privy"),
    contacts=WRITES,
    index=pd.RangeIndex(2),
    created=datetime(2026, 10, 1, 9, tzinfo=UTC),
    read=Reading("0123456789abcdef", 7, frozenset({5})),
    home=Home(base_url="https://api.privy.com/v1", world="live", account="0123abcd"),
)
CHANGED = "was changed after the plan was saved"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    PLAN.to_parquet(tmp_path / "plan.parquet")
    return tmp_path / "plan.parquet"


SAMPLES = Path(__file__).with_name("samples")


def refused(path: Path) -> str:
    """Why the file is refused."""
    with pytest.raises(ck.ConfigurationError) as caught:
        ck.read_plan(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "Ada" not in text and "Eve" not in text
    return text.removeprefix(f"{path}: ")


def rewrite(path: Path, change: Callable[[pd.DataFrame], Any]) -> None:
    frame = pd.read_parquet(path)
    change(frame)
    frame.to_parquet(path)


def put(column: str, cell: Any) -> Callable[[pd.DataFrame], None]:
    """Sets the first cell of a column."""

    def change(frame: pd.DataFrame) -> None:
        frame[column] = pd.Series([cell, *frame[column][1:]], dtype=object, index=frame.index)

    return change


def test_unchanged_file_is_the_same_plan(path: Path) -> None:
    again = ck.read_plan(path)
    assert (again.contacts, again.home, again.read) == (PLAN.contacts, PLAN.home, PLAN.read)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("operation", "create"),
        ("key", "k3"),
        ("before", '{"first_name": "Bea", "tags": ["a"]}'),
        ("before", "null"),
        ("changes", '{"first_name": "Bea"}'),
        ("options", "{}"),
        ("stays", '""'),
        ("problems", '[{"field": "key", "message": "x", "code": ""}]'),
    ],
)
def test_file_with_another_cell_is_refused_as_a_whole(path: Path, column: str, cell: str) -> None:
    rewrite(path, put(column, cell))
    assert CHANGED in refused(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("home", {"base_url": "https://x", "world": "live", "account": "", "profile": ""}),
        ("home", {}),
        ("read", ""),
        ("created", "2026-10-01T10:00:00+00:00"),
        ("provider", "sent"),
        ("numbers", [1, 0]),
        ("unchanged", 7),
        ("checksum", "0" * 64),
        ("extra", 1),
    ],
)
def test_file_with_another_attribute_is_refused(path: Path, name: str, value: Any) -> None:
    rewrite(path, lambda frame: frame.attrs.update({name: value}))
    assert CHANGED in refused(path)


def test_file_with_fewer_or_moved_rows_is_refused(path: Path) -> None:
    for rows in ([1], [0], [1, 0], [0, 0, 1]):
        PLAN.to_parquet(path)
        pd.read_parquet(path).iloc[rows].to_parquet(path)
        assert CHANGED in refused(path)


# Also a first file, which has no checksum.
def make_first(frame: pd.DataFrame) -> None:
    for name in ("format", "checksum", *_FIRST):
        del frame.attrs[name]
    for name in _SINCE_3:
        del frame[name]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("before", "3"),
        ("before", "[]"),
        ("before", '"text"'),
        ("changes", "null"),
        ("options", "[1]"),
        ("problems", "{}"),
        ("problems", "[3]"),
        ("problems", '[{"field": "a", "message": null}]'),
        ("problems", '[{"field": "a"}]'),
        ("stays", "null"),
        ("stays", "{"),
        ("before", "[" * 100_000),
        ("changes", None),
        ("changes", 3),
        ("changes", b"{}"),
        ("key", None),
        ("key", 12),
        ("operation", None),
        ("operation", "upsert"),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_cell_of_another_type_is_refused(path: Path, column: str, cell: Any, first: bool) -> None:
    frame = pd.read_parquet(path)
    if first:
        make_first(frame)
    put(column, cell)(frame)
    if not isinstance(cell, str):
        # A column has one type.
        frame = frame.head(1)
    frame.to_parquet(path)
    assert refused(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("numbers", {"a": 1}),
        ("numbers", [1]),
        ("numbers", [1, 1]),
        ("numbers", [True, 0]),
        ("numbers", ["0", "1"]),
        ("created", "2026-10-01"),
        ("created", "today"),
        ("created", None),
        ("read", 3),
        ("unchanged", "many"),
        ("unchanged", True),
        ("name", None),
        ("provider", 3),
        ("provider", "none"),
        ("digest", None),
        ("index", 3),
        ("index", ["a", "b"]),
        ("index", [{}]),
    ],
)
def test_attribute_of_another_type_is_refused(path: Path, name: str, value: Any) -> None:
    rewrite(path, make_first)
    assert ck.read_plan(path).home is None
    rewrite(path, lambda frame: frame.attrs.update({name: value}))
    with pytest.raises(ck.ConfigurationError):
        ck.read_plan(path)


@pytest.mark.parametrize("name", ["digest", "format", "checksum", "home", "name", "index"])
def test_file_without_an_attribute_is_refused(path: Path, name: str) -> None:
    rewrite(path, lambda frame: frame.attrs.pop(name))
    refused(path)


def test_file_of_a_later_contactkit_is_refused(path: Path) -> None:
    rewrite(path, lambda frame: frame.attrs.update(format=4))
    assert "a later contactkit saved it; this one reads up to format 3" in refused(path)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("because", "{}"),
        ("because", "[3]"),
        ("because", '[{"source": "sent"}]'),
        ("watched", "[]"),
        ("given", "null"),
        ("given", "[[]]"),
    ],
)
def test_reason_of_another_type_is_refused(path: Path, column: str, cell: str) -> None:
    frame = pd.read_parquet(path)
    put(column, cell)(frame)
    frame.to_parquet(path)
    assert f"{column} is of another type" in refused(path)


def test_file_of_the_second_format_is_read() -> None:
    plan = ck.read_plan(SAMPLES / "sent_format_2.parquet")
    assert plan.digest.startswith("8ff46b03f10d")
    assert [bool(c.problems) for c in plan.contacts].count(True) == 1
    assert not plan.is_propagated and not any(c.watched for c in plan.contacts)


def test_file_with_other_columns_is_refused(path: Path) -> None:
    pd.read_parquet(path).assign(other=1).to_parquet(path)
    assert "it has other columns" in refused(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    refused(path)


def test_truncated_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in {0, 1, 4, len(content) // 2, len(content) - 1}:
        path.write_bytes(content[:length])
        refused(path)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_file_with_one_damaged_byte_is_the_same_plan_or_refused(
    path: Path, position: float, bits: int
) -> None:
    PLAN.to_parquet(path)
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= bits
    path.write_bytes(content)
    try:
        again = ck.read_plan(path)
    except ck.ConfigurationError:
        return
    assert (again.contacts, again.home) == (PLAN.contacts, PLAN.home)


@pytest.mark.parametrize("name", ["nul\0.parquet", "long" * 1000])
def test_impossible_path_is_a_typed_error(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name)
    with pytest.raises(ck.ConfigurationError):
        PLAN.to_parquet(tmp_path / name)


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == "is not a regular file"
    with pytest.raises(ck.ConfigurationError, match="is not a regular file"):
        PLAN.to_parquet(tmp_path / "pipe")


def test_path_may_begin_with_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    PLAN.to_parquet("~/plan.parquet")
    assert ck.read_plan("~/plan.parquet").digest == PLAN.digest
    assert (tmp_path / "plan.parquet").exists()


def test_missing_file_and_folder_are_the_errors_of_python(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ck.read_plan(tmp_path / "none.parquet")
    with pytest.raises(IsADirectoryError):
        ck.read_plan(tmp_path)


def test_refused_file_sends_nothing_and_records_nothing(path: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    with ck.connect("privy", via=ck.Simulator(8), journal=journal) as client:
        rewrite(path, put("before", "3"))
        with pytest.raises(ck.ConfigurationError):
            ck.read_plan(path, client)
    assert len(ck.journal(journal)) == 0


@pytest.mark.parametrize(
    ("operation", "key", "changes", "why"),
    [
        ("update", "", {}, "key: must be 1 to 256"),
        ("delete", "../k1", {}, "key: must be 1 to 256"),
        ("update", "k1", {"nickname": "Ada"}, "update takes no nickname"),
        ("create", "", {"id": "k1"}, "create takes no id"),
    ],
)
def test_file_with_a_write_that_cannot_be_sent_is_refused(
    path: Path, operation: str, key: str, changes: dict[str, Any], why: str
) -> None:
    write = PlannedWrite(operation=operation, key=key, changes=changes)
    plan = replace(PLAN, contacts=(WRITES[0], write))
    plan.to_parquet(path)
    assert refused(path).startswith("row 2 cannot be sent to Privy") and why in refused(path)
    problem = ck.FieldProblem(field="key", message="is odd")
    refused_already = replace(plan, contacts=(WRITES[0], replace(write, problems=(problem,))))
    refused_already.to_parquet(path)
    assert ck.read_plan(path).contacts[1].problems == (problem,)


def test_file_holds_what_a_planned_write_needs_and_nothing_else(path: Path) -> None:
    frame = pd.read_parquet(path)
    assert json.loads(frame["before"][0]) == WRITES[0].before
    assert frame.attrs["home"] == {
        "base_url": "https://api.privy.com/v1",
        "world": "live",
        "account": "0123abcd",
        "profile": "",
    }


def test_times_names_and_rows_of_a_part_survive_a_file(path: Path) -> None:
    part = replace(PLAN, of=("undo:0", (4, 2)))
    part.to_parquet(path)
    assert ck.read_plan(path).of == part.of
