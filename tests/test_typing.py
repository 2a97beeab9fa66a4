"""The public names, as a type checker sees them; pyright reads this file too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import timedelta
from typing import assert_type

import pandas as pd

import contactkit as ck
from contactkit.forms import PlanView


def test_types() -> None:
    simulator = ck.Simulator(contacts=10)
    client = assert_type(ck.connect("sent", via=simulator), ck.Client)
    people = assert_type(client.contacts.list(limit=10), pd.DataFrame)
    key = str(people["id"].iloc[0])
    assert_type(client.contacts.pages(), Iterator[pd.DataFrame])
    assert_type(client.contacts.get(key), pd.DataFrame)
    assert_type(client.contacts.update(key, opt_out=False, opt_in=True), pd.DataFrame)
    assert_type(client.contacts.plan(people, people), ck.Plan)
    assert_type(client.contacts.plan(people, people).view(), PlanView).close()
    assert_type(ck.problems(people), pd.DataFrame)
    assert_type(ck.journal(), pd.DataFrame)
    assert_type(ck.journal.prune(older_than=timedelta(days=90)), int)
    assert_type(ck.describe("sent"), pd.DataFrame)
    assert_type(simulator.state(), pd.DataFrame)


async def test_async_types() -> None:
    client = ck.connect("sent", via=ck.Simulator(contacts=10)).aio
    pages = assert_type(client.contacts.pages(), AsyncIterator[pd.DataFrame])
    assert [len(page) async for page in pages] == [10]
    waiting = assert_type(client.contacts.list(), Awaitable[pd.DataFrame])
    assert len(await waiting) == 10


def test_errors() -> None:
    client = ck.connect("sent", via=ck.Simulator(contacts=1))
    try:
        client.contacts.update("6ba7b810-9dad-11d1-80b4-000000000000", opt_out=True)
    except ck.NotFoundError as error:
        assert_type(error.problem, ck.Problem)
        assert_type(error.problem.status, int | None)
    else:
        raise AssertionError
