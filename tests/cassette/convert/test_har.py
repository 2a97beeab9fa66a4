"""HTTP archives: those of browsers are read, and ours return the same exchanges.

What is written was validated against the schema of the format, and served by Playwright.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactkit._providers import find
from contactkit.cassette.convert.common import exchanges_of
from contactkit.cassette.convert.har import read_har, to_har
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.format import entry_of
from contactkit.cassette.recorder import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError, ContactKitWarning
from contactkit.spec.provider import Provider
from tests.support.examples import examples
from tests.support.exchanges import contact, exchange, page
from tests.support.mutations import damaged, mutated, places, put

WITNESS = Path(__file__).parent / "witnesses/har/playwright.har"
SENT = find("sent")
JSONS = ("content-type", "application/json")
BODIES = [
    b"",
    b'{"count": 12345678901234567890123}',
    '{"note":"Zoe\u0308"}'.encode(),
    bytes(range(256)),
    page([contact(1), contact(2)]),
]


def archive(*exchanges: Exchange) -> dict:
    here = Path("here")
    return to_har(entry_of(here, exchange, lambda line: "id") for exchange in exchanges)


def again(folder: Path, *exchanges: Exchange) -> list[Exchange]:
    path = folder / "a.har"
    path.write_text(json.dumps(archive(*exchanges)), "utf-8")
    return exchanges_of(read_har(path))


def redaction(provider: Provider) -> Redactor:
    return Redactor(provider, list, b"k" * 32)


def redacted(raw: Exchange) -> Exchange:
    return redact_exchange(raw, SENT, redaction(SENT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("har")


words = st.text(st.sampled_from("abc +&=%/é\u0301"), max_size=6)


@settings(max_examples=examples(40))
@given(
    body=st.sampled_from(BODIES),
    asks=st.sampled_from(BODIES),
    query=st.lists(st.tuples(words.filter(bool), words), max_size=3),
    kind=st.sampled_from(["application/json", "text/plain; charset=iso-8859-1", ""]),
)
def test_har_returns_the_exchange(folder, body, asks, query, kind):
    headers = (("Content-Type", kind), ("X-Request-Id", "r-1"), ("X-A", "1"), ("X-A", "2"))
    request = RecordedRequest(
        method="PATCH",
        url="https://api.sent.dm/v3/contacts",
        query=tuple(sorted(query)),
        body=asks,
        content_type=kind,
    )
    original = exchange(request=request, body=body, headers=headers, at=1.5)
    converted = redacted(again(folder, original)[0])
    assert (converted.request, converted.at) == (request, 1.5)
    assert converted.response == RecordedResponse(status=200, headers=headers, body=body)


def test_har_returns_a_failure(folder):
    original = exchange(body=b"", status=None, failure="ConnectTimeout", sent=False, elapsed=2.5)
    converted = again(folder, original)[0]
    assert converted.response == RecordedResponse(failure="ConnectTimeout", sent=False)
    assert converted.elapsed == 2.5


def test_har_returns_the_marks_of_a_dry_run(folder):
    provider = find("digital_onboarding")
    assert provider.dry_run
    marks = tuple((name.lower(), text) for name, text in provider.dry_run.headers.items())
    request = RecordedRequest.of("POST", f"{provider.base_url}/contacts", headers=marks)
    raw = again(folder, exchange(request=request))[0]
    assert marks and redact_exchange(raw, provider, redaction(provider)).request == request


def test_har_has_the_required_fields():
    log = archive(exchange("/contacts?page=1", {"a": 1}, headers=(JSONS,), at=1767603600.25))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "contactkit")
    entry = log["entries"][0]
    assert entry["startedDateTime"] == "2026-01-05T09:00:00.250000+00:00"
    assert entry["cache"] == {} and set(entry["timings"]) == {"send", "wait", "receive"}
    request, response = entry["request"], entry["response"]
    assert request["url"] == "https://api.sent.dm/v3/contacts?page=1"
    assert request["queryString"] == [{"name": "page", "value": "1"}]
    assert response["content"] == {"size": 7, "mimeType": JSONS[1], "text": '{"a":1}'}
    assert (response["status"], response["statusText"]) == (200, "OK")
    both = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
    assert both <= set(request) and both <= set(response)


def test_har_reads_playwright():
    listed, binary, post, form, refused = exchanges_of(read_har(WITNESS))
    assert listed.request.query == (("page", "1"),)
    assert listed.response.body == '{"a":12345678901234567890123,"n":"e\u0301"}'.encode()
    # It came as gzip, and an archive holds it decoded.
    assert "content-encoding" not in {name.lower() for name, _ in listed.response.headers}
    assert binary.response.body == bytes(range(256))
    assert json.loads(post.request.body)["first_name"] == "Zoe\u0308"
    assert form.request.body == b"phone=%2B12025550123&name=Zo%C3%AB"
    assert refused.response == RecordedResponse(failure="ConnectError", sent=False)


def entry(response=None, **request):
    return {
        "startedDateTime": "2026-01-05T09:00:00.000Z",
        "request": {"method": "GET", "url": "https://api.sent.dm/v3/me", **request},
        "response": {"status": 200, **(response or {})},
    }


def read(folder: Path, *entries: object) -> list[Exchange]:
    path = folder / "b.har"
    path.write_text(json.dumps({"log": {"entries": entries}}))
    return exchanges_of(read_har(path))


def test_har_needs_only_request_time_and_status(folder):
    exchange = read(folder, entry())[0]
    assert exchange.response == RecordedResponse(status=200)
    assert (exchange.request.method, exchange.at, exchange.elapsed) == ("GET", 1767603600.0, 0.0)


def test_har_drops_pseudo_headers_of_http_2(folder):
    pairs = [{"name": ":authority", "value": "h"}, {"name": "accept", "value": "*/*"}]
    assert read(folder, entry(headers=pairs))[0].request.headers == (("accept", "*/*"),)


def test_har_reads_a_form_from_its_parameters(folder):
    posted = {"mimeType": "application/x-www-form-urlencoded"}
    params = [{"name": "a", "value": "1 2"}, {"name": "b"}]
    exchange = read(folder, entry(postData={**posted, "params": params}))[0]
    assert exchange.request.body == b"a=1+2&b="


def test_har_encodes_text_in_its_charset(folder):
    content = {"mimeType": "text/plain; charset=iso-8859-1", "text": "é"}
    assert read(folder, entry({"content": content}))[0].response.body == b"\xe9"
    content = {"mimeType": "text/plain; charset=nonsense", "text": "é"}
    assert read(folder, entry({"content": content}))[0].response.body == "é".encode()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("net::ERR_CONNECTION_REFUSED", ("ConnectError", False)),
        ("net::ERR_CONNECTION_TIMED_OUT", ("ConnectTimeout", False)),
        ("net::ERR_TIMED_OUT", ("ReadTimeout", True)),
        ("NS_ERROR_UNKNOWN_HOST", ("ConnectError", False)),
        ("net::ERR_EMPTY_RESPONSE", ("ReadError", True)),
        ("", ("ReadError", True)),
    ],
)
@pytest.mark.parametrize("name", ["_error", "_failureText"])
def test_har_maps_the_failures_of_browsers(folder, name, error, failure):
    exchange = read(folder, entry({"status": 0, name: error}))[0]
    assert (exchange.response.failure, exchange.response.sent) == failure


def test_har_warns_about_missing_content(folder):
    missing = entry({"content": {"size": 9, "mimeType": "application/json"}})
    with pytest.warns(ContactKitWarning, match="without their content are read as empty: 1"):
        exchanges = read(folder, missing, entry({"content": {"size": 0}}))
    assert [exchange.response.body for exchange in exchanges] == [b"", b""]


def test_har_sorts_exchanges_by_time(folder):
    late = {**entry(), "startedDateTime": "2026-01-05T09:00:01Z"}
    assert [exchange.at for exchange in read(folder, late, entry())] == [1767603600.0, 1767603601.0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1: is not JSON"),
        ("[]", "it has no log.entries"),
        ('{"log": {"entries": 7}}', "it has no log.entries"),
        ('{"log": {"entries": [{}]}}', "exchange 1: it has no 'request'"),
        ('{"log": {"entries": [7]}}', "exchange 1: it is malformed"),
    ],
)
def test_har_refuses_other_files(tmp_path, text, why):
    path = tmp_path / "a.har"
    path.write_text(text)
    with pytest.raises(CassetteError, match=why):
        exchanges_of(read_har(path))


def test_har_writes_binary_as_base64():
    content = archive(exchange(body=b"\xff\x00"))["log"]["entries"][0]["response"]["content"]
    assert content["encoding"] == "base64"
    assert content["text"] == b64encode(b"\xff\x00").decode()


WHOLE = archive(
    exchange(body=page([contact(1)]), headers=(JSONS,), at=1.0),
    exchange(method="PATCH", asks=b"a=1", body={"ok": True}, headers=(JSONS,), at=2.0),
    exchange(status=None, body=b"", failure="ReadTimeout", at=3.0),
)
WHOLE["log"]["entries"][1]["request"]["postData"] = {"params": [{"name": "a", "value": "1"}]}
NEEDED = {"log", "entries", "startedDateTime", "request", "method", "url", "name"}


def read_archive(folder: Path, text: str) -> list[Exchange]:
    path = folder / "a.har"
    path.write_text(text, "utf-8")
    return exchanges_of(read_har(path))


@pytest.mark.parametrize("place", [*places(WHOLE["log"], ("log",))], ids=str)
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_har_reads_null_as_absent_unless_it_needs_the_field(folder, place):
    """Null is read like a missing field; those that an exchange needs are named."""
    text = json.dumps(put(WHOLE, place, None))
    named = "headers" in place or "params" in place
    needed = {*NEEDED} - ({"name"} if named else set())
    is_entry = isinstance(place[-1], int) and not named
    if "creator" not in place and (place[-1] in needed or is_entry):
        with pytest.raises(CassetteError, match=r"a\.har(, exchange [123])?: (it|is|the|a) "):
            read_archive(folder, text)
    else:
        assert len(read_archive(folder, text)) == 3


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (("request", "method"), "it is malformed"),
        (("request", "url"), "it is malformed"),
        (("response", "status"), "its status is not a number up to 999"),
        (("time",), "its elapsed is not a number of seconds"),
    ],
)
def test_har_names_a_number_where_none_belongs(folder, place, why):
    part = {**WHOLE["log"]["entries"][1], "request": {**WHOLE["log"]["entries"][1]["request"]}}
    part["request"]["headers"] = [{"name": "a", "value": "b"}]
    with pytest.raises(CassetteError, match=f"exchange 1: {why}"):
        read_archive(folder, json.dumps({"log": {"entries": [put(part, place, 10**300)]}}))


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 10_000], ids=["deep", "long"])
def test_har_names_a_file_that_json_cannot_load(folder, text):
    with pytest.raises(CassetteError, match=r"a\.har: is JSON with a number or a depth"):
        read_archive(folder, text)


@settings(max_examples=examples(80), deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::contactkit.ContactKitWarning")
def test_har_reads_or_names_every_changed_value(folder, data):
    text = json.dumps(data.draw(mutated(WHOLE)))
    path = folder / "b.har"
    path.write_bytes(data.draw(st.just(text.encode()) | damaged(text.encode())))
    try:
        list(map(redacted, exchanges_of(read_har(path))))
    except CassetteError as error:
        assert "b.har" in str(error) or "compressed as" in str(error)


def test_har_reads_null_and_numbers_in_headers_and_parameters(folder):
    headers = [{"name": "X-N", "value": 5}, {"name": None, "value": "x"}, None, {"name": 7}]
    posted = {
        "mimeType": "application/x-www-form-urlencoded",
        "params": [{"name": "a", "value": 5}],
    }
    (found,) = read(folder, entry(headers=headers, postData=posted, method="post"))
    assert found.request.headers == (("X-N", "5"), ("7", ""))
    assert (found.request.method, found.request.body) == ("POST", b"a=5")


def test_har_reads_text_that_is_called_base64(folder):
    response = {"status": 200, "headers": [], "content": {"text": "{é}", "encoding": "base64"}}
    (found,) = read(folder, entry(response))
    assert found.response.body == "{é}".encode()
