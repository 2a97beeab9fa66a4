"""The difference of two contact frames: exactly the edited cells, whatever their dtype."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.coerce import coerce_column
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import to_frame
from contactkit._plans.diff import FrameDiff, diff_frames
from contactkit._providers import find
from contactkit.spec.record import Date, Record, Time, fields_of, key, read_only, writable
from tests.support.examples import examples


class Thing(Record):
    """A field of every kind."""

    id: Annotated[str, key("Key.")]
    name: Annotated[str | None, writable("Text.")] = None
    size: Annotated[Literal["s", "m", "l"] | None, writable("Choice.")] = None
    ok: Annotated[bool | None, writable("Flag.")] = None
    count: Annotated[int | None, writable("Count.")] = None
    born: Annotated[Date | None, writable("Day.")] = None
    at: Annotated[Time | None, writable("Time.")] = None
    tags: Annotated[list[str] | None, writable("List.")] = None
    more: Annotated[dict[str, str | int | bool | None] | None, writable("Mapping.")] = None


PROVIDER = replace(find("privy"), name="things", record=Thing)
FIELDS = [name for name in fields_of(Thing) if name != "id"]
WORDS = st.sampled_from(["a", "0044", "+12025550123", "é", "x y", "true", "[1]", "2026-01-01"])
DAYS = st.dates(min_value=pd.Timestamp("1900-01-01").date()).map(str)
TIMES = st.datetimes(
    min_value=pd.Timestamp("1990-01-01").to_pydatetime(),
    max_value=pd.Timestamp("2200-01-01").to_pydatetime(),
).map(lambda moment: moment.isoformat(timespec="microseconds") + "+00:00")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": WORDS,
    "size": st.sampled_from(["s", "m", "l"]),
    "ok": st.booleans(),
    "count": st.integers(-(2**40), 2**40),
    "born": DAYS,
    "at": TIMES,
    "tags": st.lists(WORDS, max_size=3),
    "more": st.dictionaries(WORDS, WORDS | st.integers(0, 3) | st.booleans(), max_size=3),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()}),
    min_size=1,
    max_size=12,
).map(lambda rows: [{"id": f"k{number}", **row} for number, row in enumerate(rows)])
EDITS = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(FIELDS)).flatmap(
        lambda place: st.tuples(st.just(place), st.just(None) | VALUES[place[1]])
    ),
    max_size=12,
).map(dict)


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return to_frame(Thing, [read_rows(Thing, rows)])


def objects(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: object for name in frame})


def elsewhere(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        at=frame["at"].dt.tz_convert("Asia/Tokyo"),
        born=frame["born"].dt.as_unit("ms"),
        size=frame["size"].cat.set_categories(["l", "xl", "s", "m"]),
        name=frame["name"].astype("category"),
        ok=frame["ok"].astype(object),
    )


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        count=frame["count"].astype("Float64"),
        ok=frame["ok"].astype("Float64"),
        at=frame["at"].dt.as_unit("ns") if len(frame) else frame["at"],
    )


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        **{name: frame[name].astype(object).map(str, na_action="ignore") for name in FIELDS}
    )


ROUND_TRIPS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "itself": lambda frame: frame,
    "a copy of all values": copy.deepcopy,
    "objects": objects,
    "reset index": lambda frame: frame.reset_index(),
    "by key": lambda frame: frame.set_index("id"),
    "by key and more": lambda frame: frame.set_index(["id", "name"]),
    "shuffled": lambda frame: frame.sample(frac=1, random_state=7),
    "some columns": lambda frame: frame[["count", "id", "tags"]],
    "other zones, units and categories": elsewhere,
    "numbers": wide,
    "text": texts,
    "a sheet": lambda frame: objects(frame).where(frame.notna(), ""),
    "tuples": lambda frame: frame.assign(tags=frame["tags"].map(tuple, na_action="ignore")),
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "numpy": lambda frame: frame.assign(ok=frame["ok"].fillna(False).to_numpy(dtype=bool)),
}


@pytest.mark.parametrize("trip", [*ROUND_TRIPS])
@settings(max_examples=examples(5))
@given(ROWS)
def test_frame_does_not_differ_from_itself(trip: str, rows: list[dict[str, Any]]) -> None:
    if trip == "numpy":
        rows = [row | {"ok": bool(row["ok"])} for row in rows]
    original = frame_of(rows)
    diff = diff_frames(PROVIDER, ROUND_TRIPS[trip](original), original)
    assert (diff.changes, diff.match.gone.tolist()) == ({}, [])
    assert diff_frames(PROVIDER, original, original).changes == {}


def edited_cells(original: pd.DataFrame, edits: dict[Any, Any]) -> tuple[pd.DataFrame, Any]:
    """A frame of objects with the edits in it, and those that make a difference."""
    edited, expected = objects(original), dict[int, dict[str, Any]]()
    was = {name: coerce_column(item, original[name]) for name, item in fields_of(Thing).items()}
    for (row, name), value in edits.items():
        if row >= len(original):
            continue
        cells = edited[name].to_list()
        cells[row] = ck.CLEAR if value is None else value
        edited[name] = pd.Series(cells, dtype=object, index=edited.index)
        new = coerce_column(fields_of(Thing)[name], pd.Series([value], dtype=object))
        there = bool(was[name].present[row])
        same = there and json.dumps(str(was[name].values[row])) == json.dumps(str(new.values[0]))
        if there if value is None else not same:
            expected.setdefault(row, {})[name] = value
    return edited, expected


@settings(max_examples=examples(30))
@given(ROWS, EDITS, st.booleans())
def test_diff_has_exactly_the_edited_cells(
    rows: list[dict[str, Any]], edits: dict[Any, Any], shuffled: bool
) -> None:
    original = frame_of(rows)
    edited, expected = edited_cells(original, edits)
    against = original.sample(frac=1, random_state=3) if shuffled else original
    cells = diff_frames(PROVIDER, edited, against).changes
    assert cells.keys() == expected.keys()
    for row, changes in expected.items():
        assert cells[row].keys() == changes.keys()
        for name, value in changes.items():
            if name != "at":
                assert cells[row][name] == value
            elif value is not None:
                assert pd.Timestamp(cells[row][name]) == pd.Timestamp(value)


@settings(max_examples=examples(10))
@given(ROWS)
def test_na_changes_nothing(rows: list[dict[str, Any]]) -> None:
    original = frame_of(rows)
    gaps = original.assign(**dict.fromkeys(FIELDS, pd.NA))
    assert diff_frames(PROVIDER, gaps, original).changes == {}
    cleared = original.assign(**dict.fromkeys(FIELDS, ck.CLEAR))
    changes = diff_frames(PROVIDER, cleared, original).changes
    there = {row: {n for n in FIELDS if rows[row][n] is not None} for row in range(len(rows))}
    assert {row: set(cells) for row, cells in changes.items()} == {
        r: n for r, n in there.items() if n
    }
    assert {value for cells in changes.values() for value in cells.values()} <= {None}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("name", 7),
        ("size", "xl"),
        ("ok", "perhaps"),
        ("ok", 2),
        ("count", 1.5),
        ("count", "many"),
        ("born", "yesterday"),
        ("at", pd.Timestamp("2026-01-01")),
        ("at", "soon"),
        ("tags", [1]),
        ("tags", "[1"),
        ("more", {"a": {}}),
    ],
)
def test_unreadable_cell_differs_unchanged(name: str, cell: Any) -> None:
    rows = [{"id": "k0"}, {"id": "k1"}]
    original = frame_of([dict.fromkeys(FIELDS) | row for row in rows])
    edited = original.assign(**{name: pd.Series([pd.NA, cell], dtype=object)})
    assert diff_frames(PROVIDER, edited, original).changes == {1: {name: cell}}
    assert diff_frames(PROVIDER, edited, edited).changes == {}


def test_true_is_not_one_and_order_counts() -> None:
    row = dict.fromkeys(FIELDS) | {"id": "k0", "more": {"a": 1}, "tags": ["x", "y"]}
    edited = frame_of([row | {"more": {"a": True}, "tags": ["y", "x"]}])
    changes = diff_frames(PROVIDER, edited, frame_of([row])).changes
    assert json.dumps(changes[0]) == '{"tags": ["y", "x"], "more": {"a": true}}'


@pytest.fixture
def original() -> pd.DataFrame:
    return frame_of([dict.fromkeys(FIELDS) | {"id": f"k{n}", "name": "x"} for n in range(30)])


def refused(*frames: pd.DataFrame, **options: bool) -> str:
    with pytest.raises(ck.InvalidInputError) as caught:
        diff_frames(PROVIDER, *frames, **options)
    return str(caught.value)


def problems(diff: FrameDiff) -> dict[int, str]:
    """Why rows are refused, by their positions."""
    return {row: str(problem) for row, problem in diff.match.problems.items()}


def test_duplicated_key_refuses_its_rows(original: pd.DataFrame) -> None:
    edited = original.assign(id=original["id"].replace({"k4": "k2"}))
    diff = diff_frames(PROVIDER, edited, original)
    assert problems(diff) == {2: "id: is also in row 4", 4: "id: is also in row 2"}
    assert (diff.rows[4], diff.match.gone.tolist()) == (2, [4])
    diff = diff_frames(PROVIDER, original, edited)
    assert problems(diff) == {
        2: "id: is of several contacts",
        4: "id: is of no contact; the row of a new one has none",
    }


def test_many_duplicates_name_ten_rows(original: pd.DataFrame) -> None:
    diff = diff_frames(PROVIDER, original.assign(id="k3"), original)
    assert len(diff.match.problems) == 30
    text = diff.match.problems[3].message
    assert text.startswith("is also in row 0, row 1, row 2, row 4,")
    assert text.endswith("row 10 and 19 more rows")


@pytest.mark.parametrize("cell", [4.5, True, object, ck.CLEAR, ["k1"]])
def test_unreadable_key_refuses_its_row(original: pd.DataFrame, cell: Any) -> None:
    edited = original.astype(object)
    edited.at[1, "id"] = cell
    diff = diff_frames(PROVIDER, edited, original)
    assert problems(diff) == {1: "id: must be text"}
    assert (diff.rows[1], diff.match.gone.tolist()) == (-1, [1])


def test_whole_number_is_the_key_of_its_digits(original: pd.DataFrame) -> None:
    digits = original.assign(id=[str(n + 100) for n in range(30)])
    edited = digits.assign(id=digits["id"].astype("float64"), name="y")
    diff = diff_frames(PROVIDER, edited, digits)
    assert problems(diff) == {} and diff.keys == digits["id"].tolist()
    assert len(diff.changes) == 30
    assert len(problems(diff_frames(PROVIDER, edited.assign(id=edited["id"] + 0.5), digits))) == 30


@pytest.mark.parametrize("gap", [pd.NA, None, ""])
def test_row_without_a_key_is_new(original: pd.DataFrame, gap: Any) -> None:
    edited = original.astype(object)
    edited.at[1, "id"] = gap
    diff = diff_frames(PROVIDER, edited, original)
    assert (diff.new, diff.match.gone.tolist()) == ([1], [1])
    assert problems(diff) == {}


def test_frame_without_keys_has_new_rows_only(original: pd.DataFrame) -> None:
    diff = diff_frames(PROVIDER, original.drop(columns="id"), original)
    assert diff.new == list(range(30)) and problems(diff) == {}
    assert "original: has no id" in refused(original, original.drop(columns="id"))


def test_no_frame_or_a_duplicated_column_is_refused(original: pd.DataFrame) -> None:
    assert "edited: must be a DataFrame of contacts, not list" in refused([1], original)  # pyright: ignore
    both = pd.concat([original, original[["name"]]], axis=1)
    assert "edited: has the column name twice" in refused(both, original)


def test_new_and_vanished_rows_by_position(original: pd.DataFrame) -> None:
    new = pd.DataFrame({"id": ["k99", pd.NA], "name": ["n", ck.CLEAR], "size": ["m", "s"]})
    edited = pd.concat([original.iloc[5:], new])
    diff = diff_frames(PROVIDER, edited, original)
    assert diff.rows[-3:].tolist() == [29, -1, -1]
    assert diff.match.gone.tolist() == [0, 1, 2, 3, 4]
    assert diff.changes == {25: {"id": "k99", "name": "n", "size": "m"}, 26: {"size": "s"}}


def test_every_row_is_new_to_an_empty_original(original: pd.DataFrame) -> None:
    diff = diff_frames(PROVIDER, original.head(2), original.head(0))
    assert (diff.rows.tolist(), diff.match.gone.tolist()) == ([-1, -1], [])


def test_undeclared_columns_differ_by_cell(original: pd.DataFrame) -> None:
    current = original.assign(extra=[{"a": n} for n in range(30)], mark=1.5)
    same = copy.deepcopy(current).assign(mark=current["mark"].astype(object))
    assert diff_frames(PROVIDER, same, current).changes == {}
    other = current.assign(extra=[{"a": n + (n == 3)} for n in range(30)], note=pd.NA)
    other.loc[7, "note"] = "x"
    assert diff_frames(PROVIDER, other, current).changes == {
        3: {"extra": {"a": 4}},
        7: {"note": "x"},
    }


def test_respelled_phone_number_does_not_differ() -> None:
    provider = find("sendblue")
    with ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
    spelled = people["phone"].str.replace(r"^\+1(...)(...)", r"+1 (\1) \2-", regex=True)
    assert (spelled != people["phone"]).any()
    edited = people.assign(phone=spelled, sendblue_number="+1 202 555 0140")
    diff = diff_frames(provider, edited, people.assign(sendblue_number="+12025550140"))
    assert (diff.changes, diff.keys) == ({}, people["phone"].tolist())
    twice = pd.concat([people.head(1), edited.head(1)])
    found = diff_frames(provider, twice.reset_index(drop=True), people).match.problems
    assert [found[row].message for row in (0, 1)] == ["is also in row 1", "is also in row 0"]


def test_deprecated_column_name_warns_once() -> None:
    provider = find("privy")
    with ck.connect("privy", via=ck.Simulator(contacts=8, seed=7)) as client:
        people = client.contacts.list()
    edited = people[["id"]].assign(email_permission=people["email_consent"])
    with pytest.warns(DeprecationWarning, match="email_consent instead of email_permission"):
        assert diff_frames(provider, edited, people).changes == {}


def test_contacts_survive_a_file(name: str, client: ck.Client, tmp_path: Path) -> None:
    people = client.contacts.list()
    for path in (tmp_path / "people.csv", tmp_path / "people.parquet"):
        write = people.to_csv if path.suffix == ".csv" else people.to_parquet
        write(path, index=False)
        again = ck.read_contacts(path, name)
        assert diff_frames(find(name), again, people).changes == {}
        assert diff_frames(find(name), objects(again), people).changes == {}


def test_diff_does_not_change_with_the_frame(original: pd.DataFrame) -> None:
    tags = ["x"]
    edited = original.head(1).assign(tags=pd.Series([tags], dtype=object))
    diff = diff_frames(PROVIDER, edited, original)
    tags.append("y")
    assert diff.changes == {0: {"tags": ["x"]}}


def test_copies_of_clear_are_clear() -> None:
    assert (repr(ck.CLEAR), str(ck.CLEAR)) == ("CLEAR", "CLEAR")
    assert pickle.loads(pickle.dumps(ck.CLEAR)) is ck.CLEAR is copy.deepcopy(ck.CLEAR)
    column = pd.Series(["a", "b"], dtype="string").astype(object).mask([True, False], ck.CLEAR)
    assert column.to_list() == [ck.CLEAR, "b"]
    assert not np.array([pd.isna(ck.CLEAR)]).any()


@pytest.mark.parametrize("empty", ["", " ", "\u00a0", "\t "])
def test_cells_of_blanks_change_nothing_and_keep_no_edit_back(empty: str) -> None:
    client = ck.connect("sendblue", via=ck.Simulator())
    before = client.contacts.list().head(3)
    blank = before.astype(object)
    blank.loc[:, blank.columns != "phone"] = empty
    edited = blank.assign(first_name="Zed")
    diff = diff_frames(client.contacts._session.provider, edited, before)
    assert diff.changes == {row: {"first_name": "Zed"} for row in range(3)}


@pytest.mark.parametrize("empty", ["", " ", "\u00a0"])
def test_cells_of_blanks_fill_nothing_in_a_new_row(empty: str) -> None:
    original = frame_of([{"id": "k0"}])
    row = {"id": "k1", "name": empty, "size": empty, "at": empty, "count": 3, "other": empty}
    new = pd.DataFrame([row])
    assert diff_frames(PROVIDER, new, original).changes == {0: {"id": "k1", "count": 3}}


def test_clear_still_clears() -> None:
    original = frame_of([{"id": "k0", "name": "a"}])
    edited = original.astype({"name": object}).assign(name=[ck.CLEAR])
    assert diff_frames(PROVIDER, edited, original).changes == {0: {"name": None}}


class Seen(Record):
    """A time that only the provider sets, beside one that may be written."""

    id: Annotated[str, key("Key.")]
    seen: Annotated[Time, read_only("Read-only.")]
    at: Annotated[Time, writable("Time.")]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("2026-03-01T12:00:00.123456Z", True),
        ("2026-03-01T12:00:00.123Z", True),
        ("2026-03-01T12:00:00Z", True),
        ("2026-03-01T12:00:01Z", True),
        ("2026-03-01T13:00:00.123+01:00", True),
        ("2026-03-01T12:00:02Z", False),
        ("2026-03-01T11:59:59Z", False),
        ("2026-03-01T12:00:00", False),
    ],
)
def test_rounded_time_that_only_the_provider_sets_is_no_edit(written: str, same: bool) -> None:
    provider, time = replace(PROVIDER, record=Seen), "2026-03-01T12:00:00.123456Z"
    original = to_frame(Seen, [read_rows(Seen, [{"id": "k0", "seen": time, "at": time}])])
    edited = pd.DataFrame({"id": ["k0"], "seen": [written], "at": [written]})
    changed = {
        name for row in diff_frames(provider, edited, original).changes.values() for name in row
    }
    assert ("seen" in changed) is not same
    assert ("at" in changed) is (written != time)


@given(st.integers(0, 10**15), st.sampled_from(["int64", "Int64", "float64", "object"]))
def test_whole_number_is_no_edit_of_its_digits(number: int, dtype: str) -> None:
    original = frame_of([{"id": "k0", "name": str(number)}])
    edited = original.assign(name=pd.Series([number]).astype(dtype))
    assert diff_frames(PROVIDER, edited, original).changes == {}
    other = original.assign(name=pd.Series([number + 1]).astype(dtype))
    assert diff_frames(PROVIDER, other, original).changes == {0: {"name": number + 1}}


@pytest.mark.parametrize(
    ("text", "number"),
    [("02139", 2139), ("1.0", 1), ("1", 1.5), ("1", True), ("nan", np.nan), ("inf", np.inf)],
)
def test_other_numbers_differ_from_text(text: str, number: Any) -> None:
    original = frame_of([{"id": "k0", "name": text}])
    edited = original.assign(name=pd.Series([number], dtype=object))
    assert bool(diff_frames(PROVIDER, edited, original).changes) is not pd.isna(number)


@pytest.mark.parametrize(
    "day",
    [
        "1990-05-04 00:00:00",
        "1990-05-04T00:00:00.000Z",
        pd.Timestamp("1990-05-04", tz="UTC"),
        pd.Timestamp("1990-05-04"),
    ],
)
def test_date_with_its_midnight_is_that_day(day: Any) -> None:
    edited = pd.DataFrame({"id": ["k0"], "born": [day]})
    assert (
        diff_frames(PROVIDER, edited, frame_of([{"id": "k0", "born": "1990-05-04"}])).changes == {}
    )
    written = diff_frames(PROVIDER, edited, frame_of([{"id": "k0", "born": "1990-05-05"}])).changes
    assert written == {0: {"born": "1990-05-04"}}


def test_time_without_a_zone_is_named_as_that() -> None:
    client = ck.connect("sent", via=ck.Simulator(contacts=4))
    before = client.contacts.list()
    naive = before.assign(created_at=before["created_at"].dt.tz_localize(None))
    cells = client.contacts.plan(naive, before).cells
    assert cells["refused_because"].str.startswith("has no offset from UTC").all()
    later = before.assign(created_at=before["created_at"] + pd.Timedelta(days=1))
    cells = client.contacts.plan(later, before).cells
    assert cells["refused_because"].str.startswith("is read-only").all()
