"""What the pictures count: the right columns, every row once, and NA as unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import contactkit as ck
from contactkit._frames.frame import result_frame
from contactkit.plots.counts import (
    MOST_BARS,
    by_channel,
    by_consent,
    by_creation,
    by_outcome,
    by_time,
)
from contactkit.spec.outcome import Outcome


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def test_by_channel_counts_each_channel_of_a_contact_and_puts_unknown_last():
    channels = ["sms, whatsapp", "sms", None, "", "sms,sms", "whatsapp"]
    people = pd.DataFrame(
        {
            "default_channel": ["sms"] * 6,
            "available_channels": pd.array(channels, dtype="string"),
        }
    )
    column, counts = by_channel(people)
    assert column == "available_channels"
    assert [*counts.items()] == [("sms", 3), ("whatsapp", 2), ("none", 1), ("unknown", 1)]
    lists = people.assign(available_channels=[["a", "b"], ["a"], None, ["b"], ["b"], ["c"]])
    assert by_channel(lists)[1] == {"b": 3, "a": 2, "c": 1, "unknown": 1}
    assert by_channel(people[["default_channel"]]) == ("default_channel", {"sms": 6})


def test_by_channel_without_channels_counts_phones_and_e_mails():
    phones = pd.array(["x", "", None, "x"], dtype="string")
    emails = pd.array(["x", "x", "", None], dtype="string")
    people = pd.DataFrame({"phone_home": phones, "email": emails, "email_verified": True})
    each_once = {"phone only": 1, "e-mail only": 1, "both": 1, "neither": 1}
    assert by_channel(people) == ("", each_once)
    assert by_channel(people[["phone_home"]]) == ("", {"phone only": 2, "neither": 2})
    assert by_channel(people[["email"]]) == ("", {"e-mail only": 2, "neither": 2})


def test_by_channel_ignores_the_address_of_another_person():
    people = ck.connect("sendblue", via=ck.Simulator(contacts=8)).contacts.list()
    assert people["assigned_to_email"].notna().any()
    assert by_channel(people) == ("", {"phone only": len(people)})


def test_by_consent_counts_flags_and_keeps_the_order_of_enumerations():
    people = pd.DataFrame(
        {
            "opt_out": pd.array([True, None, False, True], dtype="boolean"),
            "sms_consent": pd.Categorical(["b", None, "a", "b"], categories=["c", "b", "a"]),
            "opted_in": [True, False, None, True],
            "subscribed": ["y", "n", "y", "y"],
            "consent_given_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "verified_count": [1, 2, 3, 4],
            "consents": [["a"], [], ["b"], ["a"]],
            "unsubscribed_by": "jo@example.com",
            "descriptive": True,
        }
    )
    counts = by_consent(people)
    assert counts == {
        "opt_out": {"yes": 2, "no": 1, "unknown": 1},
        "sms_consent": {"c": 0, "b": 2, "a": 1, "unknown": 1},
        "opted_in": {"yes": 2, "no": 1, "unknown": 1},
        "subscribed": {"y": 3, "n": 1},
    }
    assert list(counts["sms_consent"]) == ["c", "b", "a", "unknown"]


def test_by_consent_ignores_a_column_of_many_choices():
    texts = pd.Series([f"consent {n}" for n in range(100)], dtype="category")
    people = pd.DataFrame({"opt_out": [True] * 100, "consent_text": texts})
    assert list(by_consent(people)) == ["opt_out"]


def test_by_consent_counts_every_contact_once_in_every_column(people):
    for answers in by_consent(people).values():
        assert sum(answers.values()) == len(people)


def created(*times: str | None) -> pd.DataFrame:
    return pd.DataFrame({"created_at": pd.to_datetime(list(times), utc=True, format="ISO8601")})


@pytest.mark.parametrize(
    ("last", "unit", "bars", "label"),
    [
        ("2026-01-01T23:59:59Z", "day", 1, "2026-01-01"),
        ("2026-03-01", "day", MOST_BARS, "2026-01-01"),
        ("2026-03-02", "week", 10, "2025-12-29"),
        ("2027-06-01", "month", 18, "2026-01"),
        ("2032-01-01", "year", 7, "2026"),
    ],
)
def test_by_creation_takes_the_finest_unit_that_fits(last, unit, bars, label):
    found, counts = by_creation(created("2026-01-01", last, None))
    assert (found, len(counts), counts.index[0]) == (unit, bars, label)
    assert counts.sum() == 2 and counts.iloc[0] >= 1 and counts.iloc[-1] >= 1


def test_by_creation_begins_weeks_on_mondays():
    unit, counts = by_creation(created("2026-06-07", "2026-06-08", "2026-12-31"))
    assert unit == "week"
    assert list(counts.items())[:2] == [("2026-06-01", 1), ("2026-06-08", 1)]


def test_by_creation_reads_both_columns_of_joined_frames():
    first = created("2026-01-01", "2026-01-02")
    joined = pd.concat([first, first.rename(columns={"created_at": "inserted_at"})])
    assert by_creation(joined)[1].tolist() == [2, 2]


def test_by_creation_reads_times_that_a_file_turned_into_text():
    text = pd.DataFrame({"created_at": ["2026-01-01 10:00:00+00:00", "soon", None]})
    assert by_creation(text)[1].tolist() == [1]
    assert by_creation(text.tail(2))[1].empty


def test_by_outcome_is_in_declared_order_without_zeros():
    rows = [{"outcome": name} for name in ("skipped", "updated", "failed", "updated", None)]
    counts = by_outcome(result_frame(rows))
    assert counts == {"updated": 2, "failed": 1, "unknown": 1, "skipped": 1}
    assert list(counts) == [name for name in Outcome if name in counts]
    text = pd.DataFrame({"outcome": ["postponed", "updated"]})
    assert by_outcome(text) == {"updated": 1, "postponed": 1}


def applied(timeline: object) -> pd.DataFrame:
    """The result of an apply with this timeline."""
    result = result_frame([{"outcome": "updated"}])
    result.attrs["timeline"] = timeline
    return result


def test_by_time_reads_the_timeline_in_order_of_time():
    moments = by_time(applied([[0, 5, 0, 195], [2, 3, 1, None], [1, 1, 0, 0]]))
    assert moments[:3].tolist() == [[0, 1, 2], [5, 1, 3], [0, 0, 1]]
    assert moments[3, :2].tolist() == [195, 0] and np.isnan(moments[3, 2])


@pytest.mark.parametrize(
    "timeline", ["soon", 7, [[1, 2, 3]], [1, 2, 3, 4], [[0, -1, 0, 0]], [[None, 1, 0, 0]], {"a": 1}]
)
def test_by_time_refuses_anything_but_a_timeline(timeline):
    with pytest.raises(ck.InvalidInputError, match=r"plots\.timeline: attrs\['timeline'\] must be"):
        by_time(applied(timeline))
