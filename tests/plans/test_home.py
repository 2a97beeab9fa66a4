"""Where a plan is applied: its address, world and account, and what counts as another home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._http.world import world_kind
from contactkit._plans.home import Home
from contactkit._providers import find
from contactkit.simulator.messages import Account
from tests.plans.test_apply import counts, writes
from tests.support.providers import EXAMPLES, Example, Wire

# Changes that can be undone without anybody's consent.
HARMLESS = {
    "sent": {"default_channel": "whatsapp"},
    "sendblue": {"first_name": "Jan"},
    "privy": {"first_name": "Jan"},
    "digital_onboarding": {"name_first": "Jan"},
}
SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def connect(name: str, wire: Wire, path: Path) -> Callable[..., ck.Client]:
    """Makes clients of one simulator and one journal."""
    return lambda **options: ck.connect(name, **{"via": wire, "journal": path, **options})


@pytest.fixture
def plan(connect: Callable[..., ck.Client], example: Example) -> ck.Plan:
    return edit(connect(), example)


def edit(client: ck.Client, example: Example) -> ck.Plan:
    """A plan of one update."""
    row = client.contacts.get(example.key)
    cells = {name: pd.Series([value], dtype=object) for name, value in example.update.items()}
    return client.contacts.plan(row.assign(**cells), row)


def rotate(wire: Wire) -> Mapping[str, str]:
    """The credentials of a new key for the simulator's first account."""
    accounts = wire.simulator.engine.accounts
    first = next(iter(accounts.values()))
    new = {name: f"rotated-{value}" for name, value in first.credentials.items()}
    accounts["rotated"] = Account(credentials=new, scopes=first.scopes, owner=first.owner)
    return new


def through(client: ck.Client, plan: ck.Plan) -> ck.Plan:
    """The plan with this client."""
    return replace(plan, runner=client.contacts.runner)


def test_plan_and_its_file_know_their_home(
    connect: Callable[..., ck.Client], plan: ck.Plan, name: str, tmp_path: Path
) -> None:
    account = connect()._session.account
    text = f"{find(name).base_url}, wire, account {account}"
    plan.to_parquet(tmp_path / "plan.parquet")
    for each in (plan, ck.read_plan(tmp_path / "plan.parquet"), replace(plan, runner=None)):
        assert each.home == Home(base_url=find(name).base_url, world="wire", account=account)
        assert f"  home: {text}\n" in repr(each) and text in each._repr_html_()
        assert each.facts()["home"] == each.summary().attrs["home"] == text


@pytest.mark.parametrize("what", ["account", "address", "world"])
def test_plan_is_refused_at_another_home_before_anything_is_sent(
    connect: Callable[..., ck.Client],
    plan: ck.Plan,
    example: Example,
    name: str,
    wire: Wire,
    path: Path,
    what: str,
) -> None:
    moved = str(httpx.URL(find(name).base_url).copy_with(host="other.example.com"))
    options: Mapping[str, Any] = {
        "account": rotate(wire),
        "address": {"base_url": moved},
        "world": {"via": ck.Simulator(contacts=8, seed=7)},
    }[what]
    other = connect(**options)
    sent = len(wire.requests)
    for apply in (
        lambda: through(other, plan).apply(progress=False),
        lambda: through(other, plan).apply(progress=False, dry_run=True),
        lambda: asyncio.run(through(other, plan).aio.apply(progress=False)),
    ):
        with pytest.raises(ck.ConfigurationError) as caught:
            apply()
        for home in (plan.home, edit(other, example).home):
            assert str(home) in str(caught.value)
        assert "apply it with anyway=True (contactkit apply --anyway)" in str(caught.value)
    assert not writes(wire) and len(ck.journal(path)) == 0 and len(wire.requests) - sent <= 3
    result = through(other, plan).apply(progress=False, anyway=True)
    assert counts(result) == {"updated": 1} and len(ck.journal(path)) == 1


def test_simulated_plan_is_not_applied_live(
    name: str, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = ck.Simulator(contacts=8, seed=7)
    with ck.connect(name, via=simulator) as client:
        edit(client, example).to_parquet(tmp_path / "plan.parquet")
        credentials = dict(client._session.credentials)
    # Even with the same credentials.
    with ck.connect(name, **credentials) as live:
        plan = ck.read_plan(tmp_path / "plan.parquet", live)
        with pytest.raises(ck.ConfigurationError, match=r"simulator, account .* live, account"):
            plan.apply(progress=False)
    assert len(ck.journal()) == 0


def test_all_simulators_of_a_provider_are_one_home(
    name: str, example: Example, tmp_path: Path
) -> None:
    with ck.connect(name, via=ck.Simulator(contacts=8, seed=7)) as client:
        edit(client, example).to_parquet(tmp_path / "plan.parquet")
    with ck.connect(name, via=ck.Simulator(contacts=8, seed=7)) as client:
        plan = ck.read_plan(tmp_path / "plan.parquet", client)
        assert counts(plan.apply(progress=False)) == {"updated": 1}


def test_recording_has_the_home_of_its_world_and_a_replay_its_own(
    name: str, example: Example, tmp_path: Path
) -> None:
    with ck.connect(name, via=ck.Simulator(contacts=8, seed=7)) as client:
        plan = edit(client, example)
        with ck.record(client, tmp_path / "people.jsonl"):
            assert edit(client, example).home == plan.home
            assert counts(plan.apply(progress=False)) == {"updated": 1}
    replayed = ck.Cassette(tmp_path / "people.jsonl", "replay")
    with ck.connect(name, via=replayed) as client:
        assert world_kind(client.world) == "cassette people.jsonl"
        with pytest.raises(ck.ConfigurationError, match=r", cassette people\.jsonl, account"):
            through(client, plan).apply(progress=False)
        assert edit(client, example).home != plan.home


def test_recorded_live_client_is_live(name: str, example: Example, tmp_path: Path) -> None:
    recording = ck.Cassette(tmp_path / "people.jsonl", "refresh")
    client = ck.connect(name, via=recording, **credentials_of(name))
    assert world_kind(client.world) == "live"


def credentials_of(name: str) -> dict[str, str]:
    """Credentials of nobody's account."""
    with ck.connect(name, via=ck.Simulator()) as client:
        return dict.fromkeys(client._session.credentials, "canary-4f1d")


def test_rotated_key_finds_the_entries_of_its_account(
    connect: Callable[..., ck.Client], example: Example, name: str, wire: Wire, path: Path
) -> None:
    plan = edit(connect(), replace(example, update=HARMLESS[name]))
    assert counts(plan.apply(progress=False)) == {"updated": 1}
    new = through(connect(**rotate(wire)), plan)
    assert counts(new.apply(progress=False, anyway=True)) == {"skipped": 1}
    back = new.undo()
    assert back.home == plan.home
    with pytest.raises(ck.ConfigurationError, match="account"):
        back.apply(progress=False)
    assert counts(back.apply(progress=False, anyway=True)) == {"updated": 1}
    assert counts(new.apply(progress=False, anyway=True)) == {"updated": 1}
    assert ck.journal(path)["account"].nunique() == 1


def test_account_with_another_profile_is_not_the_same_with_a_new_key(
    wire: Wire, path: Path
) -> None:
    own = {"via": wire, "journal": path}
    with ck.connect("sent", **own) as client:
        plan = edit(client, EXAMPLES["sent"])
        plan.apply(progress=False)
    profile = wire.simulator.accounts["organisation_for_profile"]
    with ck.connect("sent", **own, **profile) as client:
        assert client._session.whole_account == plan.home.account
        text = f"account {client._session.account}, profile_id={profile['profile_id']}; if"
        with pytest.raises(ck.ConfigurationError, match=text):
            through(client, plan).apply(progress=False)
        result = through(client, plan).apply(progress=False, anyway=True)
        assert "skipped" not in counts(result)


def test_plan_without_an_account_is_bound_at_its_first_apply(
    connect: Callable[..., ck.Client], plan: ck.Plan, wire: Wire
) -> None:
    unbound = replace(plan, home=replace(plan.home, account=""))
    assert unbound.facts()["home"].endswith(", wire, no account yet")
    new = connect(**rotate(wire))
    assert counts(through(new, unbound).apply(progress=False)) == {"updated": 1}
    with pytest.raises(ck.ConfigurationError) as caught:
        unbound.apply(progress=False)
    for client in (connect(), new):
        assert f"account {client._session.account}" in str(caught.value)
    assert counts(through(new, unbound).apply(progress=False)) == {"skipped": 1}
    assert counts(unbound.apply(progress=False, anyway=True)) == {"skipped": 1}
    assert unbound.undo().home == new_home(new, plan)


def new_home(client: ck.Client, plan: ck.Plan) -> Home:
    return replace(plan.home, account=client._session.account)


def test_first_plan_files_are_applied_only_anyway(name: str, wire: Wire, path: Path) -> None:
    with ck.connect(name, via=wire, journal=path) as client:
        plan = ck.read_plan(SAMPLES / f"{name}_0_1.parquet", client)
        assert plan.home is None and "home: unknown: an earlier version of" in repr(plan)
        with pytest.raises(ck.ConfigurationError, match=r"home is unknown.* anyway=True"):
            plan.apply(progress=False)
        assert not wire.requests and len(ck.journal(path)) == 0
        assert counts(plan.apply(progress=False, anyway=True)) == {"updated": 1}
        assert counts(plan.apply(progress=False, anyway=True)) == {"skipped": 1}
    with ck.connect(name, via=wire, journal=path, **rotate(wire)) as client:
        again = through(client, plan)
        assert counts(again.apply(progress=False, anyway=True)) == {"skipped": 1}


def test_first_plan_file_has_the_digest_of_the_same_edits(name: str, plan: ck.Plan) -> None:
    assert ck.read_plan(SAMPLES / f"{name}_0_1.parquet").digest == plan.digest


def test_same_edits_after_a_new_reading_create_nothing_twice(
    connect: Callable[..., ck.Client], example: Example, wire: Wire, tmp_path: Path
) -> None:
    edited = pd.concat([connect().contacts.list(), pd.DataFrame([example.create])])
    outcomes = []
    for number in range(3):
        client = connect()
        plan = client.contacts.plan(edited, client.contacts.list(), create=True)
        plan.to_parquet(tmp_path / f"{number}.parquet")
        again = ck.read_plan(tmp_path / f"{number}.parquet", client)
        outcomes.append(counts(again.apply(progress=False)))
    # Where the provider makes the key, the new reading shows that the contact exists.
    assert outcomes[0] == {"created": 1} and outcomes[1] in ({"refused": 1}, {})
    assert outcomes[2] == outcomes[1]
    assert len([request for request in writes(wire) if request.method == "POST"]) == 1


def test_anyway_must_be_true_or_false(plan: ck.Plan) -> None:
    with pytest.raises(ck.InvalidInputError, match="anyway: must be True or False"):
        plan.apply(progress=False, anyway="yes")  # pyright: ignore
