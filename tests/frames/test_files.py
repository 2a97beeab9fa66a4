"""Contact files: CSV and Parquet by the declared dtypes."""

from __future__ import annotations

import codecs
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import contactkit as ck
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import to_frame
from contactkit._providers import find
from tests.support.examples import examples
from tests.support.mutations import damaged, mutated

ROOT = Path(__file__).parents[2]
PRIVY = find("privy")
ROW: dict[str, Any] = {
    "id": "c1",
    "first_name": "Jan",
    "last_name": None,
    "email": "jan@example.com",
    "phone_number": "+12025550123",
    "email_consent": "subscribed",
    "sms_consent": "never_subscribed",
    "tags": ["vip", "it's, here"],
    "custom_fields": {"tier": 2, "ok": True, "note": 'a "word"'},
    "created_at": "2026-03-01T12:00:00.123456Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
ROWS = [
    ROW,
    ROW | {"id": "c2", "tags": [], "custom_fields": {}, "phone_number": None, "last_name": "Ng"},
    ROW | {"id": "c3", "custom_fields": {"other": "x"}, "tags": ["0044"], "first_name": "0044"},
]


@pytest.fixture
def frame() -> pd.DataFrame:
    return to_frame(PRIVY.record, [read_rows(PRIVY.record, ROWS)], {"provider": "privy"})


@pytest.fixture
def csv(tmp_path: Path):
    """Writes text as a CSV file."""

    def write(*lines: str) -> Path:
        path = tmp_path / "contacts.csv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def test_csv_file_round_trips(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "people.csv", index=False)
    again = ck.read_contacts(tmp_path / "people.csv")
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs == frame.attrs


def test_parquet_file_round_trips(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "people.parquet")
    again = ck.read_contacts(str(tmp_path / "people.parquet"))
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs == frame.attrs
    assert type(again.loc[0, "custom_fields"]["tier"]) is int


@pytest.mark.parametrize("suffix", ["pq", "PARQUET", "feather"])
def test_suffix_names_the_kind_of_a_file(frame: pd.DataFrame, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"people.{suffix}"
    frame.to_feather(path) if suffix == "feather" else frame.to_parquet(path)
    pd.testing.assert_frame_equal(ck.read_contacts(path, "privy"), frame)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_of_each_provider_round_trip(name: str, suffix: str, tmp_path: Path) -> None:
    people = ck.connect(name, via=ck.Simulator(contacts=20)).contacts.list()
    path = tmp_path / f"people.{suffix}"
    if suffix == "csv":
        people.to_csv(path, index=False)
    else:
        people.to_parquet(path)
    pd.testing.assert_frame_equal(ck.read_contacts(path, name), people)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_file_without_rows_keeps_dtypes(frame: pd.DataFrame, suffix: str, tmp_path: Path) -> None:
    path, none = tmp_path / f"none.{suffix}", frame.iloc[:0].drop(columns="custom_fields")
    if suffix == "csv":
        none.to_csv(path, index=False)
    else:
        none.to_parquet(path)
    again = ck.read_contacts(path, "privy")
    assert len(again) == 0
    assert dict(again.dtypes) == dict(frame.dtypes)


def test_csv_types_are_not_inferred(csv: Any) -> None:
    read = ck.read_contacts(
        csv("id,first_name,last_name,phone_number", "0044,NA,null,+14155550100", "1e5,true,1.0,"),
        "privy",
    )
    assert read["id"].tolist() == ["0044", "1e5"]
    assert read["first_name"].tolist() == ["NA", "true"]
    assert read["last_name"].tolist() == ["null", "1.0"]
    assert read["phone_number"].tolist() == ["+14155550100", pd.NA]


def test_empty_cell_is_na_and_no_problem(csv: Any) -> None:
    read = ck.read_contacts(csv("id,tags,email_consent,created_at,custom_fields", "1,,,,"), "privy")
    assert read.iloc[0].drop("id").isna().all()
    assert (read.attrs["problems"], read.attrs["problems"].rows) == (0, ())


@pytest.mark.parametrize("blank", [" ", "\u00a0", " \u2007\u00a0 ", "\u3000"])
def test_cell_of_blanks_is_an_empty_cell(csv: Any, blank: str) -> None:
    columns = ["first_name", "tags", "email_consent", "created_at"]
    frame = ck.read_contacts(csv(f"id,{','.join(columns)}", f"c1{4 * f',{blank}'}"), "privy")
    assert frame[columns].isna().all(axis=None)
    assert ck.problems(frame).empty


@pytest.mark.parametrize(
    "day", ["1990-05-04 00:00:00", "1990-05-04T00:00:00.000", "1990-05-04T00:00:00.000Z"]
)
def test_date_with_its_midnight_is_that_day(csv: Any, day: str) -> None:
    frame = ck.read_contacts(csv("id,birthdate", f"1,{day}"), "digital_onboarding")
    assert frame["birthdate"].tolist() == [pd.Timestamp("1990-05-04")]


def test_absent_column_is_na(csv: Any) -> None:
    read = ck.read_contacts(csv("email,id", "jan@example.com,1"), PRIVY)
    assert list(read.columns) == list(ROW)
    assert read["email_consent"].isna().all()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("['a', 'b']", ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("[]", []),
        ("None", pd.NA),
        ("null", pd.NA),
    ],
)
def test_csv_lists_are_json_or_python(csv: Any, cell: str, value: Any) -> None:
    quoted = cell.replace('"', '""')
    (found,) = ck.read_contacts(csv("id,tags", f'1,"{quoted}"'), "privy")["tags"]
    assert found is value if value is pd.NA else found == value


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("true", True), ("FALSE", False), ("", pd.NA)]
)
def test_csv_flags_are_words(csv: Any, text: str, value: Any) -> None:
    assert ck.read_contacts(csv("id,opt_out", f"1,{text}"), "sent")["opt_out"].tolist() == [value]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("tags", "vip"),
        ("tags", "{1}"),
        ("tags", "[1]"),
        ("tags", "[" * 100_000),
        ("custom_fields", "{[]: 1}"),
        ("custom_fields", "{'a': {'b': 1}}"),
        ("custom_fields", "os.getcwd()"),
        ("email_consent", "maybe"),
        ("created_at", "2026-03-01"),
    ],
)
def test_bad_csv_cell_is_na_and_a_problem_with_its_text(csv: Any, column: str, cell: str) -> None:
    path = csv(f"id,{column}", "1,", f'2,"{cell}"')
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        read = ck.read_contacts(path, "privy")
    assert read["id"].tolist() == ["1", "2"]
    assert read[column].isna().all()
    found = ck.problems(read)
    assert found[["row", "field", "raw"]].to_numpy().tolist() == [[1, column, cell]]
    assert read.attrs["problems"].rows[0][:4] == (1, "2", column, cell)
    assert json.loads(json.dumps(read.attrs))["problems"] == 1


@pytest.mark.parametrize("cell", ["1", "yes", "0"])
def test_csv_flag_is_never_guessed(csv: Any, cell: str) -> None:
    path = csv("id,opt_out", f"1,{cell}")
    with pytest.warns(ck.ContactKitWarning):
        assert ck.read_contacts(path, "sent")["opt_out"].isna().all()


def test_unknown_column_names_the_allowed(csv: Any) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"no field Mail, X; allowed: id, first_name,"):
        ck.read_contacts(csv("id,Mail,X", "1,2,3"), "privy")


def test_provider_is_found_by_the_columns(csv: Any) -> None:
    read = ck.read_contacts(csv("id,opt_out", "1,True"))
    assert (read.attrs["provider"], read.loc[0, "opt_out"]) == ("sent", True)


def test_file_that_fits_several_providers_is_refused(csv: Any) -> None:
    with pytest.raises(ck.ConfigurationError, match=r"privy, sent.*; choose one with provider="):
        ck.read_contacts(csv("id,created_at", "1,"))


def test_file_that_fits_no_provider_is_refused(csv: Any) -> None:
    with pytest.raises(ck.ConfigurationError, match="these providers: none"):
        ck.read_contacts(csv("id,colour", "1,red"))


def test_rows_longer_than_the_header_are_refused(csv: Any) -> None:
    with pytest.raises(ck.ConfigurationError, match="line 2 has 3 cells, but there are 2 columns"):
        ck.read_contacts(csv("id,first_name", "1,Jan,Ng", "2,Ann,Li"), "privy")


def test_byte_order_mark_is_not_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_bytes(codecs.BOM_UTF8 + "id,first_name\n1,Zoë\n".encode())
    assert ck.read_contacts(path, "privy").loc[0, "first_name"] == "Zoë"


def test_parquet_mapping_has_only_its_rows_entries(tmp_path: Path) -> None:
    raw = pd.DataFrame({"id": ["1", "2"], "custom_fields": [{"a": 1}, {"b": "x"}]})
    raw.to_parquet(tmp_path / "c.parquet")
    read = ck.read_contacts(tmp_path / "c.parquet", "privy")
    assert read["custom_fields"].tolist() == [{"a": 1}, {"b": "x"}]


def test_parquet_cell_of_another_type_is_a_problem(tmp_path: Path) -> None:
    raw = pd.DataFrame({"id": [1.5], "created_at": pd.to_datetime(["2026-03-01T12:00"])})
    raw.to_parquet(tmp_path / "c.parquet")
    with pytest.warns(ck.ContactKitWarning, match="2 cells"):
        read = ck.read_contacts(tmp_path / "c.parquet", "privy")
    assert ck.problems(read)["field"].tolist() == ["id", "created_at"]


def test_row_numbers_of_to_csv_are_dropped(tmp_path: Path) -> None:
    people = ck.connect("sent", via=ck.Simulator(contacts=3)).contacts.list()
    people.to_csv(tmp_path / "people.csv")
    assert_frame_equal(ck.read_contacts(tmp_path / "people.csv", "sent"), people)


def test_parquet_index_with_the_key_is_kept(tmp_path: Path) -> None:
    people = ck.connect("sent", via=ck.Simulator(contacts=3)).contacts.list()
    people.set_index("id").to_parquet(tmp_path / "people.parquet")
    assert_frame_equal(ck.read_contacts(tmp_path / "people.parquet", "sent"), people)


def test_problem_in_a_file_names_the_contact(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,opt_out\nabc,perhaps\n")
    with pytest.warns(ck.ContactKitWarning):
        read = ck.read_contacts(tmp_path / "people.csv", "sent")
    assert ck.problems(read)["key"].to_list() == ["abc"]


SEEDS = (ROOT / "data/seeds/privy.csv").read_bytes()


def read_or_refused(path: Path) -> None:
    for provider in ("privy", None):
        try:
            ck.problems(ck.read_contacts(path, provider))
        except ck.ConfigurationError as error:
            assert path.name in str(error)


@settings(max_examples=examples(60), deadline=None)
@given(content=damaged(SEEDS))
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_every_damaged_csv_file_is_read_or_named(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content)
    read_or_refused(path)


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_every_damaged_parquet_file_is_read_or_named(tmp_path_factory, data) -> None:
    buffer = BytesIO()
    rows = data.draw(mutated(ROWS))
    try:
        pq.write_table(pa.Table.from_pylist(rows), buffer)
    except Exception:
        # pyarrow cannot write these values.
        assume(False)
    content = buffer.getvalue()
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(data.draw(st.just(content) | damaged(content)))
    read_or_refused(path)
