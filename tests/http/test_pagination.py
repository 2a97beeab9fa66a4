"""The walk over a listing's pages: where it ends, and what it says of what may be missing."""

from __future__ import annotations

import json

import pytest

import contactkit as ck
from contactkit._http.drivers import run
from contactkit._http.pagination import Pages
from contactkit._providers import find
from tests.support.providers import says


@pytest.mark.parametrize(
    "body",
    [
        '{"success": true, "data": {"contacts": {}, "pagination": {}}}',
        '{"success": true, "data": {"contacts": [], "pagination": []}}',
        '{"success": true, "data": {"contacts": []}}',
    ],
)
def test_page_of_another_shape_is_an_api_error_and_no_empty_frame(wire, body):
    wire.faults = [says(200, body)]
    with pytest.raises(ck.ApiError) as caught:
        ck.connect("sent", via=wire).contacts.list()
    assert caught.value.problem.code == "undocumented"


INFO = '{"page": 1, "total_pages": 9, "has_more": true, "total_count": 900}'
STUCK = {"an empty page": ("[]", 1, 0), "the same rows again": ('[{"id": "a"}]', 2, 1)}


@pytest.mark.parametrize(("rows", "asked", "read"), STUCK.values(), ids=STUCK)
def test_page_without_a_new_row_is_the_last_one(wire, rows, asked, read):
    body = f'{{"success": true, "data": {{"contacts": {rows}, "pagination": {INFO}}}}}'
    wire.faults = [says(200, body)] * 9
    client = ck.connect("sent", via=wire)
    endpoint = find("sent").endpoint("list")
    walk = Pages(session=client._session, endpoint=endpoint, query={}, size=100)
    while (page := run(walk.next(), client._connection, wire.clock)) is not None:
        assert walk.stuck == (not page.rows)
    assert (len(wire.requests), walk.read) == (asked, read)
    assert walk.stuck
    assert walk.gap() == f"after {read} contacts the listing announced more but returned none"


def test_empty_last_page_is_no_gap(wire):
    info = INFO.replace("true", "false").replace("900", "0")
    body = f'{{"success": true, "data": {{"contacts": [], "pagination": {info}}}}}'
    wire.faults = [says(200, body)]
    assert ck.connect("sent", via=wire).contacts.list().empty
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("totals", "announced"), [((3, 3, 3), 0), ((4, 3, 3), 4), ((3, 2, 3), 2), ((3, 3, 5), 5)]
)
def test_changing_total_is_a_gap_even_if_the_last_one_fits(wire, totals, announced):
    for number, total in enumerate(totals, 1):
        info = {"page": number, "has_more": number < 3, "total_pages": 3, "total_count": total}
        body = {"success": True, "data": {"contacts": [{"id": str(number)}], "pagination": info}}
        wire.faults.append(says(200, json.dumps(body)))
    client = ck.connect("sent", via=wire)
    endpoint = find("sent").endpoint("list")
    walk = Pages(session=client._session, endpoint=endpoint, query={}, size=1)
    while run(walk.next(), client._connection, wire.clock) is not None:
        pass
    said = f"3 contacts were read but {announced} were announced"
    assert walk.gap().startswith(said) if announced else not walk.gap()


def test_rows_without_a_usable_key_are_kept(wire):
    rows = '[{"id": ["x"]}, {"id": null}, 5, {"id": "a"}]'
    info = '{"page": 1, "total_pages": 2, "has_more": true, "total_count": 8}'
    body = f'{{"success": true, "data": {{"contacts": {rows}, "pagination": {info}}}}}'
    last = body.replace('"has_more": true', '"has_more": false')
    wire.faults = [says(200, body), says(200, last)]
    with pytest.warns(ck.ContactKitWarning):
        people = ck.connect("sent", via=wire).contacts.list()
    assert people["id"].to_list()[3] == "a"
    assert len(people) == 7
    assert not ck.problems(people).empty
