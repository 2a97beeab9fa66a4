"""Listings that are kept in order are what filtering, sorting and slicing all contacts gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contactkit._providers import names
from contactkit._providers.digital_onboarding.filters import order_of
from contactkit.simulator import listings
from contactkit.simulator.listings import View
from contactkit.simulator.rules import digital_onboarding
from contactkit.simulator.rules.sent import CHILD, ORGANISATION
from contactkit.spec import Envelope, parse_date, parse_time
from tests.support.examples import examples
from tests.support.requests import RawClient

Rows = list[dict[str, Any]]

TIMES = [f"2026-01-0{day}T00:00:0{second}Z" for day in (1, 2) for second in (0, 1)]
TEXTS = [None, "Ada", "ada", "Ben"]
EMAILS = [None, "ada@example.com", "ADA@example.com", "ben@example.com"]
CONSENTS = ["subscribed", "unsubscribed", "never_subscribed"]
CHANNELS = ["sms", "whatsapp", "sms,whatsapp"]
OWNERS = st.sampled_from([None, frozenset({CHILD}), frozenset({CHILD, ORGANISATION})])
PHONES = [f"+120255501{number:02}" for number in range(4)]


def one(**pools: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the names, each with a value from its pool."""
    return st.fixed_dictionaries({}, optional={n: st.sampled_from(p) for n, p in pools.items()})


# The fields that writes change, by provider, and the filters of its listings.
WRITES = {
    "sent": one(phone_number=PHONES, available_channels=CHANNELS, created_at=TIMES),
    "sendblue": one(first_name=TEXTS, last_name=TEXTS, created_at=[None, *TIMES], contact_id="ab"),
    "privy": one(email=EMAILS, phone_number=PHONES, email_consent=CONSENTS, sms_consent=CONSENTS),
    "digital_onboarding": one(
        email=EMAILS,
        name_first=TEXTS,
        birthdate=[None, "1990-05-04", "1991-01-01"],
        inserted_at=TIMES,
        sms_opted_in=[True, False],
        active_journey_ids=[[], ["a"], ["a", "b"]],
    ),
}
WHERE = one(
    email=[{"eq": "ada@example.com"}, {"ends_with": "example.com"}, {"missing": True}],
    name_first=[{"eq": "Ada"}, {"in": ["Ada", "Ben"]}, {"neq": "Ada"}, {"eq": "Ben", "gt": "A"}],
    birthdate=[{"eq": "1990-05-04"}, {"lt": "1991-01-01"}],
    inserted_at=[{"eq": "2026-01-01T01:00:00+01:00"}, {"gte": TIMES[1], "lt": TIMES[3]}],
    sms_opted_in=[{"eq": True}, {"eq": False}],
    active_journey_ids=[{"contains": "a"}, {"present": True}],
)
FILTERS = {
    "sent": one(
        phone=PHONES, search=[f"(202) 555-01{number:02}" for number in range(3)], channel=CHANNELS
    ),
    "sendblue": one(
        phone=PHONES,
        contact_id="ab",
        created_at_gte=[*TIMES, "2026-01-01T02:00:00+02:00"],
        order_by=["created_at", "first_name", "last_name", "phone"],
        order_direction=["asc", "desc"],
    ),
    "privy": one(
        email=EMAILS[1:], phone_number=PHONES, email_consent=CONSENTS, sms_consent=CONSENTS
    ),
    "digital_onboarding": st.fixed_dictionaries(
        {},
        optional={
            "where": WHERE,
            "sort": st.sampled_from(
                ["inserted_at", "-inserted_at", "name_first,-email", "-birthdate,name_first", "id"]
            ),
        },
    ),
}


def by_hand(provider: str, rows: Rows, filters: dict[str, Any]) -> Rows:
    """A listing as its definition says: filter all contacts, then sort them."""
    return {
        "sent": sent_by_hand,
        "sendblue": sendblue_by_hand,
        "privy": privy_by_hand,
        "digital_onboarding": onboarding_by_hand,
    }[provider](rows, filters)


def sent_by_hand(rows: Rows, filters: dict[str, Any]) -> Rows:
    def matches(row: dict[str, Any], name: str, value: str) -> bool:
        if name == "channel":
            return value in row["available_channels"].split(",")
        return row["format_national" if name == "search" else "format_e164"] == value

    return [row for row in rows if all(matches(row, *item) for item in filters.items())]


def sendblue_by_hand(rows: Rows, filters: dict[str, Any]) -> Rows:
    since = filters.get("created_at_gte")
    start = parse_time(since) if since else None
    selected = [
        row
        for row in rows
        if filters.get("phone") in (None, row["phone"])
        and filters.get("contact_id") in (None, row["contact_id"])
        and (start is None or (row["created_at"] and parse_time(row["created_at"]) >= start))
    ]
    by, direction = filters.get("order_by", "created_at"), filters.get("order_direction")
    return sorted(selected, key=lambda row: str(row[by] or ""), reverse=direction != "asc")


def privy_by_hand(rows: Rows, filters: dict[str, Any]) -> Rows:
    def folded(value: Any) -> Any:
        return value and value.casefold()

    return [row for row in rows if all(folded(row[n]) == folded(v) for n, v in filters.items())]


def onboarding_by_hand(rows: Rows, filters: dict[str, Any]) -> Rows:
    operators = {"eq": lambda value, wanted: value == wanted, **digital_onboarding._OPERATORS}

    def comparable(name: str, value: Any) -> Any:
        parse = {"birthdate": parse_date, "inserted_at": parse_time}.get(name)
        return parse(value) if parse and isinstance(value, str) else value

    def matches(row: dict[str, Any], name: str, words: dict[str, Any]) -> bool:
        value = comparable(name, row[name])
        return all(operators[word](value, comparable(name, w)) for word, w in words.items())

    where = filters.get("where", {})
    rows = [row for row in rows if all(matches(row, *item) for item in where.items())]
    order = [*order_of(filters.get("sort", "-inserted_at")), ("id", False)]
    for name, descending in reversed(order):
        rows.sort(key=lambda row: (row[name] is None, row[name]), reverse=descending)
    return rows


class Machine(RuleBasedStateMachine):
    """Writes of any kind, and listings and their pages in between."""

    provider: str

    @initialize(contacts=st.integers(0, 9))
    def start(self, contacts: int) -> None:
        self.engine = RawClient(self.provider, contacts).engine
        self.contacts = self.engine.contacts

    @rule(data=st.data(), owner=st.sampled_from([ORGANISATION, CHILD]))
    def add(self, data: st.DataObject, owner: str) -> None:
        key = {"phone": data.draw(st.sampled_from(PHONES))} if self.provider == "sendblue" else {}
        base = self.engine.sample_row(data.draw(st.integers(10, 99)))
        self.engine.add({**base, **key, **data.draw(WRITES[self.provider])}, owner)

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        """Change a contact, or restore a deleted one."""
        if stored := self.any_of(data):
            row = {**stored.row, **data.draw(WRITES[self.provider])}
            self.engine.rules.fill_in(row, stored.owner)
            self.contacts.put(row, stored.owner, writes=1)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        stored = self.any_of(data)
        if stored and not stored.deleted:
            self.contacts.delete(stored)

    @rule(data=st.data(), changes=st.integers(0, 4))
    def dry_run(self, data: st.DataObject, changes: int) -> None:
        with self.contacts.rollback():
            for _ in range(changes):
                data.draw(st.sampled_from([self.change, self.delete]))(data)
            self.add(data, ORGANISATION)
            self.list(data, None, 3)

    def any_of(self, data: st.DataObject) -> Any:
        return data.draw(st.sampled_from([None, *self.contacts]))

    @rule(data=st.data(), owners=OWNERS, size=st.integers(1, 5))
    def list(self, data: st.DataObject, owners: frozenset[str] | None, size: int) -> None:
        """List some pages, each selected anew from the query that asks for it."""
        paging, params = self.engine.provider.paging, self.engine.provider.endpoint("list").params
        filters = data.draw(FILTERS[self.provider])
        query: Any = paging.first_query(params.to_query(filters), size)
        for _ in range(4):
            asked = {name: text for name, text in query.items() if name not in paging.parameters}
            filters = params.from_query(asked)
            rows = self.contacts.select(self.engine.rules.select(filters), owners)
            wanted = by_hand(self.provider, self.visible(owners), filters)
            page, info = paging.cut(rows, query, size)
            assert list(rows) == wanted
            assert (list(page), info) == paging.cut(wanted, query, size)
            query = paging.next_query(query, page, in_body(info))
            if query is None:
                return

    def visible(self, owners: frozenset[str] | None) -> Rows:
        living = (stored for stored in self.contacts if not stored.deleted)
        return [one.row for one in living if owners is None or one.owner in owners]


def in_body(info: Any) -> Any:
    body: Any = {}
    for place, value in info.items():
        body = Envelope.put(body, place, value)
    return body


@pytest.mark.parametrize("kept", [1, 8])
@pytest.mark.parametrize("provider", names())
def test_listing_is_what_filtering_and_sorting_gives(monkeypatch, provider, kept):
    monkeypatch.setattr(listings, "_FEW", 0)
    monkeypatch.setattr(listings, "_KEPT", kept)
    machine = type("Machine", (Machine,), {"provider": provider})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(40), stateful_step_count=25, deadline=None)
    )


# Many contacts

LOOKUPS = {
    "sent": ("format_e164", lambda value: {"phone": value}),
    "sendblue": ("contact_id", lambda value: {"contact_id": value}),
    "privy": ("email", lambda value: {"email": value}),
    "digital_onboarding": ("email", lambda value: {"where": {"email": {"eq": value}}}),
}


@pytest.mark.parametrize("provider", names())
def test_views_are_sorted_once_whatever_is_written_and_looked_up(monkeypatch, provider):
    built: list[View] = []

    class CountedView(View):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            built.append(self)

    monkeypatch.setattr(listings, "View", CountedView)
    engine = RawClient(provider, contacts=400).engine
    contacts, select = engine.contacts, engine.rules.select
    name, lookup = LOOKUPS[provider]
    for stored in list(contacts)[50:150]:
        contacts.put({**stored.row, name: f"x{stored.row[name]}"}, stored.owner, writes=1)
        assert len(contacts.select(select({}), None)) == 400
        assert list(contacts.select(select(lookup(stored.row[name])), None)) == [stored.row]
    assert len(built) == 2


def test_time_in_another_spelling_is_in_its_place():
    simulator = RawClient("sendblue", contacts=0).simulator
    times = ["2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"]
    for number, time in zip(PHONES, [*reversed(times), "never"], strict=True):
        simulator.put(phone=number, created_at=time)
    filters = {"order_direction": "asc", "created_at_gte": "2025-12-31T23:00:00-01:00"}
    rows = simulator.engine.contacts.select(simulator.engine.rules.select(filters), None)
    assert [row["created_at"] for row in rows] == times


def test_value_of_a_wrong_type_does_not_disturb_other_listings():
    engine = RawClient("digital_onboarding", contacts=20).engine
    contacts, select = engine.contacts, engine.rules.select
    by_name, newest = select({"sort": "name_first"}), select({})
    assert len(contacts.select(by_name, None)) == len(contacts.select(newest, None)) == 20
    engine.add({"name_first": 5})
    assert len(contacts.select(newest, None)) == 21
    with pytest.raises(TypeError):
        contacts.select(by_name, None)
