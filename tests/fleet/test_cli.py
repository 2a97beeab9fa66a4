"""`contactkit fleet` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import contactkit as ck
from contactkit._fleet.engines import connect_dask
from contactkit._providers import names
from contactkit.cli.main import app
from tests.support.fleets import Fleet, served_fleet
from tests.support.providers import lift_suppressions

EDIT = """
NO = {"opt_out": True, "sms_consent": "unsubscribed", "sms_unsubscribed": True}

def opt_out(frame):
    return frame.assign(**{name: value for name, value in NO.items() if name in frame})
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["fleet", *map(str, arguments)])


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Fleet]:
    with served_fleet({name: (name, 12) for name in names()}) as served:
        lift_suppressions(served["privy"].app.simulator)
        yield served


@pytest.fixture
def file(served: Fleet, tmp_path: Path) -> Path:
    return write_toml(tmp_path / "fleet.toml", served.accounts)


@pytest.fixture
def edit(tmp_path: Path) -> str:
    (tmp_path / "edits.py").write_text(EDIT)
    return f"{tmp_path / 'edits.py'}:opt_out"


def write_toml(file: Path, accounts: dict[str, dict[str, Any]]) -> Path:
    # Text and numbers of JSON are those of TOML.
    lines = [
        f"[{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        for name, values in accounts.items()
    ]
    file.write_text("\n\n".join(lines))
    return file


def test_check_shows_a_row_for_each_account(file: Path) -> None:
    result = run("check", file)
    assert result.exit_code == 0, result.output
    for name in names():
        assert name in result.output
    assert "done" in result.output


def test_check_exits_with_1_if_an_account_failed(served: Fleet, tmp_path: Path) -> None:
    accounts = served.accounts | {"bad": served.accounts["sent"] | {"api_key": "$NO_SUCH_KEY"}}
    result = run("check", write_toml(tmp_path / "bad.toml", accounts))
    assert result.exit_code == 1
    assert "NO_SUCH_KEY" in result.output


def test_export_plan_and_apply_change_every_account(
    served: Fleet, file: Path, edit: str, tmp_path: Path
) -> None:
    folder, journal = tmp_path / "people", tmp_path / "journals"
    result = run("export", file, folder, "--rows-per-file", 5)
    assert result.exit_code == 0, result.output
    assert (folder / "_SUCCESS").exists()
    result = run("plan", file, folder, edit)
    assert result.exit_code == 0, result.output
    assert "planned" in result.output
    (plan,) = (folder / "_plans").iterdir()
    assert str(plan) in result.output.replace("\n", "")
    result = run("apply", file, plan, "--yes", "--journal", journal)
    assert result.exit_code == 0, result.output
    assert "updated" in result.output
    assert all(max(each.writes) == 1 for each in served.served.values())
    again = run("apply", file, plan, "--yes", "--journal", journal)
    assert again.exit_code == 0 and "skipped" in again.output
    assert all(max(each.writes) == 1 for each in served.served.values())


def test_apply_needs_yes_without_a_terminal(
    served: Fleet, file: Path, edit: str, tmp_path: Path
) -> None:
    run("export", file, tmp_path / "people")
    run("plan", file, tmp_path / "people", edit)
    (plan,) = (tmp_path / "people/_plans").iterdir()
    result = run("apply", file, plan, "--journal", tmp_path / "journals")
    assert result.exit_code == 2
    assert "needs --yes" in result.output
    assert not any(sum(each.writes) for each in served.served.values())


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("edits.py", "FILE.py:FUNCTION"),
        ("missing.py:opt_out", "FILE.py:FUNCTION"),
        ("edits.py:opt_in", "has no function opt_in"),
    ],
)
def test_plan_names_a_function_that_is_not_there(
    file: Path, edit: str, tmp_path: Path, function: str, message: str
) -> None:
    result = run("plan", file, tmp_path / "people", tmp_path / function)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (:", "SyntaxError: invalid syntax"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("raise RuntimeError('+12125550123')", "RuntimeError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_plan_names_a_file_that_cannot_be_run(
    file: Path, edit: str, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "edits.py").write_text(text)
    result = run("plan", file, tmp_path, edit)
    assert result.exit_code == 2
    assert "edits.py: cannot be run" in result.output and message in result.output
    assert "5550123" not in result.output


def test_plan_without_an_export_leaves_no_folder(file: Path, edit: str, tmp_path: Path) -> None:
    result = run("plan", file, tmp_path / "poeple", edit)
    assert "poeple: is no export; call fleet.export first" in str(result.exception)
    assert not (tmp_path / "poeple").exists()


def test_plan_runs_a_function_on_a_cluster(
    cluster: Any, file: Path, edit: str, tmp_path: Path
) -> None:
    options = ["--scheduler", cluster.scheduler_address]
    assert run("export", file, tmp_path / "people", *options).exit_code == 0
    result = run("plan", file, tmp_path / "people", edit, *options)
    assert result.exit_code == 0, result.output
    assert "planned" in result.output


def test_scheduler_that_does_not_answer_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask.config

    # Its own settings would be removed with these, if they were added meanwhile.
    import distributed  # noqa: F401

    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        result = run("check", file, "--scheduler", "tcp://127.0.0.1:9")
    assert isinstance(result.exception, ck.ConfigurationError)
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in str(result.exception)


@pytest.mark.parametrize("address", ["", "scheduler", "udp://127.0.0.1:9"])
def test_scheduler_without_an_address_is_an_error(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    # A client that is half made fails once more, with a traceback, when it is destroyed.
    monkeypatch.setattr(distributed, "Client", lambda *args, **options: None)
    with pytest.raises(ck.ConfigurationError, match=f"no Dask scheduler answers at {address}"):
        connect_dask(address)
