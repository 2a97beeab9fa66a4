"""A session with real numbers replays for the same real numbers, writes too.

The numbers are made when the test runs, since those that are reserved for fiction would have no
pseudonyms; no file contains one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from tests.support.providers import EXAMPLES

Call = Callable[[Any], Any]


def number(seed: int) -> str:
    """A number of New York that could be anybody's."""
    return f"+1212{random.Random(seed).randint(2_300_000, 9_899_999)}"


ONE, TWO, NEW = (number(seed) for seed in range(3))


def calls() -> list[Call]:
    """Every verb of Sendblue that takes a number."""
    rows = [{"phone": TWO, "first_name": "Ottilie"}, {"phone": ONE, "first_name": "Zenobia"}]
    return [
        lambda c: c.create(phone=ONE, first_name="Zenobia"),
        lambda c: c.get(ONE),
        lambda c: c.update(ONE, last_name="Quillfeather", tags=["vip"]),
        lambda c: c.get(ONE),
        lambda c: c.verify(ONE),
        lambda c: c.bulk_create(rows),
        lambda c: c.create(phone=ONE, first_name="Ignatz", update_if_exists=True),
        lambda c: c.opt_out(ONE),
        lambda c: c.opt_out(ONE, opted_out=False, opt_in=True),
        lambda c: c.list(phone=ONE),
        lambda c: c.bulk_delete([TWO]),
        lambda c: c.delete(ONE),
    ]


async def outcomes(client: ck.Client, aio: bool) -> list[list[Any]]:
    contacts = client.aio.contacts if aio else client.contacts
    found: list[list[Any]] = []
    for call in calls():
        result = call(contacts)
        frame = await result if isawaitable(result) else result
        columns = [name for name in ("outcome", "message", "error_code") if name in frame]
        found += [[len(frame), *frame[columns].astype("object").to_numpy().tolist()]]
    return found


@pytest.mark.parametrize("aio", [False, True], ids=["sync", "async"])
async def test_real_numbers_replay_at_sendblue(aio: bool, tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    cassette = ck.Cassette(path, world=ck.Simulator(contacts=3))
    with ck.connect("sendblue", via=cassette) as client:
        recorded = await outcomes(client, aio)
    digits = {real.lstrip("+1") for real in (ONE, TWO)}
    assert not any(real in path.read_text() for real in digits)
    assert {"Zenobia", "Ottilie", "Ignatz"}.isdisjoint(path.read_text().split('"'))
    replay = ck.Cassette(path, "replay", exhausted="error")
    assert str(await outcomes(ck.connect("sendblue", via=replay), aio)) == str(recorded)
    assert replay.unused().empty


def test_plan_by_real_numbers_replays_at_sendblue(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"

    def session(cassette: ck.Cassette, journal: Path) -> list[str]:
        with ck.connect("sendblue", via=cassette, journal=journal) as client:
            done = client.contacts.create(phone=ONE, first_name="Zenobia")
            people = client.contacts.list()
            edited = people.assign(company_name="Acme")
            result = client.contacts.plan(edited, people).apply()
        return [*done["outcome"], *result["outcome"]]

    recorded = session(ck.Cassette(path, world=ck.Simulator(contacts=2)), tmp_path / "a.db")
    assert set(recorded) == {"created", "updated"}
    assert session(ck.Cassette(path, "replay"), tmp_path / "b.db") == recorded


@pytest.mark.parametrize("name", ["privy", "sent", "digital_onboarding"])
def test_real_number_replays_in_a_write(name: str, tmp_path: Path) -> None:
    field = {"privy": "phone_number", "sent": "phone_number"}.get(name, "phone_mobile")
    path, key = tmp_path / "tape.jsonl", EXAMPLES[name].key

    def session(cassette: ck.Cassette) -> list[str]:
        contacts = ck.connect(name, via=cassette).contacts
        if name == "sent":
            return [*contacts.create(phone_number=NEW)["outcome"]]
        first = "name_first" if name == "digital_onboarding" else "first_name"
        return [*contacts.update(key, **{field: NEW, first: "Zenobia"})["outcome"]]

    recorded = session(ck.Cassette(path, world=ck.Simulator()))
    assert NEW[2:] not in path.read_text() and "Zenobia" not in path.read_text()
    assert session(ck.Cassette(path, "replay", exhausted="error")) == recorded
