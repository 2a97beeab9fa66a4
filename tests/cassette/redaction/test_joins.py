"""A recording of real people can be filtered, joined and counted like their own data.

Their numbers are not assigned, and their addresses end in .invalid.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit.spec.phones import region
from tests.support.providers import EXAMPLES, Wire

FIRST = ["Zenobia", "Ignatz", "Zoë", "Karolina"]
LAST = ["Quillfeather", "O'Void", "Müller"]
PHONES = "+14155552600 +14155552601 +16475552602 +442000005678 +911000005678 +491000000567".split()


def person(number: int) -> dict[str, Any]:
    """One of people who share names and, by twos, a phone number."""
    return {
        "id": f"cus_{number:016x}",
        "first_name": FIRST[number % 4],
        "last_name": LAST[number % 3],
        "email": f"real.{number}@post.invalid",
        "phone_number": PHONES[number // 2],
        "email_consent": "subscribed",
        "sms_consent": "never_subscribed",
        "tags": ["vip"],
        "custom_fields": {},
        "created_at": f"2026-01-{number + 1:02}T08:00:00Z",
        "updated_at": f"2026-02-{number + 1:02}T08:00:00Z",
    }


PEOPLE = [person(number) for number in range(12)]


def answer(request: httpx.Request, otherwise: Callable[[httpx.Request], httpx.Response]) -> Any:
    """Answer as a provider does that has these people."""
    key = request.url.path.rpartition("/")[2]
    if key == "contacts":
        email = request.url.params.get("email")
        found = [person for person in PEOPLE if email in (None, person["email"])]
        about = {"page": 1, "page_size": 100, "total": len(found), "total_pages": 1}
        return httpx.Response(200, json={"data": found, "pagination": about, "meta": about})
    found = next(person for person in PEOPLE if person["id"] == key)
    body = json.loads(request.content) if request.content else {}
    return httpx.Response(200, json={"data": {**found, **body}})


def world() -> Wire:
    return Wire(faults=[answer] * 100)


def session(client: ck.Client) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the people, and get each."""
    listed = client.contacts.list()
    details = [client.contacts.get(person["id"]) for person in PEOPLE]
    client.contacts.update(PEOPLE[3]["id"], first_name="Ottilie")
    return listed, pd.concat(details, ignore_index=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


def test_frames_of_a_replay_join_and_group_like_those_recorded(path):
    client = ck.connect("privy", via=world())
    with ck.record(client, path):
        listed, details = session(client)
    replayed, again = session(ck.connect("privy", via=ck.Cassette(path)))
    for column in ("first_name", "last_name", "email", "phone_number"):
        assert not set(listed[column]) & set(replayed[column])
        counts, others = (part[column].value_counts().sort_values() for part in (listed, replayed))
        assert counts.tolist() == others.tolist()
        assert len(listed.merge(details, on=column)) == len(replayed.merge(again, on=column))
        groups = [part.groupby(column, sort=False).ngroup().tolist() for part in (listed, replayed)]
        assert groups[0] == groups[1]
    for column in ("id", "email_consent", "created_at"):
        assert listed[column].equals(replayed[column])
    countries = [part["phone_number"].map(region).tolist() for part in (listed, replayed)]
    assert countries[0] == countries[1]
    assert set(countries[0]) == {"US", "CA", "GB", "IN", "DE"}


def test_request_with_a_real_value_is_replayed(path):
    client = ck.connect("privy", via=world())
    with ck.record(client, path):
        client.contacts.list(email=PEOPLE[2]["email"])
        client.contacts.update(PEOPLE[3]["id"], first_name="Ottilie", phone_number="+14155552671")
    replay = ck.connect("privy", via=ck.Cassette(path))
    assert len(replay.contacts.list(email=PEOPLE[2]["email"])) == 1
    changed = replay.contacts.update(
        PEOPLE[3]["id"], first_name="Ottilie", phone_number="+14155552671"
    )
    assert changed["outcome"].tolist() == ["updated"]
    with pytest.raises(ck.UnrecordedRequestError):
        replay.contacts.list(email=PEOPLE[4]["email"])


def test_request_with_a_real_number_in_its_path_is_replayed(path):
    client = ck.connect("sendblue", via=Wire())
    with ck.record(client, path) as cassette, pytest.raises(ck.NotFoundError):
        client.contacts.get("+14155552671")
    assert "4155552671" not in path.read_text() and len(cassette.frame()) == 1
    with pytest.raises(ck.NotFoundError):
        ck.connect("sendblue", via=ck.Cassette(path)).contacts.get("+14155552671")


def test_two_recordings_under_one_key_are_equal(tmp_path):
    texts = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.jsonl"
        client = ck.connect("privy", via=world())
        with ck.record(client, path):
            session(client)
        texts.append(path.read_text().splitlines()[1:])
    assert texts[0] == texts[1]


def test_every_verb_is_recorded_and_replayed(name, path):
    example = EXAMPLES[name]

    def asked(client: ck.Client) -> list[Any]:
        verbs = client.contacts
        calls: list[Callable[[], Any]] = [
            verbs.list,
            lambda: verbs.list(**example.filter),
            lambda: verbs.get(example.key),
            lambda: verbs.get(example.unknown),
            lambda: verbs.create(**example.create),
            lambda: verbs.update(example.key, **example.update),
            *(
                lambda v=v, a=a, k=k: getattr(verbs, v)(*a, **k)
                for v, (a, k) in example.others.items()
            ),
            verbs.list,
        ]
        return [kind(verb) for verb in calls]

    def kind(call: Callable[[], Any]) -> Any:
        try:
            return len(call())
        except ck.ApiError as error:
            return type(error)

    client = ck.connect(name, via=ck.Simulator(contacts=120, seed=3))
    with ck.record(client, path):
        recorded = asked(client)
    assert asked(ck.connect(name, via=ck.Cassette(path))) == recorded


def test_threads_and_the_async_client_record_at_once(path):
    client = ck.connect("privy", via=world())
    keys = [person["id"] for person in PEOPLE]

    async def read_all() -> None:
        await asyncio.gather(*map(client.aio.contacts.get, keys))

    with ck.record(client, path), ThreadPoolExecutor(8) as pool:
        reads = [lambda k=key: client.contacts.get(k) for key in keys * 3]
        for ended in [pool.submit(call) for call in [*reads, lambda: asyncio.run(read_all())]]:
            ended.result()
    alone = ck.connect("privy", via=ck.Cassette(path, exhausted="last"))
    assert [alone.contacts.get(key)["id"].item() for key in keys] == keys
    assert len(alone.world.frame()) == 4 * len(keys)
    assert not [name for name in FIRST + LAST if name in path.read_text()]
