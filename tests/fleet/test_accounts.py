"""The accounts of a fleet, from each kind of source."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import contactkit as ck
from contactkit._fleet.accounts import read_accounts
from contactkit._providers import find, names
from tests.support.fleets import served_fleet

SECRET = "sk_live_a-literal-that-nobody-may-see"
ACME = {"provider": "sent", "api_key": "$ACME_KEY", "patience": 5.0, "whole": False}
BIRCH = {"provider": "privy", "token": "$BIRCH_TOKEN", "rate_limit": "30/minute"}
BOTH = {"acme": ACME, "birch": BIRCH}
TOML = """
[acme]
provider = "sent"
api_key = "$ACME_KEY"
patience = 5.0
whole = false

[birch]
provider = "privy"
token = "$BIRCH_TOKEN"
rate_limit = "30/minute"
"""
CSV = """\
account,provider,api_key,token,rate_limit,patience,whole
acme,sent,$ACME_KEY,,,5,false
birch,privy,,$BIRCH_TOKEN,30/minute,,
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def token_name() -> str:
    """The argument of a credential of Privy."""
    return find("privy").auth[0].credentials[0].name


def sources(folder: Path) -> list[Any]:
    rows = [{"account": name, **values} for name, values in BOTH.items()]
    frame = pd.DataFrame(rows)
    return [
        BOTH,
        frame,
        frame.set_index("account"),
        frame.convert_dtypes(),
        written(folder, "fleet.csv", CSV),
        str(written(folder, "fleet.toml", TOML)),
    ]


def test_read_accounts_is_the_same_for_every_source(tmp_path: Path, token_name: str) -> None:
    assert token_name == "token"
    expected = read_accounts(BOTH)
    for source in sources(tmp_path):
        assert read_accounts(source) == expected


@pytest.mark.parametrize("name", names())
def test_read_accounts_refuses_a_literal_secret_without_showing_it(name: str) -> None:
    secrets = [each.name for each in find(name).credentials if each.secret]
    for argument in secrets:
        with pytest.raises(ck.ConfigurationError, match=r"such as '\$MY_ACCOUNT_KEY'") as caught:
            ck.fleet({"my-account": {"provider": name, argument: SECRET}})
        assert argument in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ({}, "has no accounts"),
        ([], "must be a mapping, a DataFrame, or the path"),
        ({"a/b": ACME}, "the name 'a/b' must be"),
        ({"acme": ACME, "ACME": ACME}, "two accounts have the name acme"),
        ({"acme": {"api_key": "$KEY"}}, "acme needs a provider"),
        ({"acme": {"provider": "sendt"}}, "acme: unknown provider; did you mean 'sent'"),
        ({"acme": {"provider": "sent"}}, "acme: needs api_key: name an environment variable"),
        ({"acme": ACME | {"apikey": SECRET}}, "takes no apikey=; did you mean 'api_key'"),
        ({"acme": ACME | {"journal": "j"}}, "a fleet keeps its own journals"),
        ({"acme": ACME | {"base_url": "http://example.com"}}, "must be https://"),
        ({"acme.": ACME}, "not end with a dot"),
        ({1: ACME}, "must be text of"),
        (
            pd.DataFrame([["acme", "sent", "a"]], columns=["account", "provider", "provider"]),
            "twice",
        ),
        (pd.DataFrame([{"account": "a", "provider": "sent", "whole": "perhaps"}]), "true or false"),
        ("fleet.json", "cannot be read"),
    ],
)
def test_read_accounts_names_what_is_wrong(accounts: Any, message: str) -> None:
    with pytest.raises(ck.ConfigurationError) as caught:
        read_accounts(accounts)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("provider", SECRET, "unknown provider; allowed:"),
        ("rate_limit", SECRET, "rate_limit= must be a count and a unit"),
        ("rate_limit", [SECRET], "rate_limit= must be a count and a unit"),
        ("rate_limit", 5, "rate_limit= must be text"),
        ("rate_limit", [], "rate_limit= must be text"),
        ("profile_id", SECRET, "profile_id= must be a UUID"),
        (
            "base_url",
            f"https://user:{SECRET}@example.com",
            "base_url https://example.com must not have",
        ),
        ("patience", SECRET, "patience must be a number"),
        ("patience", -1, "patience= must be a number of seconds"),
        ("timeout", SECRET, "timeout must be a number"),
        ("max_answer", SECRET, "max_answer must be a whole number"),
        ("max_answer", 1.5, "max_answer= must be a whole number of bytes"),
        ("whole", SECRET, "whole must be true or false"),
        ("whole", True, "whole=True is not for Sent"),
        ("via", SECRET, "via= must be a world"),
        ("via", "$ACME_WORLD", "via= must be a world"),
    ],
)
@pytest.mark.parametrize("as_frame", [False, True])
def test_fleet_refuses_what_connect_refuses_without_showing_it(
    argument: str, value: Any, message: str, as_frame: bool
) -> None:
    account = ACME | {argument: value}
    accounts = pd.DataFrame([{"account": "acme", **account}]) if as_frame else {"acme": account}
    with pytest.raises(ck.ConfigurationError, match=f"acme: {message}") as caught:
        ck.fleet(accounts)
    assert SECRET not in str(caught.value)


def test_options_are_read_from_variables_and_from_frames_with_gaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_KEY", SECRET)
    monkeypatch.setenv("ACME_PATIENCE", "7.5")
    accounts = pd.DataFrame(
        [
            {"account": "acme", **ACME, "patience": "$ACME_PATIENCE", "max_answer": 1_000},
            {"account": "birch", **BIRCH, "token": " $BIRCH_TOKEN"},
        ]
    )
    read = read_accounts(accounts)
    assert read["acme"].options["max_answer"] == 1_000
    assert read["birch"].variables == {"token": "BIRCH_TOKEN"}
    with read["acme"].connect() as client:
        assert client._session.patience == 7.5
    monkeypatch.setenv("ACME_PATIENCE", SECRET)
    with pytest.raises(ck.ConfigurationError, match="patience must be a number") as caught:
        read["acme"].connect()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "fleet.csv",
            f"account,provider\nacme,sent,{SECRET}\n",
            "line 2 has more cells than the 2",
        ),
        ("fleet.csv", "account,provider,provider\nacme,sent,\n", "has the column provider twice"),
        ("fleet.csv", "", "has no column account"),
        ("fleet.csv", "name,provider\nacme,sent\n", "has no column account"),
        ("fleet.toml", f"[acme\napi_key = '{SECRET}'", "is not TOML"),
        ("fleet.yaml", "acme: 1", "must end in .csv or .toml"),
    ],
)
def test_read_accounts_names_a_file_that_is_wrong(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(ck.ConfigurationError, match=message) as caught:
        read_accounts(written(tmp_path, name, text))
    assert SECRET not in str(caught.value)


def test_fleet_draws_itself_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", SECRET)
    fleet = ck.fleet(BOTH)
    for picture in (repr(fleet), fleet._repr_html_()):
        assert "api_key=$ACME_KEY" in picture
        assert "30/minute" in picture and "200/minute" in picture
        assert "threads of this process" in picture
        assert SECRET not in picture
    assert SECRET.encode() not in pickle.dumps(fleet.accounts)


def test_fleet_shows_some_of_many_accounts() -> None:
    picture = repr(ck.fleet({f"a{number}": ACME for number in range(30)}))
    assert "30: 30 Sent" in picture and "10 more" in picture


def test_check_has_a_row_for_each_account(environment: dict[str, str]) -> None:
    with served_fleet({name: (name, 3) for name in names()}) as served:
        bad = served.accounts["sent"] | {"api_key": "$NO_SUCH_VARIABLE"}
        report = ck.fleet(served.accounts | {"bad": bad}).check()
        assert report.frame["account"].tolist() == [*names(), "bad"]
        assert report.frame["outcome"].tolist() == ["done"] * 4 + ["failed"], report
        assert report.failed()["account"].tolist() == ["bad"]
        assert "the environment has no NO_SUCH_VARIABLE" in report.failed()["message"].iloc[0]
        assert report.frame["requests"].sum() == served.requests
        assert "bad: ConfigurationError" in repr(report)


def test_fleet_needs_a_client_of_dask() -> None:
    with pytest.raises(ck.ConfigurationError, match=r"must be a distributed\.Client"):
        ck.fleet(BOTH, on="tcp://127.0.0.1:8786")
