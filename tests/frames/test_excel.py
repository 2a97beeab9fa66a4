"""Excel workbooks: every cell is read as it is shown, or refused; never changed."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart

import contactkit as ck
from tests.support.examples import examples
from tests.support.mutations import damaged

Read = Callable[..., pd.DataFrame]
SHEET = "xl/worksheets/sheet1.xml"
BIG = 1_000_000_000


def workbook(rows: Sequence[Sequence[Any]], formats: dict[str, str] | None = None) -> bytes:
    """A workbook with these rows, and number formats by cell."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cell, number_format in (formats or {}).items():
        book.active[cell].number_format = number_format
    return saved(book)


def saved(book: Any) -> bytes:
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def with_file(content: bytes, name: str, text: bytes) -> bytes:
    """The workbook with another text in one of its files."""
    buffer = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, text if info.filename == name else old.read(info))
    return buffer.getvalue()


def with_rows(xml: str) -> bytes:
    """A workbook whose sheet has these rows in XML, after a row of headings."""
    headings = "".join(
        f'<c t="inlineStr" r="{c}1"><is><t>{text}</t></is></c>'
        for c, text in zip("ABC", ("id", "first_name", "last_name"), strict=True)
    )
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><dimension ref="A1:XFD1048576"/><sheetData>'
    rows = f'<row r="1">{headings}</row>{xml}'
    return with_file(workbook([["x"]]), SHEET, f"{sheet}{rows}</sheetData></worksheet>".encode())


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a workbook, or rows as one, as contacts."""

    def read(content: bytes | Sequence[Sequence[Any]], provider: str = "privy", **options: Any):
        path = tmp_path / options.pop("name", "people.xlsx")
        path.write_bytes(content if isinstance(content, bytes) else workbook(content))
        return ck.read_contacts(path, provider, **options)

    return read


def test_workbook_of_each_provider_round_trips(name: str, tmp_path: Path) -> None:
    people = ck.connect(name, via=ck.Simulator(contacts=20)).contacts.list()
    times = people.select_dtypes("datetimetz").columns
    people.to_csv(tmp_path / "people.csv", index=False)
    text = pd.read_csv(tmp_path / "people.csv", dtype=str)
    assert len(times)
    text.to_excel(tmp_path / "people.xlsx", index=False)
    pd.testing.assert_frame_equal(ck.read_contacts(tmp_path / "people.xlsx", name), people)
    text.to_excel(tmp_path / "index.xlsx")
    pd.testing.assert_frame_equal(ck.read_contacts(tmp_path / "index.xlsx", name), people)


@pytest.mark.parametrize("number", [12025550123, 12025550123.0, 1.2025550123e10])
@pytest.mark.parametrize("number_format", ["General", "0", "0.00E+00", "#,##0"])
def test_number_is_read_with_all_its_digits(read: Read, number: float, number_format: str) -> None:
    content = workbook([["id", "phone_number"], [7, number]], {"B2": number_format})
    frame = read(content)
    assert frame[["id", "phone_number"]].to_numpy().tolist() == [["7", "12025550123"]]
    assert read(content, region="US")["phone_number"].tolist() == ["+12025550123"]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (2134, "00000", "02134"),
        (2134, "0", "2134"),
        (12134, "000", "12134"),
        (0, "General", "0"),
        (-5, "General", "-5"),
        (0.1 + 0.2, "General", "0.3"),
        (999_999_999_999_999, "0", "999999999999999"),
        ("02134", "General", "02134"),
        ("two\nlines", "General", "two\nlines"),
        ("a_x000D_b_x005F_", "General", "a\rb_"),
    ],
)
def test_cell_becomes_the_text_that_is_shown(
    read: Read, value: Any, number_format: str, text: str
) -> None:
    content = workbook([["id", "post_code"], ["1", value]], {"B2": number_format})
    assert read(content, "digital_onboarding")["post_code"].tolist() == [text]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("first_name", 12345678901234567890, "has more digits than Excel keeps"),
        ("first_name", 1e15, "has more digits than Excel keeps"),
        ("first_name", "#N/A", "is an error value of Excel"),
        ("first_name", "=1+1", "is a formula without a saved value; open the file in Excel"),
        ("first_name", True, "valid string"),
        ("first_name", datetime(2026, 5, 4), "valid string"),
        ("first_name", time(12), "valid string"),
        ("first_name", timedelta(1), "valid string"),
        ("email_consent", False, "Input should be 'subscribed'"),
        ("created_at", datetime(2026, 3, 1, 12), "must be a time with its offset"),
        ("created_at", 46082.5, "Invalid isoformat"),
        ("tags", "vip, gold", "valid list"),
    ],
)
def test_cell_that_is_not_what_its_field_has_is_a_problem(
    read: Read, field: str, value: Any, message: str
) -> None:
    with pytest.warns(ck.ContactKitWarning, match="1 cell is"):
        frame = read([["id", field], ["1", None], ["2", value]])
    assert frame[field].isna().all()
    problems = ck.problems(frame)
    assert problems[["row", "key", "field"]].to_numpy().tolist() == [[1, "2", field]]
    assert message in problems.loc[0, "message"]


@pytest.mark.parametrize("day", [date(1990, 5, 4), datetime(1990, 5, 4), "1990-05-04"])
def test_date_is_a_day(read: Read, day: object) -> None:
    frame = read([["id", "birthdate", "sms_verified"], ["1", day, True]], "digital_onboarding")
    assert frame["birthdate"].tolist() == [pd.Timestamp("1990-05-04")]
    assert frame["sms_verified"].tolist() == [True]


def test_date_with_a_time_is_no_date(read: Read) -> None:
    with pytest.warns(ck.ContactKitWarning, match="birthdate"):
        read([["id", "birthdate"], ["1", datetime(1990, 5, 4, 12)]], "digital_onboarding")


def test_formula_has_its_saved_value(read: Read) -> None:
    frame = read(
        with_rows(
            '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><f>A2</f><v>Ada</v></c>'
            '<c r="C2" t="str"><f>""</f><v></v></c></row>'
        )
    )
    assert frame.loc[0, ["id", "first_name"]].tolist() == ["1", "Ada"]
    assert pd.isna(frame.loc[0, "last_name"])
    assert ck.problems(frame).empty


def test_empty_rows_and_columns_are_left_out(read: Read) -> None:
    rows = [[], [None, "id", "first_name", None], [None], [None, "1", "Ada"], [" ", None, "\u00a0"]]
    frame = read([*rows, [None, "2"]])
    assert frame[["id", "first_name"]].fillna("").to_numpy().tolist() == [["1", "Ada"], ["2", ""]]


def test_sheet_of_a_thousand_formatted_empty_rows_has_no_contacts(read: Read) -> None:
    cells = {f"{column}{row}": "@" for column in "AB" for row in range(2, 1_002)}
    assert len(read(workbook([["id", "first_name"]], cells))) == 0


def test_value_without_a_heading_is_refused(read: Read) -> None:
    with pytest.raises(ck.ConfigurationError, match="column 3 has values and no name"):
        read([["id", "first_name"], ["1", "Ada", "Ng"]])


@pytest.mark.parametrize("rows", [[], [[None, " "]]])
def test_sheet_without_a_heading_is_refused(read: Read, rows: list[list[str]]) -> None:
    with pytest.raises(ck.ConfigurationError, match="is empty; its first row must name"):
        read(rows)


def test_first_visible_sheet_is_read(read: Read) -> None:
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"
    book.create_chartsheet().add_chart(BarChart())
    for key in ("1", "2"):
        sheet = book.create_sheet()
        sheet.append(["id"])
        sheet.append([key])
    assert read(saved(book))["id"].tolist() == ["1"]


@pytest.mark.parametrize("name", ["PEOPLE.XLSX", "people.xlsm"])
def test_suffix_may_have_capitals_or_macros(read: Read, name: str) -> None:
    assert read([["id"], ["1"]], name=name)["id"].tolist() == ["1"]


def test_wrong_dimensions_are_not_trusted(read: Read) -> None:
    frame = read(with_rows('<row r="900000"><c r="A900000"><v>1</v></c></row>'))
    assert frame["id"].tolist() == ["1"]


def test_row_beyond_the_last_is_refused(read: Read) -> None:
    row = f'<row r="{BIG}"><c r="A{BIG}"><v>1</v></c></row>'
    with pytest.raises(ck.ConfigurationError, match="has a row beyond 1,048,576, the last one"):
        read(with_rows(row))


def zip_bomb() -> bytes:
    buffer = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(workbook([["id"]]))) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
        with new.open("xl/sharedStrings2.xml", "w") as file:
            for _ in range(300):
                file.write(bytes(2**20))
    return buffer.getvalue()


def other_zip(*names: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(99), "is a damaged Excel workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), r"of the old kind \(.xls\), or one with a password"),
        (b"id,first_name\n1,Ada\n", "is no Excel workbook .*, but text or something else"),
        (b"<html><table></table></html>", "but a page of HTML or XML"),
        (b"", "is no Excel workbook"),
        (other_zip("a.txt"), "is a ZIP archive, not an Excel workbook"),
        (other_zip("xl/workbook.bin"), r"is a binary workbook \(.xlsb\); save it as .xlsx"),
        (other_zip("[Content_Types].xml"), "cannot be read"),
        (with_file(workbook([["id"]]), SHEET, b"<worksheet"), "cannot be read"),
    ],
    # The archives have the time at which they were made.
    ids="damaged old text page empty archive binary other truncated".split(),
)
def test_file_that_is_no_workbook_is_named(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=f"people.xlsx: .*{message}"):
        read(content)


def test_bomb_is_not_unpacked(read: Read) -> None:
    message = "people.xlsx: would unpack to 314,5.* bytes, which is too much"
    with pytest.raises(ck.ConfigurationError, match=message):
        read(zip_bomb())


def test_entities_of_xml_do_not_grow(read: Read) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))
    sheet = f"<!DOCTYPE w [{levels}]><worksheet>&e9;</worksheet>".encode()
    with pytest.raises(ck.ConfigurationError, match="cannot be read"):
        read(with_file(workbook([["id"]]), SHEET, sheet))


def test_missing_openpyxl_names_its_extra(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    book = workbook([["id"], ["1"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"pip install \"contactkit\[excel\]\""):
        read(book)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5),
    st.dates(date(1901, 1, 1)),
    st.sampled_from(["=A1", "#REF!", "+12025550123", "'x"]),
)


@settings(max_examples=examples(50), deadline=None)
@given(cell=CELLS)
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_every_cell_is_text_as_it_was_a_gap_or_a_problem(tmp_path_factory, cell: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.xlsx"
    path.write_bytes(workbook([["id", "first_name"], ["1", cell]]))
    frame = ck.read_contacts(path, "privy")
    value = frame["first_name"].fillna("").item()
    if value == "":
        blank = cell is None or not str(cell).strip()
        assert blank != (len(ck.problems(frame)) == 1)
    elif isinstance(cell, float):
        assert float(value) == pytest.approx(cell, rel=1e-14)
    else:
        assert value == str(cell)


@settings(max_examples=examples(50), deadline=None)
@given(content=damaged(workbook([["id", "first_name"], ["1", "Ada"], ["2", 3.5]])))
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_every_damaged_workbook_is_read_or_named(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.xlsx"
    path.write_bytes(content)
    try:
        ck.read_contacts(path, "privy")
    except ck.ConfigurationError as error:
        assert path.name in str(error)
