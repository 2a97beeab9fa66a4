"""The cassettes in data/cassettes: they replay anywhere, hold no secret and are up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find, names
from contactkit.cassette.audit import audit
from contactkit.cassette.redaction.key import VARIABLE
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.spec.record import fields_of
from tests.cassette.test_cassette import same
from tests.support.recorded_sessions import (
    FOLDER,
    KEY,
    SESSIONS,
    Answer,
    answers,
    no_fault,
    simulated,
)

pytestmark = pytest.mark.filterwarnings("ignore:Sent deprecated deleting:DeprecationWarning")


@pytest.fixture
def path(name: str) -> Path:
    return FOLDER / f"{name}.jsonl"


@pytest.fixture(autouse=True)
def key_of_the_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


def alike(was: Answer, now: Answer, name: str) -> None:
    assert type(was) is type(now)
    if isinstance(was, pd.DataFrame):
        same(was, now, name)
    else:
        problems = was.problem, now.problem
        assert len({(problem.status, problem.code, problem.message) for problem in problems}) == 1


def test_shipped_cassettes_cover_every_provider():
    assert (*SESSIONS,) == names()
    assert sorted(child.name for child in FOLDER.iterdir()) == [f"{name}.jsonl" for name in names()]


async def test_shipped_cassette_replays_as_simulated(name, path, tmp_path, monkeypatch):
    live = await simulated(name, tmp_path / "cassette.jsonl")
    monkeypatch.setenv(VARIABLE, "another key than that of the recordings")
    files = [ck.Cassette(path, "replay", exhausted="error") for _ in range(2)]
    clients = [ck.connect(name, via=file) for file in files]
    for client in (clients[0], clients[1].aio):
        replayed = await answers(SESSIONS[name](no_fault), client.contacts)
        for was, now in zip(live, replayed, strict=True):
            alike(was, now, name)
    assert all(file.unused().empty for file in files)


async def test_shipped_cassette_recorded_again_is_the_same_file(name, path, tmp_path):
    await simulated(name, tmp_path / "cassette.jsonl")
    (header, *lines), (again, *fresh) = (
        file.read_bytes().splitlines() for file in (path, tmp_path / "cassette.jsonl")
    )
    anew = "run python -m tests.support.recorded_sessions"
    assert lines == fresh, anew
    assert json.loads(header) == json.loads(again) | {"created": json.loads(header)["created"]}, (
        anew
    )


def test_shipped_cassette_holds_refusals_and_rate_limits(name, path):
    table = ck.Cassette(path, "replay").frame()
    assert {200, 404, 429} <= {*table["status"].dropna()}
    assert table["failure"].dropna().tolist() == ["RemoteProtocolError"]
    assert {"GET", "POST", "DELETE"} < {*table["method"]}
    assert path.stat().st_size < 40_000


def test_shipped_cassette_says_that_it_proves_nothing(path):
    header = json.loads(path.read_bytes().splitlines()[0])
    assert header["world"] == "simulator" and "proves nothing" in header["note"]


def test_shipped_cassette_holds_no_personal_values(name, path):
    simulator = ck.Simulator(contacts=10, seed=7)
    ck.connect(name, via=simulator)
    redaction = Redactor(find(name), lambda: secrets, KEY.encode())
    public = {setting.name for setting in find(name).settings if not setting.secret}
    accounts = [account.items() for account in simulator.accounts.values()]
    secrets = [value for items in accounts for name, value in items if name not in public]
    assert audit(path, redaction).empty
    people, text = simulator.state(), path.read_text("utf-8")
    for column, field in fields_of(find(name).record).items():
        if field.marker.personal == "name":
            assert not [cell for cell in people[column].dropna() if f'"{cell}"' in text]
