"""Slots: never more than allowed, in the order they came, and nobody is forgotten."""

from __future__ import annotations

import asyncio

from contactkit._plans.pacing import ConcurrencyLimit


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_only_so_many_enter_and_the_next_when_one_leaves():
    slots, inside = ConcurrencyLimit(lambda: 2), list[int]()

    async def one(number: int) -> None:
        await slots.enter()
        inside.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(4)]
    await settle()
    assert inside == [0, 1]
    slots.leave()
    await settle()
    assert inside == [0, 1, 2]
    slots.leave()
    await asyncio.gather(*tasks)
    assert inside == [0, 1, 2, 3]


async def test_fewer_are_let_in_where_fewer_are_allowed_now():
    most = 3
    slots = ConcurrencyLimit(lambda: most)
    for _ in range(3):
        await slots.enter()
    waiting = asyncio.create_task(slots.enter())
    most = 1
    slots.leave()
    slots.leave()
    await settle()
    assert not waiting.done()
    slots.leave()
    await waiting


async def test_who_is_cancelled_while_waiting_takes_no_slot():
    slots = ConcurrencyLimit(lambda: 1)
    await slots.enter()
    given_up, waiting = (asyncio.create_task(slots.enter()) for _ in range(2))
    await settle()
    given_up.cancel()
    slots.leave()
    given_up.cancel()
    await waiting
    slots.leave()
    await asyncio.wait_for(slots.enter(), 1)


async def test_who_is_cancelled_as_it_is_let_in_gives_its_slot_back():
    slots = ConcurrencyLimit(lambda: 1)
    await slots.enter()
    waiting = asyncio.create_task(slots.enter())
    await settle()
    slots.leave()
    waiting.cancel()
    await settle()
    await asyncio.wait_for(slots.enter(), 1)


async def test_everybody_is_let_in_at_the_end():
    slots = ConcurrencyLimit(lambda: 1)
    await slots.enter()
    tasks = [asyncio.create_task(slots.enter()) for _ in range(3)]
    await settle()
    slots.open()
    await asyncio.gather(*tasks)
    await slots.enter()
