"""Plans from a file, and from the rows of a result that are to be tried again."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest

import contactkit as ck
from contactkit._plans.name import PlanName
from tests.plans.test_apply import counts, opted_out, writes
from tests.support.providers import Wire, loses, says


@pytest.fixture
def sent(wire: Wire) -> Iterator[ck.Client]:
    with ck.connect("sent", via=wire) as client:
        yield client


def test_plan_from_a_file_is_applied_through_its_client(sent: ck.Client, tmp_path: Path) -> None:
    plan = opted_out(sent)
    plan.to_parquet(tmp_path / "plan.parquet")
    mode = (tmp_path / "plan.parquet").stat().st_mode
    assert os.name != "posix" or mode & 0o777 == 0o600
    read = ck.read_plan(tmp_path / "plan.parquet", sent)
    assert read.digest == plan.digest
    assert counts(read.apply(progress=False))["updated"] == plan.requests
    assert counts(plan.apply(progress=False))["skipped"] == plan.requests


def test_plan_is_not_read_with_another_providers_client(sent: ck.Client, tmp_path: Path) -> None:
    opted_out(sent).to_parquet(tmp_path / "plan.parquet")
    with ck.connect("privy", via=ck.Simulator()) as privy:
        with pytest.raises(
            ck.ConfigurationError, match="the plan is for sent, but the client is for privy"
        ):
            ck.read_plan(tmp_path / "plan.parquet", privy)
    with pytest.raises(ck.ConfigurationError, match="must be a client"):
        ck.read_plan(tmp_path / "plan.parquet", "sent")


def test_plan_from_failed_rows(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [loses(httpx.ConnectError, after=False)] * 8
    result = plan.apply(progress=False, concurrency=1)
    assert counts(result)["failed"] == 2
    part = ck.plan_from(result)
    assert len(part) == 2
    assert list(part.index) == list(result.index[result["outcome"] == "failed"])
    assert counts(part.apply(progress=False)) == {"updated": 2}
    assert "updated" not in counts(plan.apply(progress=False))


def test_plan_from_unknown_rows_settles_them(sent: ck.Client, wire: Wire) -> None:
    plan = opted_out(sent)
    wire.faults = [loses(httpx.ReadError, after=True)] * 4
    result = plan.apply(progress=False, concurrency=1, limit=1)
    wire.faults.clear()
    assert counts(ck.plan_from(result, outcomes="unknown").apply(progress=False)) == {"updated": 1}
    assert len({request.headers["Idempotency-Key"] for request in writes(wire)}) == 1


def test_plan_from_refused_rows_sends_them_again(sent: ck.Client, wire: Wire) -> None:
    people = sent.contacts.list()
    own = people[~people["is_inherited"].fillna(False)]
    plan = sent.contacts.plan(own.assign(opt_out=True), own)
    wire.faults = [says(400, b'{"error": {"code": "VALIDATION_001"}}')]
    result = plan.apply(progress=False, concurrency=1)
    refused = counts(result)["refused"]
    assert counts(plan.apply(progress=False))["refused"] == refused
    again = ck.plan_from(result, outcomes=["refused"]).apply(progress=False)
    assert counts(again)["updated"] == 1


def test_plan_from_rows_of_a_result(sent: ck.Client) -> None:
    plan = opted_out(sent)
    result = plan.apply(progress=False, limit=2)
    some = result[result["outcome"] == "planned"].tail(2)
    part = ck.plan_from(some, outcomes=["planned"])
    assert [contact.key for contact in part.contacts] == some["key"].to_list()
    assert counts(part.apply(progress=False)) == {"updated": 2}


def test_plan_from_rows_with_duplicated_labels(sent: ck.Client) -> None:
    people = sent.contacts.list()
    people.index = pd.Index(["same"] * len(people))
    plan = sent.contacts.plan(people.assign(opt_out=True), people)
    result = plan.apply(progress=False, limit=1)
    part = ck.plan_from(result.iloc[::-1], outcomes=["planned"])
    assert {contact.key for contact in part.contacts} == {
        *result.query("outcome == 'planned'")["key"]
    }


def test_plan_from_other_frames_is_refused(sent: ck.Client, tmp_path: Path) -> None:
    result = opted_out(sent).apply(progress=False)
    single = sent.contacts.update("6ba7b810-9dad-11d1-80b4-00c04fd430c8", opt_out=True)
    result.to_parquet(tmp_path / "result.parquet")
    for other in (single, sent.contacts.list(), pd.read_parquet(tmp_path / "result.parquet"), 3):
        with pytest.raises(ck.InvalidInputError, match="must be a result frame of"):
            ck.plan_from(other)
    with pytest.raises(ck.InvalidInputError, match="'lost' is not an outcome; allowed: created"):
        ck.plan_from(result, outcomes=["lost"])


def test_result_keeps_its_plan_but_a_pickle_does_not(sent: ck.Client) -> None:
    result = opted_out(sent).apply(progress=False)
    name = result.attrs["plan"]
    assert isinstance(name, PlanName)
    assert copy.deepcopy(name).plan is name.plan
    assert type(pickle.loads(pickle.dumps(result)).attrs["plan"]) is str


@pytest.fixture
def refused(privy: ck.Client) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An edited frame of which one row is refused, and the result of its plan."""
    people = privy.contacts.list()
    people = people[people["email_consent"] != "compliance_suppressed"].head(20)
    people.index = pd.Index([f"row {number}" for number in range(20)])
    edited = people.assign(first_name="Zoe X.")
    edited.loc["row 3", "phone_number"] = "202-555-0177"
    result = privy.contacts.plan(edited, people).apply(progress=False)
    assert counts(result) == {"updated": 19, "refused": 1}
    return edited, result


@pytest.fixture
def privy() -> ck.Client:
    return ck.connect("privy", via=ck.Simulator())


def test_plan_from_says_why_it_sends_nothing(
    refused: tuple[pd.DataFrame, pd.DataFrame], privy: ck.Client
) -> None:
    _, result = refused
    assert "refused when they were planned; mend the rows" in repr(ck.plan_from(result, "refused"))
    assert "empty, since no row of the result is failed or unknown" in repr(ck.plan_from(result))


def test_plan_from_a_mended_frame_plans_the_refused_rows_anew(
    refused: tuple[pd.DataFrame, pd.DataFrame], privy: ck.Client
) -> None:
    edited, result = refused
    mended = edited.assign(last_name="Nobody else")
    mended.loc["row 3", ["phone_number", "last_name"]] = pd.NA
    plan = ck.plan_from(result, "refused", edited=mended)
    new = dict(plan.cells[["field", "new"]].itertuples(index=False))
    assert new == {"first_name": "Zoe X."}
    assert plan.index.tolist() == ["row 3"]
    assert counts(plan.apply(progress=False)) == {"updated": 1}


def test_plan_from_a_mended_frame_deletes_nobody(privy: ck.Client) -> None:
    people = privy.contacts.list()
    edited = people.iloc[1:].copy()
    edited.iloc[0, edited.columns.get_loc("id")] = "unreadable"
    result = privy.contacts.plan(edited, people, delete=True).apply(progress=False)
    assert set(counts(result)) == {"refused"}
    plan = ck.plan_from(result, "refused", edited=people.iloc[1:].assign(first_name="Zoe X."))
    assert {contact.operation for contact in plan.contacts} == {"update"}
    assert plan.index.tolist() == [1]


def test_plan_from_a_mended_frame_says_what_it_cannot_plan(
    refused: tuple[pd.DataFrame, pd.DataFrame], privy: ck.Client, tmp_path: Path
) -> None:
    edited, result = refused
    with pytest.raises(ck.InvalidInputError, match="is for rows that were refused"):
        ck.plan_from(result, "updated", edited=edited)
    with pytest.raises(ck.InvalidInputError, match="lacks rows that were refused: row row 3;"):
        ck.plan_from(result, "refused", edited=edited.drop(index="row 3"))
    with pytest.raises(ck.InvalidInputError, match="lacks rows that were refused"):
        ck.plan_from(result, "refused", edited=edited.set_index("id", append=True))
    for other in ("a frame", {}, edited["id"]):
        with pytest.raises(ck.InvalidInputError, match="must be a DataFrame of contacts, not"):
            ck.plan_from(result, "refused", edited=other)
    result.attrs["plan"].plan.to_parquet(tmp_path / "plan.parquet")
    again = ck.read_plan(tmp_path / "plan.parquet", privy).apply(progress=False)
    with pytest.raises(ck.InvalidInputError, match="in the process that made it"):
        ck.plan_from(again, "refused", edited=edited)
