"""Plans: what would be sent, what is refused and why, their drawing and their files."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import contactkit as ck
from contactkit._plans import parquet, tables
from contactkit._plans.change import PlannedWrite
from contactkit._plans.plan import Plan
from contactkit._plans.preview import MOST_SHOWN, first_cells
from contactkit._plans.tables import CELL_COLUMNS, ROW_COLUMNS
from contactkit._providers import find
from contactkit.spec.provider import Provider
from contactkit.spec.record import fields_of, key_of
from tests.support.examples import examples
from tests.support.providers import EXAMPLES, ONE_PROVIDER, Example, Wire

START = datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.fixture
def people(client: ck.Client) -> pd.DataFrame:
    return client.contacts.list()


@pytest.fixture
def provider(name: str) -> Provider:
    return find(name)


@pytest.fixture
def privy() -> Iterator[ck.Client]:
    with ck.connect("privy", via=ck.Simulator(contacts=8, seed=7)) as client:
        yield client


@pytest.fixture
def sent() -> Iterator[ck.Client]:
    with ck.connect("sent", via=ck.Simulator(contacts=8, seed=7)) as client:
        yield client


def put(frame: pd.DataFrame, row: int, **cells: Any) -> pd.DataFrame:
    """The frame with these cells in one row, whose columns then hold objects."""
    for name, cell in cells.items():
        column = frame[name].to_list() if name in frame else [pd.NA] * len(frame)
        column[row] = cell
        frame = frame.assign(**{name: pd.Series(column, dtype=object, index=frame.index)})
    return frame


def refusals(plan: Plan) -> dict[str, str]:
    """Why each cell is refused, by field; "" for what is none's."""
    cells = plan.cells.dropna(subset="refused_because")
    return dict(zip(cells["field"].fillna(""), cells["refused_because"], strict=True))


def test_edit_is_planned_as_the_verb_would_send_it(
    client: ck.Client, wire: Wire, people: pd.DataFrame, example: Example, provider: Provider
) -> None:
    row = people[key_of(provider.record).name].to_list().index(example.key)
    plan = client.contacts.plan(put(people, row, **example.update), people)
    before = len(wire.requests)
    (write,) = plan.contacts
    assert len(wire.requests) == before
    assert (write.operation, write.key, write.outcome) == ("update", example.key, "planned")
    done = client.contacts.update(people.iloc[[row]], **example.update)
    assert set(done["changed"].item()) == set(write.changes)
    assert done["before"].item() == write.before
    after = plan.rows["after"].item()
    assert {n: v for n, v in done["after"].item().items() if n in write.changes} == {
        name: after[name] for name in write.changes
    }


def test_plan_frames_have_declared_columns_and_the_callers_index(
    client: ck.Client, people: pd.DataFrame, example: Example
) -> None:
    people.index = pd.Index([f"row {n}" for n in range(len(people))], name="mine")
    row = people[key_of(find(people.attrs["provider"]).record).name].to_list().index(example.key)
    for plan in (
        client.contacts.plan(people, people),
        client.contacts.plan(put(people, row, **example.update), people),
    ):
        for frame, columns in ((plan.rows, ROW_COLUMNS), (plan.cells, CELL_COLUMNS)):
            assert frame.dtypes.to_dict() == columns
            assert list(frame.index.unique()) == [f"row {row}"][: len(plan)]
            assert frame.index.name == "mine"


async def test_sync_and_async_plan_are_the_same(
    client: ck.Client, people: pd.DataFrame, example: Example, provider: Provider
) -> None:
    row = people[key_of(provider.record).name].to_list().index(example.key)
    edited = put(people, row, **example.update)
    plan = await client.aio.contacts.plan(edited)
    again = await client.aio.contacts.plan(edited, people, delete=True)
    assert plan.digest == again.digest == client.contacts.plan(edited).digest
    assert (len(plan), plan.unchanged) == (1, len(people) - 1)
    await client.aio.aclose()


@pytest.mark.parametrize("cell", [ck.CLEAR, object, "surely no value of it \ud800", 7.5])
def test_field_is_refused_as_the_verb_refuses_it(
    client: ck.Client, people: pd.DataFrame, provider: Provider, cell: Any
) -> None:
    names = [name for name in fields_of(provider.record) if name != key_of(provider.record).name]
    edited = put(people, 0, **dict.fromkeys(names, cell))
    (planned,) = client.contacts.plan(edited, people).contacts
    assert len(planned.changes) == len(names) or cell is ck.CLEAR
    fields = dict.fromkeys(planned.changes, None if cell is ck.CLEAR else cell)
    with pytest.raises(ck.InvalidInputError) as caught:
        client.contacts.update(people.iloc[[0]], **fields)
    assert planned.problems == caught.value.problems


def test_new_rows_are_created_only_when_asked(
    client: ck.Client, people: pd.DataFrame, example: Example
) -> None:
    named = key_of(find(people.attrs["provider"]).record)
    makes_keys = not named.marker.required
    new = pd.DataFrame([example.create], index=["new"])
    edited = pd.concat([people.astype(object), new])
    plan = client.contacts.plan(edited, people, create=True)
    (write,) = plan.contacts
    assert (write.operation, write.outcome, write.before) == ("create", "planned", None)
    assert write.key == ("" if makes_keys else example.create[named.name])
    assert {**write.changes} == {**example.create}
    assert plan.rows.index.to_list() == ["new"]
    if makes_keys:
        wrong = put(edited, len(people), **{named.name: "no-key-of-ours"})
        for create in (True, False):
            reasons = refusals(client.contacts.plan(wrong, people, create=create))
            assert reasons[named.name] == "is of no contact; the row of a new one has none"
        alone = client.contacts.plan(new, people, create=True)
        assert alone.contacts == plan.contacts and alone.index.tolist() == ["new"]
    plan = client.contacts.plan(edited, people)
    assert set(refusals(plan).values()) == {"is a new contact; create=True would create it"}
    assert (plan.requests, plan.rows["code"].tolist()) == (0, ["new"])


def test_vanished_rows_are_deleted_only_when_asked(
    client: ck.Client, people: pd.DataFrame, provider: Provider
) -> None:
    edited = people.drop(index=[2, 4])
    plan = client.contacts.plan(edited, people)
    assert (len(plan), plan.vanished, plan.requests) == (0, 2, 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plan = client.contacts.plan(edited, people, delete=True)
    assert bool(caught) == bool(provider.endpoint("delete").deprecated)
    assert plan.rows.index.to_list() == [2, 4]
    assert plan.rows["key"].to_list() == people[key_of(provider.record).name][[2, 4]].to_list()
    assert plan.rows["after"].to_list() == [None, None]
    assert plan.cells["field"].isna().all() and len(plan.cells) == 2
    # Each is read first: it may have opted out.
    assert (plan.vanished, plan.requests) == (0, 4)


def test_row_with_unwritable_changes_is_refused(sent: ck.Client) -> None:
    people = sent.contacts.list()
    edited = put(people, 0, opt_out=True, region_code="FR", opt_ot=True)
    edited = put(edited, 1, phone_number=ck.CLEAR)
    edited = put(edited, 3, opt_out=ck.CLEAR)
    plan = sent.contacts.plan(edited, people)
    cells = plan.cells.set_index([plan.cells.index, "field"])["refused_because"]
    assert cells[0, "region_code"].startswith("is read-only; update takes: default_channel")
    assert "did you mean 'opt_out'?" in cells[0, "opt_ot"]
    assert cells[0, "opt_out"] == "region_code, opt_ot of the same contact is refused"
    assert cells[1, "phone_number"].startswith("can be set only when the contact is created")
    assert cells[3, "opt_out"] == "cannot be cleared; it must be True or False"
    assert plan.requests == 0 and plan.rows["after"].isna().all()
    assert plan.rows["field"][0] == "region_code, opt_ot"


def test_inherited_contact_is_refused(sent: ck.Client) -> None:
    key, change = EXAMPLES["sent"].refused or ("", {})
    people = sent.contacts.list()
    row = people["id"].to_list().index(key)
    plan = sent.contacts.plan(put(people, row, **change), people)
    message = plan.rows["message"].item()
    assert message == "This contact is read-only and cannot be updated."
    assert refusals(plan) == {"opt_out": message}


@pytest.mark.filterwarnings("ignore:Sent deprecated deleting:DeprecationWarning")
def test_deleting_an_inherited_contact_is_refused(sent: ck.Client) -> None:
    key, _ = EXAMPLES["sent"].refused or ("", {})
    people = sent.contacts.list()
    plan = sent.contacts.plan(people[people["id"] == people["id"][0]], people, delete=True)
    refused = plan.rows[plan.rows["outcome"] == "refused"]
    assert refused["key"].to_list() == [key]
    assert refused["message"].item() == "This contact is read-only and cannot be deleted."
    assert plan.apply(progress=False)["outcome"].value_counts()["deleted"] == len(people) - 2
    assert key in sent.contacts.list()["id"].to_list()
    with pytest.raises(ck.InvalidInputError, match="read-only and cannot be deleted"):
        sent.contacts.delete(people[people["id"] == key])
    with pytest.raises(ck.InvalidRequestError, match="read-only and cannot be deleted"):
        sent.contacts.delete(key)


def test_write_once_and_consent_are_refused_as_the_provider_would(privy: ck.Client) -> None:
    people = privy.contacts.list()
    key, change = EXAMPLES["privy"].refused or ("", {})
    row = people["id"].to_list().index(key)
    plan = privy.contacts.plan(put(people, row, **change), people)
    assert refusals(plan) == {"email": "already has a value and can be set only once"}
    none = people["phone_number"].isna()
    plan = privy.contacts.plan(people.assign(sms_consent="subscribed"), people)
    refused = plan.cells[plan.cells["refused_because"].notna()]
    assert set(people.index[none]) <= set(refused.index) and none.any()


def test_original_of_object_columns_is_compared_by_value(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = put(people, 0, first_name="Jan", email="other@example.com")
    (plain,) = privy.contacts.plan(edited, people).contacts
    texts = people.assign(created_at=people["created_at"].astype("str")).astype(object)
    assert privy.contacts.plan(edited.astype(object), texts.set_index("id")).contacts == (plain,)
    named = people.rename(columns={"email_consent": "email_permission"})
    with pytest.warns(DeprecationWarning, match="email_consent instead of email_permission"):
        (again,) = privy.contacts.plan(edited, named).contacts
    assert again.before == plain.before


def test_consent_is_not_checked_against_a_partial_contact(privy: ck.Client) -> None:
    people = privy.contacts.list()
    part = people[["id", "sms_consent"]]
    plan = privy.contacts.plan(part.assign(sms_consent="unsubscribed"), part)
    assert plan.contacts and not any(contact.problems for contact in plan.contacts)


def test_options_of_the_verb_are_sent_with_a_change(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = put(people, 0, first_name="Jan").assign(send_welcome_sms=False)
    (write,) = privy.contacts.plan(edited, people).contacts
    assert ({**write.changes}, {**write.options}) == (
        {"first_name": "Jan"},
        {"send_welcome_sms": False},
    )
    write = privy.contacts.plan(edited.assign(send_welcome_sms="never"), people).contacts[0]
    assert [problem.field for problem in write.problems] == ["send_welcome_sms"]


def test_merged_field_is_sent_in_part_and_shown_whole() -> None:
    sendblue = ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7))
    people = sendblue.contacts.list().head(2)
    people = put(put(people, 0, custom_variables={"a": "1", "b": "2"}), 1, custom_variables={})
    edited = put(people, 0, custom_variables={"a": "1", "b": "3"})
    plan = sendblue.contacts.plan(edited, people)
    assert {**plan.contacts[0].changes} == {"custom_variables": {"b": "3"}}
    assert plan.cells["new"].item() == {"a": "1", "b": "3"}
    plan = sendblue.contacts.plan(put(people, 0, custom_variables={"a": "1"}), people)
    assert plan.cells["refused_because"].item().startswith("cannot remove only b")
    assert plan.cells["new"].item() == {"a": "1"}


@ONE_PROVIDER
def test_key_may_be_a_level_of_the_index(
    client: ck.Client, people: pd.DataFrame, example: Example, provider: Provider
) -> None:
    named = key_of(provider.record).name
    row = people[named].to_list().index(example.key)
    edited = put(people, row, **example.update).set_index(named)
    plan = client.contacts.plan(edited, people.set_index(named))
    assert plan.rows.index.to_list() == plan.rows["key"].to_list() == [example.key]
    assert plan.contacts[0].before == client.contacts.plan(edited, people).contacts[0].before


@settings(max_examples=examples(8))
@given(st.data())
def test_digest_depends_on_the_edits_only(data: st.DataObject) -> None:
    sent = ck.connect("sent", via=ck.Simulator(contacts=8, seed=7))
    people = sent.contacts.list()
    flags = data.draw(st.lists(st.booleans(), min_size=len(people), max_size=len(people)))
    edited = people.assign(opt_out=flags)
    plan = sent.contacts.plan(edited, people)
    order = data.draw(st.permutations(range(len(people))))
    again = sent.contacts.plan(edited.iloc[order].reset_index(drop=True), people)
    assert again.digest == plan.digest
    other = sent.contacts.plan(put(edited, 0, opt_out=not flags[0]), people)
    assert other.digest != plan.digest


def test_digest_of_a_refused_write_is_its_own() -> None:
    sendblue = ck.connect("sendblue", via=ck.Simulator(contacts=8, seed=7))
    people = sendblue.contacts.list()
    new = pd.concat([people, pd.DataFrame([EXAMPLES["sendblue"].create])])
    plans = [sendblue.contacts.plan(new, people, create=create).digest for create in (False, True)]
    assert len({*plans, sendblue.contacts.plan(people, people).digest}) == 3


def test_plan_cannot_be_changed(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = put(people, 0, tags=["x"], custom_fields={"a": 1})
    plan = privy.contacts.plan(edited, people)
    digest, rows, cells = plan.digest, plan.rows, plan.cells
    edited["tags"].iloc[0].append("y")
    plan.rows["before"].item()["tags"].append("y")
    plan.rows["after"].item()["custom_fields"]["b"] = 2
    plan.cells["new"].iloc[0].append("y")
    own = plan.rows
    own["key"] = "other"
    assert_frame_equal(plan.rows, rows)
    assert_frame_equal(plan.cells, cells)
    with pytest.raises(FrozenInstanceError):
        plan.contacts = ()  # pyright: ignore
    assert Plan(**{n: getattr(plan, n) for n in plan.__dataclass_fields__}).digest == digest


def test_summary_counts_by_operation_and_outcome(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = put(put(people.drop(index=5), 0, first_name="Jan"), 1, created_at="2026-01-01")
    summary = privy.contacts.plan(edited, people).summary()
    assert [tuple(row) for row in summary.itertuples(index=False)] == [
        ("update", "planned", 1),
        ("update", "refused", 1),
        ("update", "unchanged", len(people) - 3),
        ("absent", "unchanged", 1),
    ]


def test_eta_is_when_the_real_pacing_ends(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = people.assign(last_name=[f"N{n}" for n in range(len(people))])
    plan = privy.contacts.plan(edited, people)
    eta = plan.eta
    for index in range(60):
        privy.contacts.get(people["id"].iloc[index % len(people)])
    later = plan.eta
    plan.apply(progress=False)
    assert eta and later and later - eta > timedelta(seconds=50)
    assert later.timestamp() == pytest.approx(privy.world.clock.now(), abs=0.1)


def test_eta_of_more_than_a_days_requests() -> None:
    tags = {"tags": ["vip"]}
    contacts = tuple(
        PlannedWrite(operation="update", key=f"k{n}", changes=tags) for n in range(10_100)
    )
    plan = Plan(
        provider=find("privy"), contacts=contacts, index=pd.RangeIndex(10_100), created=START
    )
    assert plan.eta and plan.eta - datetime.now(UTC) > timedelta(hours=23)
    assert "10,100, one per contact; the last is sent in 1 d" in repr(plan)


def test_plan_draws_itself(privy: ck.Client) -> None:
    people = privy.contacts.list().head(3)
    edited = put(people, 1, first_name="<b>&\n", tags=["x" * 99], email="other@example.com")
    plan = privy.contacts.plan(edited, people)
    shown, html = repr(plan), plan._repr_html_()
    assert "update: 1 refused, 2 unchanged" in shown and "requests: none" in shown
    assert plan.digest[:12] in shown
    assert "already has a value and can be set only once" in shown
    planned = privy.contacts.plan(edited.assign(email=people["email"]), people)
    shown, html = repr(planned), planned._repr_html_()
    assert '"<b>&\\n"' in shown and "x" * 40 not in shown
    assert "<b>" not in html and "&lt;b&gt;&amp;" in html
    assert "refused because" in html


def test_refusal_is_drawn_with_its_cause_first_and_the_rest_on_one_line(privy: ck.Client) -> None:
    people = privy.contacts.list().head(3)
    people.index = pd.Index(["a", "b", "c"])
    edited = put(people, 1, first_name="Jan", tags=["x"], last_name="Doe", email="a@example.com")
    plan = privy.contacts.plan(edited, people)
    cells = plan.cells
    assert cells.index.tolist() == ["b", "b"] and cells["old"].iloc[1] is None
    assert cells["field"].tolist() == ["email", "first_name, last_name, tags"]
    assert cells["refused_because"].iloc[1] == "email of the same contact is refused"
    *_, cause, rest = repr(plan).splitlines()
    assert "  row b: already has a value" in cause and rest.count("row b") == 0
    moved = edited.assign(updated_at=ck.CLEAR, email=people["email"])
    (cause, rest) = privy.contacts.plan(moved.iloc[[1]], people).cells["field"]
    assert (cause, rest) == ("updated_at", "first_name, last_name, tags")


def test_what_one_row_keeps_back_is_one_line(client: ck.Client, people: pd.DataFrame) -> None:
    key = key_of(find(people.attrs["provider"]).record).name
    edited = put(people.iloc[:3].astype(object), 1, **{key: 4.5})
    edited.index = pd.Index(["a", "b", "c"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plan = client.contacts.plan(edited, people, delete=True)
    gone = len(people) - 2
    assert plan.summary()["contacts"].tolist()[-1] == gone and len(plan) == gone + 1
    cells = plan.cells
    assert cells["operation"].tolist() == ["create", "create", "delete"]
    assert cells["key"].isna().all()
    reason = f"{gone} contacts may not be missing, because these rows are of no contact: row b"
    assert cells["refused_because"].iloc[[0, -1]].tolist() == ["must be text", reason]
    assert [line["key"] for line in first_cells(plan, 10)] == ["row b", "row b", None]
    assert f"delete: {gone} refused" in repr(plan)


def test_contact_that_is_only_absent_is_left_alone(client: ck.Client, people: pd.DataFrame) -> None:
    plan = client.contacts.plan(people.head(3), people)
    assert f"absent: {len(people) - 3} left alone" in repr(plan) and "skipped" not in repr(plan)
    assert plan.summary()["operation"].tolist() == ["update", "absent"]


def test_large_plan_draws_few_cells_with_refusals_first(privy: ck.Client) -> None:
    people = privy.contacts.list()
    # Nothing else can be written to one that is suppressed.
    people = people[people["email_consent"] != "compliance_suppressed"]
    people = pd.concat([people] * 20, ignore_index=True)
    people["id"] = [f"cus_{n}" for n in range(len(people))]
    edited = put(people.assign(first_name="Jan"), 99, updated_at=ck.CLEAR)
    plan = privy.contacts.plan(edited, people)
    lines = repr(plan).splitlines()
    assert "cus_99" in lines[6] and len(lines) == 7 + MOST_SHOWN
    assert lines[-1] == f"  and {len(plan.cells) - MOST_SHOWN} more cells: see plan.cells"
    assert len(plan._repr_html_()) < 10_000


def test_repr_of_a_planned_write_hides_the_contact(privy: ck.Client) -> None:
    people = privy.contacts.list()
    (write,) = privy.contacts.plan(put(people, 0, last_name="Canary"), people).contacts
    assert "Canary" not in repr(write) and write.key not in repr(write)


def test_plan_survives_a_file(
    client: ck.Client, people: pd.DataFrame, example: Example, provider: Provider, tmp_path: Path
) -> None:
    edited = put(people, 0, opt_out=ck.CLEAR, tags=[1], note={"a": 1})
    edited = pd.concat([edited.drop(index=5), pd.DataFrame([example.create], index=[77])])
    plan = client.contacts.plan(edited, people, create=True)
    plan.to_parquet(tmp_path / "plan.parquet")
    again = ck.read_plan(tmp_path / "plan.parquet")
    assert_frame_equal(again.rows, plan.rows)
    assert_frame_equal(again.cells, plan.cells)
    assert_frame_equal(again.summary(), plan.summary())
    assert (again.digest, again.created, again.provider) == (plan.digest, plan.created, provider)
    assert again.contacts == plan.contacts
    content = (tmp_path / "plan.parquet").read_bytes()
    assert not [
        secret for secret in client._session.secrets if secret and secret.encode() in content
    ]


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.Index(["a", "b", "c"], name="key"),
        pd.date_range("2026-01-01", periods=3, tz="UTC", name="at"),
        pd.MultiIndex.from_product([["a"], [1, 2, 3]], names=["operation", None]),
    ],
)
def test_index_survives_a_file(index: pd.Index, tmp_path: Path) -> None:
    contacts = tuple(PlannedWrite(operation="delete", key=f"k{n}") for n in range(3))
    plan = Plan(provider=find("sent"), contacts=contacts, index=index, created=START)
    plan.to_parquet(tmp_path / "plan.parquet")
    again = ck.read_plan(tmp_path / "plan.parquet").rows.index
    assert again.to_list() == index.to_list() and again.names == index.names


def test_changed_file_or_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    contacts = (PlannedWrite(operation="delete", key="k1"),)
    plan = Plan(provider=find("sent"), contacts=contacts, index=pd.RangeIndex(1), created=START)
    plan.to_parquet(path)
    other = replace(plan, contacts=(PlannedWrite(operation="delete", key="k2"),))
    vars(other)["_digest_and_rows"] = plan._digest_and_rows
    parquet.write(path, other)
    with pytest.raises(ck.ConfigurationError, match="was changed after the plan was saved"):
        ck.read_plan(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(ck.ConfigurationError, match="is not a plan"):
        ck.read_plan(path)
    path.write_text("text")
    with pytest.raises(ck.ConfigurationError, match="is not a plan"):
        ck.read_plan(path)
    with pytest.raises(FileNotFoundError):
        ck.read_plan(tmp_path / "none.parquet")


@ONE_PROVIDER
def test_wrong_edited_frame_is_refused_before_reading(
    client: ck.Client, wire: Wire, people: pd.DataFrame
) -> None:
    before = len(wire.requests)
    for edited, options in (
        (pd.concat([people, people[["id"]]], axis=1), {}),
        (people.iloc[:, 3:], {"delete": True}),
        (people, {"on": "opt_out"}),
        (people.drop(columns="phone_number"), {"on": "phone_number"}),
        (None, {}),
        (people, {"create": "no"}),
        (people, {"delete": None}),
    ):
        with pytest.raises(ck.InvalidInputError):
            client.contacts.plan(edited, **options)  # pyright: ignore
    assert len(wire.requests) == before


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "immediately"),
        (0.4, "immediately"),
        (75, "in 1 min 15 s, at 2026-10-01 09:01:15 UTC"),
        (86_400 + 61, "in 1 d 1 min, at 2026-10-02 09:01:01 UTC"),
    ],
)
def test_when_has_the_two_largest_units(seconds: float, text: str) -> None:
    assert tables.when(START + timedelta(seconds=seconds), START) == text


@given(st.none() | st.booleans() | st.text() | st.lists(st.text()), st.integers(1, 60))
def test_text_of_a_value_is_one_short_line(value: Any, longest: int) -> None:
    text = tables.text_of(value, longest)
    assert len(text) <= longest and text.isprintable()
    assert bool(text) == (value is not None)


def test_interrupted_read_makes_no_plan(privy: ck.Client) -> None:
    people = privy.contacts.list()

    async def cancelled() -> None:
        task = asyncio.create_task(privy.aio.contacts.plan(people))  # pyright: ignore
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert json.dumps(privy.contacts.plan(people, people).digest)
