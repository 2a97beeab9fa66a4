"""A contact whose consent cannot be read may have opted out, and is treated as one who has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import fields_of
from tests.support.consent import NO, YES, has, record
from tests.support.providers import EXAMPLES, Fault, Wire

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NUMBERS = {
    "privy": {"phone_number": "+12125550190"},
    "digital_onboarding": {"phone_mobile": "+12125550190"},
}
ABSENT = "absent"
FIELDS = {name: next(iter(no)) for name, no in NO.items()}
GAPS = [n for n in FIELDS if not fields_of(find(n).record)[FIELDS[n]].nullable]


@pytest.fixture
def client(name, wire, tmp_path):
    return ck.connect(name, via=wire, journal=tmp_path / "journal.sqlite3")


def reads(field: str, value: Any) -> Fault:
    """A fault: the contact in the response has this value of a field, or does not have it."""

    def fault(request: httpx.Request, answer: Callable[..., Any]) -> httpx.Response:
        body = answer(request).json()
        for each in (body, *body.values()):
            for contact in each if isinstance(each, list) else [each]:
                if isinstance(contact, dict) and field in contact:
                    contact[field] = value
                    if value == ABSENT:
                        del contact[field]
        kind = {"Content-Type": "application/json"}
        return httpx.Response(200, content=json.dumps(body), headers=kind)

    return fault


def start(client: ck.Client, wire: Wire, name: str) -> Any:
    """Let the example contact opt out; returns its row."""
    client.contacts.get(EXAMPLES[name].key)
    record(wire, name, {**NUMBERS.get(name, {}), **NO[name]})
    row = client.contacts.get(EXAMPLES[name].key)
    wire.requests.clear()
    return row


@pytest.mark.parametrize("value", [None, ABSENT])
@pytest.mark.parametrize("name", GAPS)
def test_consent_that_the_provider_always_has_may_be_a_no_if_it_is_empty(client, wire, name, value):
    start(client, wire, name)
    wire.faults = [reads(FIELDS[name], value)]
    with pytest.raises(ck.InvalidInputError, match=f"{FIELDS[name]}: may be a no") as caught:
        client.contacts.update(EXAMPLES[name].key, **YES[name])
    assert [problem.code for problem in caught.value.problems] == ["consent"]
    assert has(wire, name, NO[name])
    wire.faults = [reads(FIELDS[name], value)]
    done = client.contacts.update(EXAMPLES[name].key, **YES[name], opt_in=True)
    assert done["outcome"].item() == "updated"


@pytest.mark.parametrize("value", [None, ABSENT])
@pytest.mark.parametrize("name", GAPS)
def test_plan_does_not_opt_in_a_contact_without_consent(client, wire, name, value):
    row = start(client, wire, name)
    gap = row.assign(**{FIELDS[name]: None})
    plan = client.contacts.plan(row.assign(**YES[name]), gap)
    wire.faults = [reads(FIELDS[name], value)]
    (done,) = plan.apply(progress=False).to_dict("records")
    assert (done["outcome"], done["field"]) == ("refused", FIELDS[name])
    assert "may be a no" in done["message"]
    assert has(wire, name, NO[name])


@pytest.mark.parametrize("value", [None, ABSENT])
@pytest.mark.parametrize("name", ["digital_onboarding"])
def test_upsert_does_not_opt_in_a_contact_without_consent(client, wire, name, value):
    unique_id = start(client, wire, name)["unique_id"].item()
    wire.faults = [reads(FIELDS[name], value)] * 9
    with (
        pytest.warns(ck.ContactKitWarning, match="became NA"),
        pytest.raises(ck.InvalidInputError, match=rf"\[0\] {FIELDS[name]}: may be a no"),
    ):
        client.contacts.upsert([{"unique_id": unique_id, **YES[name]}])
    assert has(wire, name, NO[name])


DOUBTS = [(name, "blocked") for name in FIELDS]
DOUBTS += [(name, value) for name in GAPS for value in (None, ABSENT)]


@pytest.mark.parametrize(("name", "value"), DOUBTS)
def test_deletion_of_what_may_be_a_no_is_reported_and_its_number_refused(client, wire, name, value):
    row = start(client, wire, name)
    confirm = {"confirm": True} if find(name).endpoint("delete").confirm else {}
    wire.faults = [reads(FIELDS[name], value)]
    done = client.contacts.delete(EXAMPLES[name].key, **confirm)
    assert done["message"].item().startswith("may have opted out: creating it again is refused")
    numbers = [row[n].item() for n in find(name).consent.phones if row[n].notna().item()]
    assert numbers
    for number in numbers:
        field = find(name).consent.phones[-1]
        with pytest.raises(ck.InvalidInputError, match=f"{field}: belongs to a deleted contact"):
            client.contacts.create(**{field: number})
