"""A provider made up for this test costs one declaration, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pandas as pd
import pytest

import contactkit as ck
from contactkit import errors
from contactkit.errors import Problem
from contactkit.spec import (
    ClientCredentials,
    Credential,
    Envelope,
    ErrorShape,
    Limit,
    PageNumbers,
    Provider,
    Record,
    Time,
    create_contact,
    create_only,
    delete_contact,
    get_contact,
    key,
    list_contacts,
    option,
    read_only,
    update_contact,
    writable,
    write_once,
)
from tests.support.providers import Wire

DOCS = "https://docs.example.com"


class Person(Record):
    number: Annotated[str, key("The key.", wire="personNumber")]
    mobile: Annotated[
        str, create_only("Phone.", wire="mobilePhone", required=True, personal="phone")
    ]
    nickname: Annotated[str | None, writable("Name.", wire="nickName", personal="name")] = None
    age: Annotated[int | None, writable("Age in years.")] = None
    plan: Annotated[Literal["free", "paid"], writable("Plan.")]
    seen: Annotated[Time | None, writable("Last seen.", wire="seenAt")] = None
    code: Annotated[str | None, write_once("Set once.")] = None
    labels: Annotated[list[str], writable("Labels.", collection="replace")]
    blocked: Annotated[bool, read_only("Blocked by the provider.")]


class ListPeople(Record):
    plan: Annotated[Literal["free", "paid"] | None, option("On this plan.")] = None
    blocked: Annotated[bool | None, option("Blocked or not.")] = None


def read_error(body: Any) -> Problem | None:
    fault = body.get("fault") if isinstance(body, dict) else None
    return Problem(code=fault["kind"], message=fault["text"]) if fault else None


def write_error(problem: Problem, now: datetime) -> Mapping[str, Any]:
    return {"fault": {"kind": problem.code, "text": problem.message}}


ACME = Provider(
    name="acme",
    title="Acme",
    base_url="https://api.example.com/x",
    docs=DOCS,
    record=Person,
    endpoints=(
        list_contacts(path="/people", params=ListPeople),
        get_contact(path="/people/{key}"),
        create_contact(path="/people"),
        update_contact(method="PUT", path="/people/{key}"),
        delete_contact(path="/people/{key}"),
    ),
    auth=(
        ClientCredentials(
            token_url="https://login.example.com/token",
            credentials=(
                Credential(name="client_id", env="ACME_ID"),
                Credential(name="client_secret", env="ACME_SECRET"),
            ),
            scope=Credential(name="scope", env="ACME_SCOPE", secret=False, required=False),
        ),
    ),
    paging=PageNumbers(
        info=("people", "paging"), page="p", size="n", largest=10, total_name="all", pages="last"
    ),
    envelope=Envelope(one=("person",), many=("people", "rows")),
    errors=ErrorShape(
        read=read_error,
        write=write_error,
        catalogue={
            "who": (401, errors.AuthenticationError),
            "what": (400, errors.InvalidRequestError),
            "where": (404, errors.NotFoundError),
            "clash": (409, errors.ConflictError),
            "slow": (429, errors.RateLimitError),
        },
    ),
    limits=(Limit(requests=30, seconds=60),),
)


@pytest.fixture
def acme() -> ck.Client:
    return ck.connect(ACME, via=Wire(ck.Simulator(contacts=25, seed=1)))


def test_fifth_provider_lists_pages_and_filters(acme):
    people = acme.contacts.list()
    assert len(people) == 25
    kinds = "string string string Int64 category datetime64[us,_UTC] string object boolean"
    assert [str(kind).replace(" ", "_") for kind in people.dtypes] == kinds.split()
    assert [len(page) for page in acme.contacts.pages()] == [10, 10, 5]
    paid = acme.contacts.list(plan="paid", blocked=False)
    assert 0 < len(paid) < 25
    assert not paid["blocked"].any()


def test_fifth_provider_writes_under_wire_names(acme):
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    created = acme.contacts.create(mobile="+1 202 555 0161", nickname="Ada", seen=moment, age=36)
    number = created["key"][0]
    row = acme.contacts.get(number)
    assert row["mobile"][0] == "+12025550161"
    assert row["seen"][0] == pd.Timestamp(moment)
    assert created["after"][0]["nickname"] == "Ada"
    done = acme.contacts.update(number, nickname=None, labels=["a"], code="x1")
    assert done["outcome"][0] == "updated"
    row = acme.contacts.get(number)
    assert row["nickname"].isna()[0] and row["labels"][0] == ["a"] and row["age"][0] == 36
    with pytest.raises(ck.InvalidInputError, match="code: already has a value"):
        acme.contacts.update(row, code="x2")
    with pytest.raises(ck.InvalidRequestError):
        acme.contacts.update(number, code="x2")
    assert acme.contacts.delete(number)["outcome"][0] == "deleted"
    with pytest.raises(ck.NotFoundError):
        acme.contacts.get(number)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seen": datetime(2026, 3, 1)}, "seen: must be a time with its offset from UTC"),
        ({"seen": "2026-03-01T12:00"}, "seen: must be a time with its offset from UTC"),
        ({"age": "36"}, "age: must be a whole number"),
        ({"age": 3.5}, "age: must be a whole number"),
        ({"age": True}, "age: must be a whole number"),
        ({"plan": "gold"}, "plan: must be one of free, paid"),
        ({"plan": None}, "plan: cannot be cleared"),
        ({"blocked": True}, "blocked: is read-only"),
        ({"mobile": "+12025550161"}, "mobile: can be set only when the contact is created"),
        ({"labels": "vip"}, "labels: must be a list of text"),
        ({"nickName": "Ada"}, "did you mean 'nickname'"),
    ],
)
def test_fifth_provider_refuses_before_sending(change, says):
    wire = Wire(ck.Simulator(contacts=3))
    client = ck.connect(ACME, via=wire)
    with pytest.raises(ck.InvalidInputError) as caught:
        client.contacts.update("k", **change)
    assert says in str(caught.value)
    assert not wire.requests


def test_fifth_provider_is_described():
    fields = ck.describe(ACME).set_index("field")
    assert fields.loc["nickname", "wire"] == "nickName"
    assert fields.loc["code", "access"] == "write_once"


def test_fifth_provider_requires_its_own_credentials():
    with pytest.raises(ck.ConfigurationError, match="ACME_SECRET"):
        ck.connect(ACME)
