"""CSV files: the lines of malformed rows, delimiters, headings, empty rows and encodings."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import pickle
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.csv_file import _read_regular, _reader, _Records, parse_csv
from tests.support.examples import examples

HEADING = "id,first_name,last_name\n"


@pytest.fixture
def read(tmp_path: Path):
    """Reads text or bytes as a CSV file of contacts at Privy."""

    def read(content: str | bytes, name: str = "people.csv", **options) -> pd.DataFrame:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ck.read_contacts(path, "privy", **options)

    return read


def names(frame: pd.DataFrame) -> list[list[str]]:
    return frame[["id", "first_name"]].fillna("").to_numpy().tolist()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('1,Zoe,Ng\n2,"Jan" "J",Li\n', r"line 3: text follows the \" that ends a cell"),
        ('1,"Ann"x,Li\n', "line 2: text follows"),
        ('1,"Janet,Smith\n2,"Omar",Haddad\n3,Zoe,Ng\n', "lines 2 to 3: text follows"),
        ('1,Zoe,Ng\n2,"Janet,Smith\n3,Zoe,Ng\n', r"lines 3 to 4: .* and no \" ends it"),
        ('1,"two\nlines",Ng\n2,Ann,Ng,x\n', "line 4 has 4 cells, but there are 3 columns"),
        ("1,Zoe,Ng\n\n,,\n2,Smith, Jan,Li\n", "line 5 has 4 cells"),
        ("1,Zoe,Ng,\n", "line 2 has 4 cells"),
        (f'1,"{"a" * 140_000}",Li\n', "line 2: a cell has more than 131,072 characters"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_malformed_row_is_refused_with_its_line(read, rows: str, message: str, end: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=f"people.csv: {message}") as caught:
        read((HEADING + rows).replace("\n", end))
    assert "Smith" not in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cell", ["Jan\ret", '"Jan\ret"', "\rJan\ret"])
def test_carriage_return_that_ends_no_line_is_text(read, cell: str, end: str) -> None:
    rows = ["1,Zoe,Ng", f"2,{cell},Li", '3,"Ann\n",Ko']
    frame = read(HEADING.strip() + end + end.join(rows) + end)
    assert frame["id"].tolist() == ["1", "2", "3"]
    assert frame["first_name"].tolist() == ["Zoe", cell.strip('"'), "Ann\n"]


@pytest.mark.parametrize("end", ["\r", "\r\r\n"])
def test_carriage_returns_that_end_lines_are_no_text(read, end: str) -> None:
    frame = read(end.join([HEADING.strip(), '1,"Zoe\n",Ng', "2,Ann,Li", ""]))
    assert frame["first_name"].tolist() == ["Zoe\n", "Ann"]
    assert frame["last_name"].tolist() == ["Ng", "Li"]


def test_line_of_a_malformed_row_counts_the_line_with_the_delimiter(read) -> None:
    with pytest.raises(ck.ConfigurationError, match="line 3 has 3 cells"):
        read("sep=;\nid;first_name\n1;Zoe;Ng\n")


def test_too_few_cells_warn_with_their_lines(read) -> None:
    with pytest.warns(ck.ContactKitWarning, match="too few cells in lines 3, 4; the missing"):
        frame = read(HEADING + '1,Zoe,Ng\n2,Ann\n3,"a\nb"\n4,Li,Ng\n')
    assert frame["first_name"].tolist() == ["Zoe", "Ann", "a\nb", "Li"]
    assert frame["last_name"].isna().tolist() == [False, True, True, False]


def test_warning_of_too_few_cells_names_ten_lines(read) -> None:
    with pytest.warns(ck.ContactKitWarning, match=r"lines 2, .*, 11 and 1,490 more;"):
        read(HEADING + "1,Zoe\n" * 1_500)


def test_empty_rows_are_no_rows(read) -> None:
    frame = read(f"\n{HEADING},,\n1,Zoe,Ng\n\n , \u00a0,\t\n\n2,Ann,Li\n,,\n,,,,\n")
    assert names(frame) == [["1", "Zoe"], ["2", "Ann"]]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\n", '"sep={}"\r\n', "SEP={}\n"])
def test_delimiter_is_found_or_read_from_the_first_line(read, mark: str, first: str) -> None:
    rows = f'id{mark}first_name{mark}tags\n1{mark}Zoe{mark}"[""a,b;c"", ""d""]"\n'
    frame = read(first.format(mark) + rows)
    assert names(frame) == [["1", "Zoe"]]
    assert frame["tags"].tolist() == [["a,b;c", "d"]]


def test_first_line_may_name_any_delimiter(read) -> None:
    assert names(read("sep=|\nid|first_name\n1|Smith, Zoe\n")) == [["1", "Smith, Zoe"]]


def test_single_column_needs_no_delimiter(read) -> None:
    assert read("id\n1\n\n2\n")["id"].tolist() == ["1", "2"]


def test_blanks_around_headings_and_columns_without_any_value_are_dropped(read) -> None:
    assert names(read("id , first_name\t,,\n1,Zoe,,\n2,Ann, ,\n")) == [["1", "Zoe"], ["2", "Ann"]]


@pytest.mark.parametrize("numbers", [("0", "1"), ("1", "2"), ("17", "3")])
def test_column_that_numbers_the_rows_is_dropped(read, numbers: tuple[str, str]) -> None:
    one, two = numbers
    assert names(read(f",id,first_name\n{one},1,Zoe\n{two},2,Ann\n")) == [
        ["1", "Zoe"],
        ["2", "Ann"],
    ]


def test_row_numbers_that_were_written_twice_are_dropped(read) -> None:
    assert names(read(",Unnamed: 0,id,first_name\n0,4,1,Zoe\n1,7,2,Ann\n"))[1] == ["2", "Ann"]


@pytest.mark.parametrize("cells", [("VIP", ""), ("7", "7"), ("007", "8"), ("1.0", "2.0")])
def test_column_without_a_name_that_has_other_values_is_refused(read, cells) -> None:
    one, two = cells
    with pytest.raises(ck.ConfigurationError, match="column 1 has values and no name"):
        read(f",id\n{one},1\n{two},2\n")
    with pytest.raises(ck.ConfigurationError, match="column 2 has values and no name"):
        read(f"id,\n1,{one}\n2,{two}\n")


def test_two_columns_with_one_name_are_refused(read) -> None:
    with pytest.raises(ck.ConfigurationError, match="two columns have the name id"):
        read("id,first_name, id\n1,Zoe,2\n")


@pytest.mark.parametrize("content", ["", "\n\n", ",,\n", "\ufeff"])
def test_file_without_a_heading_is_refused(read, content: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="is empty; its first line must name"):
        read(content)


@pytest.mark.parametrize("marks", [1, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_byte_order_marks_are_dropped(read, marks: int, encoding: str) -> None:
    text = "\ufeff" * marks + "id,first_name\n1,Zoë\n"
    assert names(read(text.encode(encoding))) == [["1", "Zoë"]]


def test_byte_order_mark_inside_a_quoted_heading_is_dropped(read) -> None:
    assert names(read('"\ufeffid",first_name\n1,Zoë\n')) == [["1", "Zoë"]]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
def test_other_encoding_is_named_and_then_read(read, encoding: str) -> None:
    content = "id,first_name\n1,Zoë\n".encode(encoding)
    with pytest.raises(ck.ConfigurationError, match=f"is not UTF-8; it fits encoding='{encoding}'"):
        read(content)
    assert names(read(content, encoding=encoding)) == [["1", "Zoë"]]


@pytest.mark.parametrize("utf8", ["utf8", "UTF-8", "U8"])
def test_utf8_of_any_spelling_is_utf8(read, utf8: str) -> None:
    with pytest.raises(ck.ConfigurationError, match="it fits encoding='cp1252'"):
        read("id,first_name\n1,Zoë\n".encode("cp1252"), encoding=utf8)


def test_encoding_that_is_not_known_is_asked_for(read) -> None:
    content = b"id,first_name\n1,\x81\x40\n"
    with pytest.raises(ck.ConfigurationError, match="line 2 is not UTF-8; pass its encoding"):
        read(content)


@pytest.mark.parametrize("end", [b"3,Zo\xc3", b"3,Zo\xeb\n4,Ann\n"])
def test_damaged_file_of_utf8_is_not_called_cp1252(read, end: bytes) -> None:
    with pytest.raises(ck.ConfigurationError, match="line 3 is not UTF-8, though text before"):
        read("id,first_name\n1,Zoë\n".encode() + end)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("cp9", "Python has no text encoding 'cp9'"), ("ascii", "line 2 is not ASCII")],
)
def test_encoding_that_does_not_fit_is_refused(read, encoding: str, message: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=message):
        read("id,first_name\n1,Zoë\n", encoding=encoding)


def test_gzip_file_is_read(read) -> None:
    content = gzip.compress(b"id,first_name\n1,Zoe\n")
    assert names(read(content, "people.csv.gz")) == [["1", "Zoe"]]
    with pytest.raises(ck.ConfigurationError, match="cannot be read"):
        read(content[:-9], "people.csv.gz")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"PK\x03\x04" + bytes(99), "people.csv", "an Excel workbook without the suffix .xlsx"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "people.xls", r"of the old kind \(.xls\)"),
        (b"PAR1" + bytes(99), "people.csv", "a Parquet file without the suffix"),
        (b"ARROW1" + bytes(99), "people.csv", "a Feather file without the suffix"),
        (b"%PDF-1.7", "people.csv", "a PDF document"),
        (b"{\\rtf1\\ansi Name}", "people.csv", r"a text document \(RTF\)"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "people.csv", "a 7-Zip archive"),
        (b"\x89PNG\r\n\x1a\n", "people.csv", r"a picture \(PNG\)"),
        (pickle.dumps(["a"], protocol=5), "people.csv", "a Python pickle, which is never read"),
        (b"\n <!DOCTYPE html><table>", "people.xls", "a page of HTML or XML"),
        (b'\xef\xbb\xbf[{"id": "1"}]', "people.csv", "a JSON document"),
        (b"BEGIN:VCARD\nFN:Ada", "people.vcf", "a file of vCards"),
        (bz2.compress(b"id\n1\n"), "people.csv", "a bzip2 file without the suffix .bz2"),
        (lzma.compress(b"id\n1\n"), "people.csv", "an xz file without the suffix .xz"),
    ],
)
def test_file_of_another_kind_is_named(read, content: bytes, name: str, kind: str) -> None:
    with pytest.raises(ck.ConfigurationError, match=f"{name}: is .*{kind}.*, not CSV"):
        read(content, name)


@pytest.mark.parametrize("provider", ["sendblue", None])
def test_older_field_names_are_read(tmp_path: Path, provider: str | None) -> None:
    path = tmp_path / "people.csv"
    path.write_text("number,firstName\n+12025550123,Ada\n")
    with pytest.warns(DeprecationWarning) as caught:
        frame = ck.read_contacts(path, provider)
    assert "name the column phone instead of number" in str(caught[0].message)
    assert frame[["phone", "first_name"]].to_numpy().tolist() == [["+12025550123", "Ada"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_and_present_name_of_one_field_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("phone,number\n+12025550123,+12025550124\n")
    with pytest.raises(ck.ConfigurationError, match="has the column phone twice"):
        ck.read_contacts(path, "sendblue")


def test_equal_cells_share_no_list_or_mapping(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,tags,custom_fields\n" + '1,"[""a""]","{""b"": 1}"\n' * 2)
    frame = ck.read_contacts(path, "privy")
    frame.loc[0, "tags"].append("z")
    frame.loc[0, "custom_fields"]["z"] = 1
    assert frame.loc[1, ["tags", "custom_fields"]].tolist() == [["a"], {"b": 1}]


@given(
    cells=st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=9)] * 3), max_size=6
    ),
    mark=st.sampled_from(",;\t"),
)
@example(cells=[("", "", "\r"), ("a\r", "\r", "\x1f")], mark=",")
@example(cells=[("", "", "\r"), ("a\r", "\r", "b")], mark=";")
def test_every_written_row_with_a_value_is_read_as_written(cells, mark: str) -> None:
    frame = pd.DataFrame(cells, columns=["a", "b", "c"], dtype=object)
    content = frame.to_csv(index=False, sep=mark, quoting=1).encode()
    kept = [row for row in cells if any(map(str.strip, row))]
    table = parse_csv("people.csv", content)
    assert [*zip(*table.columns.values(), strict=True)] == kept


@settings(max_examples=examples(1_000))
@given(
    st.text(st.sampled_from("a1\"'\\,;\t\n\r \u00a0\0\x0b\x1a\u2028\ufeff\u00e9"), max_size=30),
    st.sampled_from(",;\t|"),
)
def test_both_readers_find_the_same_cells(text: str, delimiter: str) -> None:
    text = text.lstrip("\ufeff")
    columns = _read_regular(text, delimiter)
    if columns is not None:
        rows = _Records("people.csv", _reader(text, delimiter), 0)
        assert [*zip(*columns, strict=True)] == [*map(tuple, rows)]
        assert rows.short == []


@given(st.lists(st.lists(st.text(max_size=5), min_size=3, max_size=3), min_size=1))
def test_regular_rows_are_read_at_once(rows: list[list[str]]) -> None:
    table = pd.DataFrame([["a", "b", "c"], *rows])
    text = table.to_csv(header=False, index=False, quoting=csv.QUOTE_ALL)
    columns = _read_regular(text, ",")
    assert columns is not None or "\0" in text
