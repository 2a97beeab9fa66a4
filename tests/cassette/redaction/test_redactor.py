"""Personal values in every place of every provider's traffic, and values that must stay.

The people are made up: their numbers are 555-02XX to 555-09XX, which are not assigned, and their
addresses end in .invalid.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import date, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contactkit._providers import find, names
from contactkit.cassette.exchange import RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import FieldProblem, Problem
from contactkit.simulator import seeds
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import is_phone
from tests.cassette.redaction.test_secrets import KEY, line

PHONE, OTHER_PHONE, ABROAD = "+14155550234", "+16475550876", "+442000005678"
EMAIL, FIRST, LAST = "zenobia.quill@post.invalid", "Zenobia", "Quillfeather"
HELD = "the-credential-held"
STREET, CITY, POST_CODE, BORN = "7 Nowhere Crescent", "Utopiaville", "99123", "1977-07-07"
# Texts that must not be found in any format.
PEOPLE = [
    PHONE[1:],
    "415555 0234",
    "415-555-0234",
    "(415) 555-0234",
    OTHER_PHONE[1:],
    ABROAD[1:],
    "20 0000 5678",
    EMAIL,
    FIRST,
    LAST,
    STREET,
    CITY,
    POST_CODE,
    BORN,
]


def redaction(name: str) -> Redactor:
    return Redactor(find(name), lambda: [HELD], KEY)


def contact(name: str, phone: str = PHONE) -> dict[str, Any]:
    """A contact as the provider writes it, with something in every field."""
    result: dict[str, Any] = {}
    for field in fields_of(find(name).record).values():
        texts = {"email": EMAIL, "phone": phone}
        kind = field.marker.personal
        if kind == "name":
            result[field.wire] = FIRST if "first" in field.name else LAST
        elif kind == "free" and field.kind == "dict":
            result[field.wire] = {"home": STREET, "town": CITY, "nested": {"code": [POST_CODE]}}
        elif kind == "free":
            known = {"birthdate": BORN, "post_code": POST_CODE, "city": CITY}
            result[field.wire] = known.get(field.name, STREET)
        else:
            result[field.wire] = texts.get(kind) or {"boolean": True, "list": ["vip"]}.get(
                field.kind, "2026-01-10T08:00:00Z" if field.kind == "datetime" else "a-1"
            )
    return result


def in_formats(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """The same with the number in each of the formats that a provider adds."""
    forms = {
        "format_international": "+1 415-555-0234",
        "format_national": "(415) 555-0234",
        "format_rfc": "tel:+1-415-555-0234",
    }
    return {field: forms.get(field, value) for field, value in row.items()}


def json_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def answer(status: int, body: bytes, kind: str = "application/json") -> RecordedResponse:
    return RecordedResponse(status=status, headers=(("content-type", kind),), body=body)


def exchanges(name: str) -> list[tuple[RecordedRequest, RecordedResponse]]:
    one, two = in_formats(name, contact(name)), contact(name, ABROAD)
    url = f"{find(name).base_url}/contacts"
    refusal = f"{FIRST} {LAST} ({EMAIL}) of {STREET} has {PHONE} already, not (647) 555-0876"
    declared = fields_of(find(name).record).values()
    phones = [field.wire for field in declared if is_phone(field)]
    query = tuple((wire, PHONE) for wire in phones)
    form = "&".join(f"{wire}={quote(PHONE)}" for wire in phones) + f"&note={quote(EMAIL)}"
    json_type = {"content_type": "application/json"}
    return [
        (
            RecordedRequest(
                method="GET", url=f"{url}?phone={quote(PHONE)}&search=415-555-0234", query=query
            ),
            answer(200, json_of({"data": [one, two]})),
        ),
        (
            RecordedRequest(method="POST", url=url, body=json_of(one), **json_type),
            answer(409, json_of({"error": {"message": refusal}})),
        ),
        (
            RecordedRequest(
                method="POST", url=url, body=form.encode(), content_type="x-www-form-urlencoded"
            ),
            answer(500, f"<p>{refusal}</p>".encode(), "text/html"),
        ),
        (
            RecordedRequest(
                method="GET", url=f"{url}/{quote(OTHER_PHONE)}", headers=(("X-For", EMAIL),)
            ),
            RecordedResponse(
                status=200,
                headers=(("Link", f'<{url}?email={quote(EMAIL)}>; rel="next"'),),
                body=json_of({"cursor": b64encode(f'["{EMAIL}", "x"]'.encode()).decode()}),
            ),
        ),
    ]


@pytest.mark.parametrize("name", names())
def test_exchange_leaves_no_personal_value(name):
    redacting = redaction(name)
    written = b""
    for request, response in exchanges(name):
        result = line(*redacting.exchange(request, response))
        assert redacting.scan(result) == []
        written += result
    text = written.decode()
    declared = {field.marker.personal for field in fields_of(find(name).record).values()}
    values = PEOPLE if {"name", "free"} <= declared else PEOPLE[:8]
    assert [value for value in values if value in text or quote(value, safe="") in text] == []


@pytest.mark.parametrize("name", names())
def test_scan_finds_values_that_were_not_redacted(name):
    redacting = redaction(name)
    for exchange in exchanges(name):
        redacting.exchange(*exchange)
        findings = redacting.scan(line(*exchange))
        assert findings
        assert not [value for value in PEOPLE if any(value in finding for finding in findings)]


@pytest.mark.parametrize("name", names())
def test_exchange_redacted_twice_is_the_same(name):
    redacting = redaction(name)
    for exchange in exchanges(name):
        result = redacting.exchange(*exchange)
        assert redacting.exchange(*result) == result
        assert redaction(name).exchange(*result) == result


@pytest.mark.parametrize("name", names())
def test_request_with_a_real_value_is_the_same_in_another_run(name):
    provider = find(name)
    key = PHONE if key_of(provider.record).marker.personal else "a-1"
    recorded = redaction(name)
    for exchange in exchanges(name):
        recorded.exchange(*exchange)
    request = RecordedRequest(
        method="GET", url=f"{provider.base_url}/contacts/{quote(key, safe='')}"
    )
    assert recorded.request(request) == redaction(name).request(request)


@pytest.mark.parametrize("name", names())
def test_listed_pseudonyms_of_a_recording_stay_under_another_key(name):
    owners: dict[str, str] = {}
    first = Redactor(find(name), lambda: [HELD], KEY, owners)
    # India keeps no numbers for fiction.
    unreserved = json_of(contact(name, "+911000005678"))
    recorded = [
        *exchanges(name),
        (RecordedRequest(method="GET", url=""), RecordedResponse(status=200, body=unreserved)),
    ]
    result = [first.exchange(*value) for value in recorded]
    second = Redactor(find(name), lambda: [HELD], b"another", dict(owners))
    for redacted_exchange in result:
        assert second.scan(line(*redacted_exchange)) == []
        assert second.exchange(*redacted_exchange) == redacted_exchange
    stranger = Redactor(find(name), lambda: [HELD], b"another")
    assert stranger.scan(line(*result[-1])) and stranger.exchange(*result[-1]) != result[-1]


def test_text_redacted_twice_is_the_same():
    result = redaction("privy").text(f"first_name={FIRST}, last_name={LAST}")
    assert FIRST not in result and LAST not in result
    assert redaction("privy").text(result) == result


def test_key_in_a_path_has_the_pseudonym_of_the_body():
    redacting = redaction("sendblue")
    provider = find("sendblue")
    endpoint = provider.endpoint("get")
    url = provider.base_url + endpoint.path.format(key=quote(PHONE, safe=""))
    body = json_of({"contact": {"number": PHONE}})
    request, response = redacting.exchange(
        RecordedRequest(method="GET", url=url), RecordedResponse(status=200, body=body)
    )
    number = json.loads(response.body)["contact"]["number"]
    assert request.url.endswith(f"/{quote(number, safe='')}")
    assert redacting.text(f"{provider.base_url}/api/v2/contacts/count").endswith("/contacts/count")
    body = json_of({"contact_ids": [PHONE, OTHER_PHONE]})
    asked = redacting.request(RecordedRequest(method="DELETE", url="", body=body))
    assert json.loads(asked.body)["contact_ids"][0] == number


def test_filters_have_the_pseudonyms_of_the_fields():
    redacting = redaction("digital_onboarding")
    query = (
        ("filter[phone_mobile][in]", f"{PHONE},{OTHER_PHONE}"),
        ("filter[name_last]", LAST),
        ("page[size]", "100"),
        ("sort", "-name_last"),
    )
    result = dict(redacting.request(RecordedRequest(method="GET", url="", query=query)).query)
    body = json_of({"phone_mobile": PHONE, "name_last": LAST})
    row = json.loads(redacting.response(RecordedResponse(status=200, body=body)).body)
    assert result["filter[phone_mobile][in]"].split(",")[0] == row["phone_mobile"]
    assert result["filter[name_last]"] == row["name_last"]
    assert (result["page[size]"], result["sort"]) == ("100", "-name_last")


def test_messages_about_a_field_are_kept():
    body = json_of({"error": {"details": {"phone_number": ["must be E.164", f"not {PHONE}"]}}})
    result = redaction("sent").response(RecordedResponse(status=400, body=body)).body
    assert b"must be E.164" in result and PHONE.encode() not in result


people = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "first_name": st.sampled_from(["Zenobia", "Ignatz", "Zoë", "X", ""]) | st.none(),
        "last_name": st.sampled_from(["Quillfeather", "O'Void", "李"]) | st.none(),
        "email": st.sampled_from([EMAIL, "i@void.invalid", "I@void.invalid"]) | st.none(),
        "phone_number": st.integers(200, 999).map(lambda n: f"+1415555{n:04d}") | st.none(),
        "email_consent": st.sampled_from(["subscribed", "suppressed"]),
        "tags": st.lists(st.sampled_from(["vip", "gift"]), max_size=2),
        "custom_fields": st.dictionaries(
            st.sampled_from(["tier", "town"]), st.sampled_from(["gold", CITY, 7, None, True])
        ),
        "created_at": st.datetimes().map(lambda t: f"{t.isoformat()}Z"),
        "count": st.integers(),
    }
)


@given(st.lists(people, max_size=8))
def test_rows_of_a_list_and_single_rows_join_as_before(rows):
    redacting = redaction("privy")
    listed = redacted(redacting, {"data": rows})["data"]
    details = [redacted(redacting, {"data": row})["data"] for row in rows]
    assert listed == details
    for field in ("first_name", "last_name", "email", "phone_number"):
        before, after = ([row[field] for row in part] for part in (rows, listed))
        assert [[a == b for a in before] for b in before] == [
            [a == b for a in after] for b in after
        ]
    for row, result in zip(rows, listed, strict=True):
        assert list(row) == list(result)
        assert [type(value) for value in row.values()] == [type(value) for value in result.values()]
        unchanged = ("id", "email_consent", "tags", "created_at", "count")
        assert [row[name] for name in unchanged] == [result[name] for name in unchanged]


def redacted(redacting: Redactor, body: Any) -> Any:
    return json.loads(redacting.response(RecordedResponse(status=200, body=json_of(body))).body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('aé"\\\n 😀'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=3), inner),
    max_leaves=12,
)
styles = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 2]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([None, (",", ":"), (", ", ": ")]),
    }
)


@given(json_values, styles)
def test_json_without_personal_values_keeps_its_bytes(value, style):
    body = json.dumps(value, **style).encode()
    assert redaction("sent").response(RecordedResponse(status=200, body=body)).body == body


@given(json_values, styles)
def test_json_around_a_pseudonym_keeps_its_bytes(value, style):
    redacting = redaction("sent")
    result = [redacting.text(PHONE), PHONE]
    after, before = (
        json.dumps({"phone_number": phone, "rest": value}, **style).encode() for phone in result
    )
    assert redacting.response(RecordedResponse(status=200, body=before)).body == after


@pytest.mark.parametrize(
    "body",
    [
        b'{"n": 12345678901234567890123, "f": 1E5, "d": 1, "d": 2}\n',
        '{"a": "e\u0301", "b": "\\u00e9"}'.encode(),
        b'{"half": "\\ud83d"}',
        b"\x1f\x8b\x08\x00\xff\xfe+\x00",
        b"id,tag\n1,vip\n",
        b"<html></html>",
        b"{not json",
        b"",
        b"[]",
        b"12025550123",
    ],
)
def test_body_without_personal_values_keeps_its_bytes(body):
    assert redaction("privy").response(RecordedResponse(status=200, body=body)).body == body


def test_json_numbers_in_a_phone_field_become_numbers():
    body = json_of({"phone_number": 14155550234, "id": 4155559234, "at": 1700000000, "token": 5})
    result = redacted(redaction("sent"), json.loads(body))
    assert re.fullmatch(r"1\d{3}55501\d\d", str(result["phone_number"]))
    assert (result["id"], result["at"], result["token"]) == (4155559234, 1700000000, 0)


def test_long_json_numbers_in_a_free_field_are_replaced():
    result = redacted(redaction("privy"), {"custom_fields": {"account": 12345678, "visits": 12}})
    assert result["custom_fields"]["account"] not in (12345678, None)
    assert result["custom_fields"]["visits"] == 12


def test_values_in_json_names_are_replaced():
    result = redacted(redaction("privy"), {"by_address": {EMAIL: 1, "Bearer a1b2c3d4e5f6": 2}})
    assert EMAIL not in result["by_address"] and len(result["by_address"]) == 2
    assert "Bearer redacted-bearer" in result["by_address"]


def test_contacts_of_a_simulator_stay(name):
    body = {"phone": seeds.phone(3), "phone_number": seeds.phone(4), "email": "ada@example.com"}
    assert redacted(redaction(name), body) == body


def test_scan_reports_kind_and_place_and_no_value():
    redacting = redaction("privy")
    redacting.response(RecordedResponse(status=200, body=json_of({"first_name": FIRST})))
    data = f"é {EMAIL} {PHONE} {HELD} {FIRST}".encode()
    values = {
        "credential": HELD,
        "e-mail address": EMAIL,
        "phone number": PHONE,
        "personal value": FIRST,
    }
    expected = {f"{kind} at byte {data.index(v.encode())}" for kind, v in values.items()}
    assert set(redacting.scan(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        "%2B14155550234",
        "zenobia%40post.invalid",
        '"\\u002b14155550234"',
        b64encode(f"for {EMAIL}".encode()).decode(),
        b64encode(f"x{HELD}".encode()).decode(),
        "415.555.0234",
        "tel:+44-20-0000-5678",
    ],
)
def test_scan_looks_into_encodings(data):
    assert redaction("sent").scan(f"<{data}>".encode())


def test_no_repr_shows_a_value():
    for part in (*exchanges("privy")[0], *exchanges("privy")[1], redaction("privy")):
        assert not [value for value in PEOPLE if value in repr(part)]


@pytest.mark.parametrize("part", ["a", "1 ", "a@", "eyJ", "%41", "+1(", "token ", "-1", "bearer "])
def test_long_text_of_near_misses_is_fast(part):
    body = (part * 20_000).encode()
    started = perf_counter()
    redaction("sent").response(RecordedResponse(status=200, body=body))
    redaction("sent").scan(body)
    # A search that tries the rest of the text at each place would take minutes.
    assert perf_counter() - started < 5


NEAR_MISSES = (
    *(
        "a: ",
        "a=",
        "<a ",
        "<a>",
        "&a",
        '"a":"',
        '["a","',
        "'a'",
        "name=",
        "x,y\n",
        "a: b\n",
        ">a: ",
    ),
    *("BEGIN:VCARD\nN:", "<th>a</th>", "<tr>", "\\u0041", "eyJa.", "sk-", "http://a:"),
    *(">a: ", "http://a@"),
    *(
        "code=1&state=",
        "Zenobia.",
        "a_",
        "a-",
        "=41",
        "1/ ",
        "4111 ",
        "DE89",
        "-----BEGIN ",
        "\n\n",
    ),
)


@pytest.mark.parametrize("part", NEAR_MISSES)
def test_long_page_of_near_misses_is_fast(part):
    redacting = redaction("sent")
    redacting.response(RecordedResponse(status=200, body=json_of({"first_name": "Zenobia"})))
    body = (part * 5_000).encode()
    started = perf_counter()
    page = answer(200, body, "text/html")
    redacting.scan(redacting.response(page).body)
    assert perf_counter() - started < 5


COMMON = ["Will", "Mark", "Error", "Conflict", "Invalid", "Status", "May", "Code", "Item", "Found"]


@pytest.mark.parametrize("name", names())
def test_names_that_are_words_leave_a_refusal_as_it_is(name):
    """A contact may be called as a message is written: its code and its words still replay."""
    redacting = redaction(name)
    for first in COMMON:
        redacting.response(RecordedResponse(status=200, body=json_of({"first_name": first})))
    for code in [*find(name).errors.catalogue, "invalid", "not_found"]:
        message = f"will not be found: invalid status code in item, may mark a conflict ({code})"
        fields = (FieldProblem(field="name", message="is invalid, and will not do"),)
        problem = Problem(code=code, message=message, fields=fields, request_id="req-1", docs="d")
        body = json_of(find(name).errors.write(problem, datetime(2026, 1, 1)))
        refused = answer(409, body)
        assert redacting.response(refused) == refused
        assert redacting.scan(body) == []


ordinary = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda each: each.hex),
    st.datetimes(datetime(1900, 1, 1)).map(lambda each: f"{each.isoformat()}Z"),
    st.dates(date(1900, 1, 1)).map(str),
    st.binary(min_size=8, max_size=32).map(lambda each: b64encode(each).decode()),
    st.from_regex(r"(cus|evt|msg)_[a-z0-9]{14,20}", fullmatch=True),
    st.integers(0, 10**6 - 1).map(str),
    st.sampled_from(["active", "NY", "en-US", "50%", "is required", "the token has expired"]),
)


# Base64 and its padding may look like a secret's name, and a form writes a space as the + that
# numbers begin with.
@example("2293148b-1b25-1771-b071-62cd193175b9", "AAAAAAAAAAA=", "id")
@example("22931485122517712071620193175122", "AAAAAAAAAAA=", "id")
@example("e3e70682-c209-4cac-629f-6fbed82c07cd", "AAAAAAAAAAAAAAAAAaPIN0A=", "id")
@given(ordinary, ordinary, st.sampled_from(["id", "created_at", "next", "status", "message"]))
def test_text_without_personal_values_stays_in_every_place(one, other, name):
    redacting = redaction("privy")
    request = RecordedRequest(
        method="POST",
        url="https://api.test/c",
        query=((name, one),),
        headers=(("X-Of", one),),
        body=f"{name}={quote(one)}&note=see+{quote(other)}+{quote(one)}".encode(),
        content_type="application/x-www-form-urlencoded",
    )
    answer = RecordedResponse(
        status=200, body=json_of({name: [one], "m": f"{other} {one}", one: 1})
    )
    assert redacting.exchange(request, answer) == (request, answer)
    assert redacting.scan(line(request, answer)) == []
