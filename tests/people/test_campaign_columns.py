"""Which column of a campaign has the addresses that are written to: it is never guessed."""

from __future__ import annotations

import pandas as pd
import pytest

import contactkit as ck
from tests.people.test_people import OTHER, PHONE, sent


def test_a_campaign_with_two_columns_of_phones_is_asked_about() -> None:
    people = ck.people(sent=sent(("a", PHONE, False)))
    campaign = pd.DataFrame({"home": [PHONE], "work": [OTHER]})
    message = "people guard: field: must name the column of phone numbers.*: home, work"
    with pytest.raises(ck.InvalidInputError, match=message):
        people.guard(campaign, "text", max_age=None)
    assert len(people.guard(campaign, "text", field="home", max_age=None)) == 1


def test_a_number_beside_a_declared_one_is_asked_for() -> None:
    people = ck.people(sent=sent(("a", PHONE, False), ("b", OTHER, True)))
    campaign = pd.DataFrame({"phone_number": [PHONE], "send_to": [OTHER]})
    with pytest.raises(ck.InvalidInputError, match="these may be it: phone_number, send_to"):
        people.guard(campaign, "text", max_age=None)
    assert not len(people.guard(campaign, "text", field="send_to", max_age=None))
    contacts = pd.DataFrame({"phone_number": [PHONE], "formats": ["x"], "name": ["Ann"]})
    assert len(people.guard(contacts, "text", max_age=None)) == 1
    contacts.attrs["provider"] = "sent"
    assert len(people.guard(contacts, "text", max_age=None)) == 1
    campaign.attrs["provider"] = "sent"
    with pytest.raises(ck.InvalidInputError, match="these may be it: phone_number, send_to"):
        people.guard(campaign, "text", max_age=None)


@pytest.mark.parametrize("label", ["phone_number", "mobile"])
def test_a_column_that_is_there_twice_is_asked_for(label: str) -> None:
    people = ck.people(sent=sent(("a", PHONE, False), ("b", OTHER, True)))
    campaign = pd.DataFrame([[PHONE, "ask first"]], columns=[label, label])
    with pytest.raises(ck.InvalidInputError, match=f"must name the column.*: {label}"):
        people.guard(campaign, "text", max_age=None)
