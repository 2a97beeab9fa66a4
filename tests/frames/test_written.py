"""`ck.write_contacts`: a file that only its user can read, and that reads back as it was."""

from __future__ import annotations

import csv
import os
import stat
from datetime import date

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import feather

import contactkit as ck
from contactkit._frames.files import write_private
from contactkit._frames.frame import Problems
from tests.support.providers import EXAMPLES

EVERY = pytest.mark.parametrize("name", EXAMPLES)
ENDINGS = ["parquet", "pq", "feather", "csv", "xlsx"]
EVERY_ENDING = pytest.mark.parametrize("ending", ENDINGS)


def contacts(name: str, count: int = 30) -> pd.DataFrame:
    with ck.connect(name, via=ck.Simulator(contacts=count)) as client:
        return client.contacts.list()


@EVERY
@EVERY_ENDING
def test_what_is_written_reads_back_as_it_was(name, ending, tmp_path):
    frame, path = contacts(name), tmp_path / f"people.{ending}"
    ck.write_contacts(frame, path)
    assert_frame_equal(ck.read_contacts(path), frame)


@EVERY
@EVERY_ENDING
def test_no_contact_at_all_reads_back_with_all_columns(name, ending, tmp_path):
    frame, path = contacts(name)[:0], tmp_path / f"people.{ending}"
    ck.write_contacts(frame, path)
    assert_frame_equal(ck.read_contacts(path), frame.reset_index(drop=True))


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_arrow_files_have_the_declared_schema(ending, tmp_path):
    path = tmp_path / f"people.{ending}"
    ck.write_contacts(contacts("privy"), path)
    frame = pl.read_parquet(path) if ending == "parquet" else pl.read_ipc(path)
    assert frame.columns == ck.schema("privy").names
    if ending == "parquet":
        written = pq.read_schema(path)
        assert written.equals(ck.schema("privy"))
        assert written.metadata.items() >= ck.schema("privy").metadata.items()


READ = {"at": "2026-05-01T09:00:00+00:00", "world": "live", "part": "one page"}


@EVERY
@pytest.mark.parametrize("ending", ["parquet", "pq", "feather"])
def test_arrow_files_keep_when_and_where_they_were_read(name, ending, tmp_path):
    frame, path = contacts(name, 3), tmp_path / f"people.{ending}"
    frame.attrs |= {**READ, "owner": "jane@example.com", "problems": Problems([(0, "", "", 1, "")])}
    ck.write_contacts(frame, path)
    assert ck.read_contacts(path).attrs == {**READ, "provider": name, "problems": 0}
    assert b"jane@example.com" not in b"".join(
        (
            pq.read_schema(path) if ending != "feather" else feather.read_table(path).schema
        ).metadata.values()
    )


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_text_files_lose_when_they_were_read(ending, tmp_path):
    ck.write_contacts(contacts("sent", 3), tmp_path / f"people.{ending}")
    read = ck.read_contacts(tmp_path / f"people.{ending}")
    assert read.attrs == {"provider": "sent", "problems": 0}


def test_a_folder_is_as_old_as_its_oldest_file(tmp_path):
    frame = contacts("sent", 3)
    times = ["2026-05-01T09:00:00+00:00", "2026-05-01T08:00:00-05:00", "2026-05-01T10:00:00+02:00"]
    for number, at in enumerate(times):
        frame.attrs["at"] = at
        ck.write_contacts(frame, tmp_path / f"{number}.parquet")
    read = ck.read_contacts(tmp_path).attrs
    assert read["at"] == "2026-05-01T08:00:00+00:00" and read["world"] == "simulator"
    del frame.attrs["at"]
    ck.write_contacts(frame.assign(), tmp_path / "unknown.parquet")
    assert "at" not in ck.read_contacts(tmp_path).attrs


@EVERY_ENDING
@pytest.mark.skipif(os.name != "posix", reason="only POSIX has these modes")
def test_file_is_readable_by_its_user_only_also_if_it_was_there(ending, tmp_path):
    path = tmp_path / f"people.{ending}"
    path.touch(0o666)
    ck.write_contacts(contacts("privy", 2), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*tmp_path.iterdir()] == [path]


def test_file_stays_if_it_cannot_be_replaced(tmp_path, monkeypatch):
    path = tmp_path / "people.csv"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "people.csv"
    link.symlink_to(tmp_path / "there" / "people.csv")
    ck.write_contacts(contacts("privy", 2), link)
    assert link.is_symlink() and len(ck.read_contacts(link)) == 2


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ck.ConfigurationError, match=r"must end in \.parquet, .*\.xlsx"):
        ck.write_contacts(contacts("privy", 2), tmp_path / "people.json")


TEXTS = [
    "=HYPERLINK(1)",
    "'=1",
    "''=1",
    "-5",
    "@x",
    "+1 (202)",
    "\tx",
    "'quoted",
    "it's",
    'a "b", c;',
    "a\nb",
    "a\r\nb",
    "_x000D_",
    "\u200bZoë 🙂",
    "#N/A",
    "12",
    "TRUE",
    "null",
    " x ",
]


@EVERY_ENDING
def test_text_that_other_programs_would_change_is_kept(ending, tmp_path):
    frame = contacts("privy", len(TEXTS))[: len(TEXTS)].assign(first_name=TEXTS)
    frame["tags"] = [[text] for text in TEXTS]
    frame["custom_fields"] = [{text: text, "n": None} for text in TEXTS]
    path = tmp_path / f"people.{ending}"
    ck.write_contacts(frame, path)
    read = ck.read_contacts(path)
    assert read["first_name"].tolist() == TEXTS
    assert read["tags"].tolist() == frame["tags"].tolist()
    assert read["custom_fields"].tolist() == frame["custom_fields"].tolist()


def test_no_cell_of_a_csv_file_or_a_workbook_is_a_formula(tmp_path):
    frame = contacts("privy", len(TEXTS))[: len(TEXTS)].assign(first_name=TEXTS)
    ck.write_contacts(frame, tmp_path / "people.csv")
    with open(tmp_path / "people.csv", newline="", encoding="utf-8") as file:
        assert not [
            c for row in csv.reader(file) for c in row if c.startswith(("=", "-", "@", "\t"))
        ]
    ck.write_contacts(frame, tmp_path / "people.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "people.xlsx").worksheets[0]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds <= {"s", "b"}
    first_name = [cell.value for cell in sheet[1]].index("first_name")
    assert sheet.cell(2, first_name + 1).quotePrefix


def test_times_and_days_are_iso_text(tmp_path):
    frame = contacts("digital_onboarding", 2)[:1].assign(birthdate=np.datetime64("1990-05-04"))
    ck.write_contacts(frame, tmp_path / "people.xlsx")
    head, row = openpyxl.load_workbook(tmp_path / "people.xlsx").worksheets[0].values
    cells = dict(zip(head, row, strict=True))
    assert cells["birthdate"] == date(1990, 5, 4).isoformat()
    assert cells["inserted_at"] == frame["inserted_at"][0].isoformat(timespec="microseconds")


def test_half_a_character_is_kept_in_a_workbook(tmp_path):
    frame = pd.DataFrame({"id": ["1"], "first_name": pd.Series(["a\ud800"], dtype=object)})
    ck.write_contacts(frame, tmp_path / "people.xlsx", "privy")
    read = ck.read_contacts(tmp_path / "people.xlsx", "privy")
    assert read["first_name"].tolist() == ["a\ud800"]


def test_text_beyond_a_cell_of_excel_is_refused_and_not_cut(tmp_path):
    frame = contacts("privy", 2).assign(first_name="x" * 32_768)
    with pytest.raises(ck.ConfigurationError, match="text in row 2 is longer than Excel"):
        ck.write_contacts(frame, tmp_path / "people.xlsx")
    assert not [*tmp_path.iterdir()]


@EVERY_ENDING
def test_what_is_not_declared_comes_back(ending, tmp_path):
    frame = contacts("privy", 3)[:3].assign(score=pd.Series([1, None, "x"], dtype=object))
    ck.write_contacts(frame, tmp_path / f"people.{ending}")
    with pytest.warns(ck.ContactKitWarning, match="new fields, kept unchanged: score"):
        read = ck.read_contacts(tmp_path / f"people.{ending}")
    assert_frame_equal(read, frame)


@EVERY_ENDING
def test_a_polars_frame_is_written_too(ending, tmp_path):
    frame = contacts("sent")
    ck.write_contacts(pl.from_pandas(frame), tmp_path / f"people.{ending}")
    assert_frame_equal(ck.read_contacts(tmp_path / f"people.{ending}"), frame)
