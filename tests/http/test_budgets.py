"""Which clients of a process share a rate budget."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import contactkit as ck
from contactkit._http import budgets
from tests.support.providers import EXAMPLES, ONE_PROVIDER, Example, Wire

RATE = "50/minute"


def left(client: ck.Client) -> int:
    """How many requests are left this minute."""
    session = client._session
    limits = session.budget.left(session.clock.now())
    return min(count for limit, count in limits if limit.seconds == 60)


def test_clients_of_one_account_share_its_budget(name: str, wire: Wire, example: Example) -> None:
    one, two = (ck.connect(name, via=wire, rate_limit=RATE) for _ in "ab")
    one.contacts.get(example.key)
    assert (left(one), left(two)) == (49, 49)


def test_other_limits_worlds_and_addresses_have_budgets_of_their_own(
    name: str, wire: Wire, example: Example
) -> None:
    client = ck.connect(name, via=wire, rate_limit=RATE)
    others = [
        ck.connect(name, via=wire, rate_limit=[RATE, "900/hour"]),
        ck.connect(name, via=Wire(), rate_limit=RATE),
        ck.connect(name, via=wire, rate_limit=RATE, base_url="https://other.example.com"),
    ]
    client.contacts.get(example.key)
    assert left(client) == 49 and list(map(left, others)) == [50] * 3


def test_live_clients_of_one_account_share_its_budget(name: str, example: Example) -> None:
    with ck.connect(name, via=ck.Simulator()) as client:
        credentials = dict.fromkeys(client._session.credentials, "canary-4f1d")
    one, two = (ck.connect(name, **credentials) for _ in "ab")
    other = ck.connect(name, **dict.fromkeys(credentials, "canary-4f1e"))
    assert one._session.budget is two._session.budget is not other._session.budget


def test_live_client_knows_what_one_before_it_has_sent(name: str) -> None:
    with ck.connect(name, via=ck.Simulator()) as client:
        credentials = dict.fromkeys(client._session.credentials, "canary-4f1d")
    options: dict[str, Any] = {"rate_limit": RATE, **credentials}
    with ck.connect(name, **options) as client:
        now = client._session.uptime()
        client._session.budget.reserve(now)
    del client
    gc.collect()
    with ck.connect(name, **options) as client:
        assert client._session.budget.left(now)[0][1] == 49


def test_budgets_that_count_nothing_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_MOST_IDLE", 1)
    for key in "abc":
        with ck.connect("privy", token=key):
            pass
    assert len(budgets._spent) < 3


def test_profiles_of_one_account_share_its_budget(wire: Wire) -> None:
    key = EXAMPLES["sent"].key
    whole = ck.connect("sent", via=wire)
    accounts = wire.simulator.accounts
    profile = ck.connect("sent", via=wire, **accounts["organisation_for_profile"])
    other = ck.connect("sent", via=wire, **accounts["profile"])
    full = left(profile)
    whole.contacts.get(key)
    assert whole._session.account != profile._session.account
    assert (left(whole), left(profile), left(other)) == (full - 1, full - 1, full)


@ONE_PROVIDER
def test_budget_ends_with_its_last_client(name: str, wire: Wire, example: Example) -> None:
    client = ck.connect(name, via=wire, rate_limit=RATE)
    client.contacts.get(example.key)
    del client
    gc.collect()
    assert left(ck.connect(name, via=wire, rate_limit=RATE)) == 50


@ONE_PROVIDER
def test_shared_limit_is_kept_by_both_clients(name: str, wire: Wire, example: Example) -> None:
    one, two = (ck.connect(name, via=wire, rate_limit="3/minute", patience=1) for _ in "ab")
    for client in (one, two, one):
        client.contacts.get(example.key)
    with pytest.raises(ck.RateLimitError):
        two.contacts.get(example.key)
