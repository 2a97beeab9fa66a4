"""Recordings made with contactkit 0.1, whose pseudonyms had another form than today's.

They replay under their key, also for requests with a real value; they tell nothing; and what is
recorded into them today gives everyone in them the pseudonym that they have.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.audit import audit
from contactkit.cassette.reader import CassetteReader
from contactkit.cassette.redaction.key import VARIABLE
from contactkit.cassette.redaction.redactor import Redactor
from tests.support.providers import Wire

SAMPLES = Path(__file__).parent / "samples"
KEY = "the key of the samples of 0.1"
# North America's numbers are unassigned ones, the others are of ranges that their plans lack.
NUMBERS = ["+14155550234", "+16475550876", "+442000005678", "+911000005678", "+491000000567"]
NAMES = [("Zenobia", "Quillfeather"), ("Ignatz", "O'Void"), ("Zoë", "Müller"), ("May", "李")]
SPELLINGS = ["(415) 555-0234", "+1 647-555-0876", "+44 20 0000 5678", "00911000005678", "n/a"]


def person(number: int) -> dict[str, Any]:
    """One of five people, as Privy writes them."""
    first, last = NAMES[number % 4]
    email, phone = f"real.{number}@post.invalid", NUMBERS[number]
    return {
        "id": f"cus_{number:016x}",
        "first_name": first,
        "last_name": last,
        "email": email,
        "phone_number": phone,
        "email_consent": "subscribed",
        "sms_consent": "never_subscribed",
        "tags": ["vip"],
        "custom_fields": {
            "home": "7 Nowhere Crescent",
            "born": f"197{number}-07-07",
            "post code": "99123",
            "account": 12345678 + number,
            "other phone": SPELLINGS[number],
            "note": f"ask {email} or {SPELLINGS[number]} for {first}",
        },
        "created_at": "2026-01-01T08:00:00Z",
        "updated_at": "2026-02-01T08:00:00Z",
    }


PEOPLE = [person(number) for number in range(5)]


def privy(request: httpx.Request, otherwise: object) -> httpx.Response:
    """Answer as Privy does that has these people."""
    key = request.url.path.rpartition("/")[2]
    if key == "contacts":
        params = request.url.params
        rows = [row for row in PEOPLE if all(row.get(n, v) == v for n, v in params.items())]
        about = {"page": 1, "page_size": 100, "total": len(rows), "total_pages": 1}
        return httpx.Response(200, json={"data": rows, "pagination": about, "meta": about})
    row = next(row for row in PEOPLE if row["id"] == key)
    change = json.loads(request.content) if request.content else {}
    if change.get("first_name") == "May":
        message = f"{NUMBERS[2]} of {row['first_name']} is not (415) 555-0234"
        return httpx.Response(422, json={"error": {"code": "invalid", "message": message}})
    return httpx.Response(200, json={"data": {**row, **change}})


def sendblue(request: httpx.Request, otherwise: object) -> httpx.Response:
    """Answer as Sendblue does that has the same people, by their numbers."""
    number = request.url.path.rpartition("/")[2]
    row = next(row for row in PEOPLE if row["phone_number"] == number)
    contact = {name: row[name] for name in ("first_name", "last_name")} | {"number": number}
    return httpx.Response(200, json={"status": "OK", "contact": contact})


def requests_to_privy(contacts: Any) -> Iterator[pd.DataFrame]:
    """A session that asks with real values, by a query and in a body."""
    yield contacts.list()
    yield contacts.list(email=PEOPLE[1]["email"])
    for number in NUMBERS:
        yield contacts.list(phone_number=number)
    yield contacts.get(PEOPLE[0]["id"])
    fields = {name: PEOPLE[4][name] for name in ("last_name", "phone_number", "custom_fields")}
    yield contacts.update(PEOPLE[3]["id"], first_name="Ottilie", **fields)
    with pytest.raises(ck.InvalidRequestError):
        contacts.update(PEOPLE[2]["id"], first_name="May")


def requests_to_sendblue(contacts: Any) -> Iterator[pd.DataFrame]:
    """A session that asks with real values in a path."""
    for number in NUMBERS:
        yield contacts.get(number)


WIRES = {"privy": privy, "sendblue": sendblue}
SESSIONS = {"privy": requests_to_privy, "sendblue": requests_to_sendblue}
PERSONAL = {
    "privy": ["first_name", "last_name", "email", "phone_number"],
    "sendblue": ["first_name", "last_name", "phone"],
}


def live(name: str) -> ck.Client:
    return ck.connect(name, via=Wire(faults=[WIRES[name]] * 100))


@pytest.fixture(params=WIRES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def path(name: str) -> Path:
    return SAMPLES / f"{name}-0.1.jsonl"


@pytest.fixture(autouse=True)
def key_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


def test_sample_replays_for_requests_with_real_values(name, path):
    cassette = ck.Cassette(path, "replay", exhausted="error")
    replayed = SESSIONS[name](ck.connect(name, via=cassette).contacts)
    recorded = SESSIONS[name](live(name).contacts)
    for before, after in zip(recorded, replayed, strict=True):
        assert len(before) == len(after)
        for column in PERSONAL[name] if "outcome" not in before else ():
            assert not set(before[column]) & set(after[column])
            groups = [part.groupby(column, sort=False).ngroup() for part in (before, after)]
            assert groups[0].equals(groups[1])
    assert cassette.unused().empty


def test_sample_replays_under_any_key_for_requests_with_its_own_values(monkeypatch):
    monkeypatch.setenv(VARIABLE, "another key than that of the samples")
    cassette = ck.Cassette(SAMPLES / "privy-0.1.jsonl", "replay", exhausted="last")
    contacts = ck.connect("privy", via=cassette).contacts
    people = contacts.list()
    assert len(contacts.list(email=people["email"][1])) == 1
    assert [len(contacts.list(phone_number=number)) for number in people["phone_number"]] == [1] * 5
    fields = people.loc[4, ["last_name", "phone_number", "custom_fields"]].to_dict()
    with pytest.raises(ck.UnrecordedRequestError):
        contacts.update(PEOPLE[3]["id"], first_name="Ottilie", **fields)


def test_sample_audits_clean_under_any_key(name, path):
    reading = CassetteReader(path)
    reading.read()
    for key in (KEY, "another key than that of the samples"):
        assert audit(path, Redactor(find(name), list, key.encode(), dict(reading.owners))).empty


def test_what_is_recorded_into_a_sample_has_its_pseudonyms(tmp_path):
    path = shutil.copy(SAMPLES / "privy-0.1.jsonl", tmp_path)
    wire = Wire(faults=[privy] * 100)
    recorded = ck.connect("privy", via=ck.Cassette(path, "new", world=wire))
    assert recorded.contacts.get(PEOPLE[1]["id"])["email"].item() == PEOPLE[1]["email"]
    recorded.close()
    replayed = ck.connect("privy", via=ck.Cassette(path, "replay")).contacts
    columns = [*PERSONAL["privy"], "custom_fields"]
    assert replayed.get(PEOPLE[1]["id"]).loc[0, columns].equals(replayed.list().loc[1, columns])
