"""The guide's tasks, run by Dagster: a failed account fails the task, and a retry resumes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from tests.support.fleets import Fleet, Served, check_whole, served_fleet
from tests.support.markdown import blocks_of

GUIDE = Path(__file__).parents[2] / "notebooks" / "guide" / "fleets.md"
ACCOUNTS = {"acme": ("sent", 250), "birch": ("privy", 120)}


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Fleet]:
    with served_fleet(ACCOUNTS) as served:
        yield served


@pytest.fixture
def guide(served: Fleet, tmp_path: Path) -> dict[str, Any]:
    """The names that the guide's section defines, once its code has run with this fleet."""
    (section,) = re.findall(r"^## From a scheduler.*?(?=^## )", GUIDE.read_text(), re.S | re.M)
    names: dict[str, Any] = {
        "fleet": ck.fleet(served.accounts, journal=tmp_path / "journals"),
        "folder": str(tmp_path),
        "accounts": {name: {"via": each.app.simulator} for name, each in served.served.items()},
    }
    refuse_first_write(served["birch"])
    for code, _ in blocks_of(section):
        exec(code, names)
    return names


def refuse_first_write(served: Served) -> None:
    """Let an account refuse its key once more, in the middle of an apply."""
    engine, respond, refused = served.app.engine, served.app.engine._respond, []

    def respond_or_refuse(request: Any, *args: Any) -> Any:
        if request.method != "GET" and not refused:
            refused.append(request)
            served.app.simulator.fault("empty_refusal")
        return respond(request, *args)

    engine._respond = respond_or_refuse


def retries(result: Any) -> dict[str, str]:
    """The last error of each task that was tried again."""
    events = [event for event in result.all_events if event.is_step_up_for_retry]
    return {each.step_key: each.event_specific_data.error.cause.message for each in events}


def test_retry_of_a_task_goes_on_and_repeats_nothing(
    served: Fleet, guide: dict[str, Any], tmp_path: Path
) -> None:
    assert guide["result"].success
    errors = retries(guide["result"])
    assert [*errors] == ["export_people", "apply_plan"]
    assert "birch: AuthenticationError: privy list: 401" in errors["export_people"]
    assert errors["apply_plan"].endswith("birch: privy update: 401: the response is empty\n")
    check_whole(served, tmp_path / "nightly")
    pages = [int(query["page"]) for query in served["acme"].queries if "page_size" in query]
    assert sorted(pages) == [1, 2, 3]
    journal = guide["fleet"].journal()
    written = journal.loc[journal["outcome"].eq("updated"), "name"].value_counts()
    for name, each in served.served.items():
        assert max(each.writes) == 1
        assert sum(each.writes) == written[name] > 1


def test_task_fails_while_an_account_does(
    guide: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(next(iter(guide["fleet"].accounts["birch"].variables.values())))
    result = guide["deny_nightly"].execute_in_process(raise_on_error=False)
    assert not result.success
    errors = retries(result)
    assert [*errors] == ["export_people"]
    assert "birch: ConfigurationError: the environment has no" in errors["export_people"]
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert failure.step_key == "export_people"
