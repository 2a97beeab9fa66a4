"""The exchanges of a cassette as a frame: one row each, with fixed dtypes."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit._frames.frame import STRING, TIME
from contactkit.cassette.body import dump_json
from contactkit.cassette.exchange import RecordedRequest
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.frame import frame
from tests.support.exchanges import BASE, begun, contact, exchange, page

NOON = 1_767_268_800.25


@pytest.fixture
def file(tmp_path):
    file = begun(tmp_path / "a.jsonl")
    file.append(exchange("/contacts?page=2&channel=sms", {"data": []}, at=NOON))
    file.append(
        exchange("/contacts", None, "POST", status=None, failure="ReadTimeout", at=NOON + 9)
    )
    return CassetteFile.load(file.path)


def test_frame_has_one_row_an_exchange(file):
    first = file.entries[0]
    table = frame(file.entries, {first.id: 3}, NOON + 10)
    assert table.drop(columns="failure").to_dict("records")[0] == {
        "method": "GET",
        "path": "/v3/contacts",
        "query": "channel=sms&page=2",
        "status": 200,
        "bytes": len(dump_json({"data": []})),
        "at": pd.Timestamp(NOON, unit="s", tz="UTC"),
        "age": pd.Timedelta(seconds=10),
        "hits": 3,
        "expired": False,
    }
    assert table["status"].isna().tolist() == [False, True]
    assert table["failure"].tolist() == [pd.NA, "ReadTimeout"]
    assert table["hits"].tolist() == [3, 0]
    assert table.index.equals(pd.RangeIndex(2))


def test_frame_has_the_same_columns_when_empty(file):
    declared = {
        "method": STRING,
        "path": STRING,
        "query": STRING,
        "status": pd.Int64Dtype(),
        "failure": STRING,
        "bytes": pd.Int64Dtype(),
        "at": TIME,
        "age": "timedelta64[us]",
        "hits": pd.Int64Dtype(),
        "expired": pd.BooleanDtype(),
    }
    for entries in ([], file.entries[:1], file.entries[1:], file.entries):
        table = frame(entries, {}, 0.0, timedelta(days=30))
        assert table.dtypes.to_dict() == declared
        assert len(table) == len(entries)


def test_frame_expires_each_exchange_by_its_age(file):
    table = frame(file.entries, {}, NOON + 20, timedelta(seconds=15))
    assert table["expired"].tolist() == [True, False]
    assert frame(file.entries, {}, NOON + 15, timedelta(seconds=15))["expired"].tolist() == [
        False,
        False,
    ]


@pytest.mark.parametrize("style", [{}, {"indent": 1}])
def test_frame_counts_the_bytes_of_the_body(tmp_path, style):
    body = json.dumps(json.loads(page([contact(n, note="Zoë") for n in range(40)])), **style)
    file = begun(tmp_path / "a.jsonl")
    file.append(exchange("/contacts", body.encode()))
    assert frame(CassetteFile.load(file.path).entries, {}, 0.0)["bytes"].tolist() == [len(body)]


@given(st.lists(st.integers(0, 1000), max_size=8))
def test_frame_is_in_the_order_of_issue(tmp_path_factory, times):
    file = begun(tmp_path_factory.mktemp("order") / "a.jsonl")
    for number, at in enumerate(times):
        request = RecordedRequest.of("GET", f"{BASE}/contacts/{number}")
        file.append(exchange(request=request, body={}, at=float(at)))
    table = frame(file.entries, {}, 2000.0)
    assert table["at"].is_monotonic_increasing
    assert sorted(table["age"].dt.total_seconds()) == sorted(2000.0 - at for at in times)
