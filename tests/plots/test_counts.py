"""What the pictures count: the right columns, every row once, and what is not told as unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._frames.frame import result_frame
from contactkit.plots.counts import MOST_BARS, by_age, by_channel, by_consent, by_outcome, by_time
from contactkit.spec.outcome import Outcome


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


def forgotten(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame, that no longer says whose it is."""
    found = frame.copy()
    found.attrs.clear()
    return found


@pytest.mark.parametrize("count", [by_channel, by_consent])
def test_a_frame_that_forgot_its_provider_counts_alike(count, people):
    assert count(forgotten(people)) == count(people)


def test_channels_are_counted_each_and_what_is_not_told_comes_last():
    channels = ["sms, whatsapp", "sms", None, "", "sms,sms", "whatsapp"]
    people = pd.DataFrame(
        {
            "default_channel": ["sms"] * 6,
            "available_channels": pd.array(channels, dtype="string"),
        }
    )
    counts = {"sms": 3, "whatsapp": 2, "none": 1, "unknown": 1}
    found = by_channel(people)
    assert found == ("available_channels", counts)
    assert list(found[1]) == list(counts)
    lists = people.assign(available_channels=[["a", "b"], ["a"], None, ["b"], ["b"], ["c"]])
    assert by_channel(lists)[1] == {"b": 3, "a": 2, "c": 1, "unknown": 1}
    assert by_channel(people[["default_channel"]]) == ("default_channel", {"sms": 6})


def test_reach_is_told_by_what_is_filled_in():
    texts = pd.array(["x", "", None, "x"], dtype="string")
    others = pd.array(["x", "x", "", None], dtype="string")
    people = pd.DataFrame({"phone_home": texts, "email": others, "email_verified": True})
    both = {"phone only": 1, "e-mail only": 1, "both": 1, "neither": 1}
    assert by_channel(people) == ("", both)
    assert by_channel(people.drop(columns="email")) == ("", {"phone": 2, "no phone": 2})
    assert by_channel(people[["email"]]) == ("", {"e-mail": 2, "no e-mail": 2})


def test_the_address_of_whom_a_contact_is_assigned_to_does_not_reach_the_contact():
    simulated = ck.connect("sendblue", via=ck.Simulator(contacts=8)).contacts.list()
    assert simulated["assigned_to_email"].notna().any()
    assert by_channel(simulated) == ("", {"phone": len(simulated), "no phone": 0})


def test_flags_are_yes_no_and_unknown_and_enumerations_keep_their_order():
    people = pd.DataFrame(
        {
            "opt_out": pd.array([True, None, False, True], dtype="boolean"),
            "sms_consent": pd.Categorical(["b", None, "a", "b"], categories=["c", "b", "a"]),
            "opted_in": [True, False, None, True],
            "subscribed": ["y", "n", "y", "y"],
            "consent_given_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "verified_count": [1, 2, 3, 4],
            "consents": [["a"], [], ["b"], ["a"]],
            "descriptive": True,
        }
    )
    found = by_consent(people)
    assert found == {
        "opt_out": {"yes": 2, "no": 1, "unknown": 1},
        "sms_consent": {"c": 0, "b": 2, "a": 1, "unknown": 1},
        "opted_in": {"yes": 2, "no": 1, "unknown": 1},
        "subscribed": {"y": 3, "n": 1},
    }
    assert list(found["sms_consent"]) == ["c", "b", "a", "unknown"]


def test_every_contact_counts_once_in_every_column_of_consent(people):
    for answers in by_consent(people).values():
        assert sum(answers.values()) == len(people)


def created(*times: str | None) -> pd.DataFrame:
    return pd.DataFrame({"created_at": pd.to_datetime(list(times), utc=True, format="ISO8601")})


@pytest.mark.parametrize(
    ("last", "unit", "bars", "label"),
    [
        ("2026-01-01T23:59:59Z", "day", 1, "2026-01-01"),
        ("2026-03-01", "day", 60, "2026-01-01"),
        ("2026-03-02", "week", 10, "2025-12-29"),
        ("2027-06-01", "month", 18, "2026-01"),
        ("2032-01-01", "year", 7, "2026"),
        ("2126-01-01", "decade", 11, "2020"),
        ("9999-12-31T23:59:59Z", "millennium", 8, "2000"),
    ],
)
def test_bars_are_of_the_finest_unit_that_fits(last, unit, bars, label):
    ages = by_age(created("2026-01-01", last, None))
    assert ages
    assert (ages.unit, len(ages.counts), ages.untold) == (unit, bars, 1)
    assert ages.counts.sum() == 2 and ages.counts[0] >= 1 and ages.counts[-1] >= 1
    assert len(ages.labels) <= 7
    assert next(iter(ages.labels.values())) == label


def test_no_span_makes_too_many_bars_or_labels():
    for days in np.unique(np.geomspace(1, 3_650_000, 200).astype(int)):
        last = np.datetime64("0001-01-01") + (days - 1)
        ages = by_age(created("0001-01-01", str(last)))
        assert ages and len(ages.counts) <= MOST_BARS
        assert 1 <= len(ages.labels) <= 7 and max(ages.labels) < len(ages.counts)


def test_weeks_begin_on_mondays():
    ages = by_age(created("2026-06-07", "2026-06-08", "2026-12-31"))
    assert ages and ages.unit == "week"
    assert ages.labels[0] == "2026-06-01" and ages.counts[:2].tolist() == [1, 1]


def test_joined_frames_are_as_old_as_each_of_them_says():
    first = created("2026-01-01", "2026-01-02")
    joined = pd.concat([first, first.rename(columns={"created_at": "inserted_at"})])
    ages = by_age(joined)
    assert ages and ages.counts.tolist() == [2, 2] and not ages.untold


def test_times_that_a_file_made_text_are_read_and_none_is_none():
    text = pd.DataFrame({"created_at": ["2026-01-01 10:00:00+00:00", "soon", None]})
    ages = by_age(text)
    assert ages and ages.counts.tolist() == [1] and ages.untold == 2
    assert by_age(text.tail(2)) is None


def test_outcomes_are_in_declared_order_and_only_those_that_occur():
    rows = [{"outcome": each} for each in ("skipped", "updated", "failed", "updated", None)]
    found = by_outcome(result_frame(rows))
    assert found == {"updated": 2, "failed": 1, "unknown": 1, "skipped": 1}
    assert list(found) == [each for each in Outcome if each in found]
    text = pd.DataFrame({"outcome": ["postponed", "updated"]})
    assert by_outcome(text) == {"updated": 1, "postponed": 1}


def test_who_did_it_is_no_consent():
    people = pd.DataFrame({"opt_out": [True], "unsubscribed_by": ["jo@example.com"]})
    assert list(by_consent(people)) == ["opt_out"]


def test_a_hundred_choices_are_no_consent():
    many = pd.Series([f"consent {n}" for n in range(100)], dtype="category")
    people = pd.DataFrame({"opt_out": [True] * 100, "consent_text": many})
    assert list(by_consent(people)) == ["opt_out"]


def applied(moments: object) -> pd.DataFrame:
    """The result of an apply that went like this."""
    found = result_frame([{"outcome": "updated"}])
    found.attrs["timeline"] = moments
    return found


def test_requests_are_counted_in_spans_of_time():
    pace = by_time(applied([[0, 5, 0, 195], [2, 3, 1, None], [1.5, 1, 0, 0]]))
    assert pace and pace.seconds == 0.5
    assert pace.sent.tolist() == [5, 0, 0, 1, 3] and pace.limited.tolist() == [0, 0, 0, 0, 1]
    assert pace.left == {0.0: 195, 1.5: 0}


@pytest.mark.parametrize(
    ("finest", "count", "seconds"),
    [(0.25, 60, 0.25), (0.25, 61, 0.5), (1, 300, 5), (0.7, 120, 1.4), (288, 300, 1440), (1, 1, 1)],
)
def test_a_span_is_whole_in_what_was_counted_and_even_where_it_can_be(finest, count, seconds):
    pace = by_time(applied([[finest * at, 2, 1, None] for at in range(count)]))
    assert pace and np.isclose(pace.seconds, seconds)
    whole = pace.sent[:-1]
    assert (whole == whole[:1]).all() and pace.sent.sum() == 2 * count


MOMENTS = st.lists(
    st.tuples(
        st.floats(0, 1e7),
        st.integers(0, 10_000),
        st.integers(0, 10_000),
        st.none() | st.integers(0, 10_000),
    ),
    max_size=300,
)


@given(MOMENTS)
def test_every_request_is_in_one_of_few_spans(moments):
    pace = by_time(applied(moments))
    sent = sum(each[1] for each in moments)
    assert (pace is None) == (sent == 0)
    if pace:
        assert pace.sent.sum() == sent and len(pace.sent) <= MOST_BARS
        assert pace.limited.sum() == sum(each[2] for each in moments)
        assert len(pace.limited) == len(pace.sent)


@pytest.mark.parametrize(
    "timeline", ["soon", 7, [[1, 2, 3]], [1, 2, 3, 4], [[0, -1, 0, 0]], [[None, 1, 0, 0]], {"a": 1}]
)
def test_what_is_no_timeline_is_refused(timeline):
    with pytest.raises(ck.InvalidInputError, match=r"plots\.timeline: attrs\['timeline'\] must be"):
        by_time(applied(timeline))
