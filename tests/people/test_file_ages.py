"""A file of contacts is as old as they are: a stale one is never taken for a fresh one."""

from __future__ import annotations

import itertools
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.spec.record import key_of
from tests.people.test_people import OTHER, PHONE, sent
from tests.support.shared_people import ALLOWED, PHONE_OF

CAMPAIGN = pd.DataFrame({"to": [PHONE]})


def frame_of(name: str) -> pd.DataFrame:
    """A contact of a provider who says yes."""
    key = {key_of(find(name).record).name: "a"} if name != "sendblue" else {}
    frame = pd.DataFrame([{**key, PHONE_OF[name]: PHONE, **ALLOWED[name]}])
    frame.attrs["provider"] = name
    return frame


@pytest.mark.parametrize("ending", ["parquet", "feather"])
@pytest.mark.parametrize("read", [str, ck.read_contacts])
def test_a_written_file_is_as_old_as_its_contacts(tmp_path: Path, ending: str, read: Any) -> None:
    path, now = tmp_path / f"people.{ending}", datetime.now(UTC)
    for days, name in itertools.product((0, 2), names()):
        frame = frame_of(name)
        frame.attrs |= {"world": "live", "at": (now - timedelta(days=days)).isoformat()}
        ck.write_contacts(frame, path)
        people = ck.people(**{name: read(path)})
        if days:
            with pytest.raises(ck.InvalidInputError, match=f"{name} was read 2 days"):
                people.guard(CAMPAIGN, "text")
        else:
            assert len(people.guard(CAMPAIGN, "text")) == 1


def test_a_written_part_is_refused_as_a_source(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    with ck.connect("privy", via=ck.Simulator()) as client:
        ck.write_contacts(client.contacts.list(email_consent="subscribed"), path)
    for source in (path, ck.read_contacts(path), pd.read_parquet(path), pq.read_table(path)):
        with pytest.raises(ck.InvalidInputError, match="is a filtered listing"):
            ck.people(privy=source)


def test_files_that_others_join_have_no_time(tmp_path: Path) -> None:
    """pandas and pyarrow keep what the first of several files says, also of the others."""
    for days, phone in enumerate((PHONE, OTHER)):
        frame = sent((f"a{days}", phone, False))
        at = datetime.now(UTC) - timedelta(days=2 * days)
        frame.attrs |= {"world": "live", "at": at.isoformat()}
        ck.write_contacts(frame, tmp_path / f"{days}.parquet")
    files = sorted(tmp_path.iterdir())
    joined = pa.concat_tables([pq.read_table(file) for file in files])
    for source in (pd.read_parquet(tmp_path), pq.read_table(tmp_path), joined):
        people = ck.people(sent=source)
        with pytest.raises(ck.InvalidInputError, match="sent: when it was read is not known"):
            people.guard(CAMPAIGN, "text")


def test_a_flag_that_a_file_lost_is_no_yes(tmp_path: Path) -> None:
    """A cell that cannot be read may have been a no, also when its problem is forgotten."""
    frame = frame_of("digital_onboarding").astype({"sms_unsubscribed": object})
    frame["sms_unsubscribed"] = None
    ck.write_contacts(frame, tmp_path / "people.parquet")
    for source in (frame, tmp_path / "people.parquet"):
        people = ck.people(digital_onboarding=source)
        kept = people.guard(CAMPAIGN, "text", max_age=None)
        assert kept.empty and kept.attrs["left_out"] == {"unreadable": 1}


@pytest.mark.parametrize("word", ["Unsubscribed", " unsubscribed", "no", ""])
def test_a_word_that_joined_files_lost_is_no_yes(tmp_path: Path, word: str) -> None:
    path = tmp_path / "people.csv"
    ck.write_contacts(frame_of("privy").assign(sms_consent="subscribed"), path)
    path.write_text(path.read_text().replace(",subscribed,subscribed,", f",subscribed,{word},"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ContactKitWarning)
        read = ck.read_contacts(path, "privy")
    assert [*read["sms_consent"].isna()] == [True]
    other = frame_of("privy").assign(id="b", phone_number=OTHER)
    joined = pd.concat([read, other], ignore_index=True)
    people = ck.people(sent=frame_of("sent"), privy=joined)
    kept = people.guard(CAMPAIGN, "text", max_age=None)
    assert kept.empty and kept.attrs["left_out"] == {"unreadable": 1}


@pytest.mark.parametrize("number", [12025550123, "12025550123", "(202) 555-0123"])
def test_a_no_whose_number_cannot_be_read_is_warned_of(number: Any) -> None:
    """pandas reads numbers without a plus as whole numbers."""
    for name in names():
        other = "sent" if name != "sent" else "sendblue"
        deny = dict(find(name).consent.channels["text"].deny)
        frame = frame_of(name).assign(**deny)
        field = PHONE_OF[name]
        frame[field] = pd.Series([number], dtype=object)
        sources: dict[str, Any] = {name: frame, other: frame_of(other)}
        with pytest.warns(ck.ContactKitWarning, match="of 1 contact who said no"):
            ck.people(**sources)
        people = ck.people(**sources, region="US")
        assert people.guard(CAMPAIGN, "text", max_age=None).empty
