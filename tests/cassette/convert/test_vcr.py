"""Cassettes that vcrpy wrote or might have written."""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from contactkit.cassette.convert.common import exchanges_of
from contactkit.cassette.convert.vcr import read_vcr
from contactkit.cassette.exchange import RecordedRequest
from contactkit.errors import CassetteError, ConfigurationError
from tests.support.examples import examples
from tests.support.mutations import damaged, mutated

WITNESSES = Path(__file__).parent / "witnesses/vcrpy"
RECORDED = ["httpx.yaml", "requests.yaml", "httpx_decoded.json"]
REAL = "+14155552671"


def written(folder: Path, interactions: object, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    return path


def interaction(**about):
    request = {"method": "GET", "uri": "https://api.sent.dm/v3/me", "body": None, "headers": {}}
    response = {"status": {"code": 200}, "headers": {}, "body": {"string": "{}"}}
    return {"request": request, "response": {**response, **about}}


def named(headers, name):
    return [text for each, text in headers if each.lower() == name]


@pytest.mark.parametrize("name", RECORDED)
def test_vcr_reads_what_vcrpy_recorded(name):
    listed, one, form, post, repeated, *_ = exchanges_of(read_vcr(WITNESSES / name))
    assert listed.request.url == "https://api.sent.dm/v3/contacts"
    assert listed.request.query == (("page", "1"), ("search", "Zoë"))
    assert named(listed.request.headers, "x-api-key") == ["key-of-nobody"]
    assert (listed.response.status, listed.at) == (200, 1767603601.0)
    assert b'"first_name": "Zoe\xcc\x88"' in listed.response.body
    assert form.request.body == b"phone=%2B12025550123&name=Zo%C3%AB"
    assert form.request.content_type == "application/x-www-form-urlencoded"
    assert json.loads(post.request.body)["first_name"] == "Ze\u0301"
    assert named(repeated.response.headers, "x-warning") == ["one", "two"]
    assert b"12345678901234567890123" in one.response.body


@pytest.mark.parametrize("name", RECORDED)
def test_vcr_decompresses_a_response(name):
    assert not any(
        named(exchange.response.headers, "content-encoding")
        for exchange in exchanges_of(read_vcr(WITNESSES / name))
    )


@pytest.mark.parametrize("name", ["httpx.yaml", "requests.yaml"])
def test_vcr_keeps_binary_bodies(name):
    assert exchanges_of(read_vcr(WITNESSES / name))[-1].response.body == bytes(range(256))


def test_vcr_reads_the_headers_of_old_cassettes(tmp_path):
    path = written(tmp_path, [interaction(headers={"X-A": "1", "X-B": ["2", "3"]})])
    assert exchanges_of(read_vcr(path))[0].response.headers == (
        ("X-A", "1"),
        ("X-B", "2"),
        ("X-B", "3"),
    )


def test_vcr_reads_a_base64_or_empty_body(tmp_path):
    bodies = [{"base64_string": "//4="}, {"string": None}, None, "text"]
    path = written(tmp_path, [interaction(body=body) for body in bodies])
    assert [exchange.response.body for exchange in exchanges_of(read_vcr(path))] == [
        b"\xff\xfe",
        b"",
        b"",
        b"text",
    ]


def test_vcr_decompresses_a_request(tmp_path):
    body = {"base64_string": b64encode(gzip.compress(b"{}")).decode()}
    headers = {"content-encoding": ["gzip"], "content-type": ["application/json"]}
    request = {"method": "post", "uri": "https://h/p?b=&a=1#end", "headers": headers, "body": body}
    path = written(tmp_path, [{**interaction(), "request": request}])
    assert exchanges_of(read_vcr(path))[0].request == RecordedRequest(
        method="POST",
        url="https://h/p",
        query=(("a", "1"), ("b", "")),
        headers=(("content-type", "application/json"),),
        body=b"{}",
        content_type="application/json",
    )


def test_vcr_keeps_times_in_the_order_of_the_file(tmp_path):
    first = {**interaction(), "recorded_at": "2026-01-05T09:00:02Z"}
    earlier = interaction(headers={"Date": ["Mon, 05 Jan 2026 09:00:01 GMT"]})
    path = written(tmp_path, [interaction(), first, earlier, interaction()])
    assert [exchange.at for exchange in exchanges_of(read_vcr(path))] == [0.0, *[1767603602.0] * 3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"version": 2, "interactions": []}', "version 1"),
        ("[]", "version 1"),
        ('{"interactions":\n[}', "line 2: is not JSON"),
        ('{"interactions": [{"request": {}}]}', "exchange 1: it has no 'response'"),
        ('{"interactions": [7]}', "exchange 1: it is malformed"),
    ],
)
def test_vcr_refuses_other_files(tmp_path, text, why):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(CassetteError, match=why):
        exchanges_of(read_vcr(path))


@pytest.mark.parametrize("line", ["a: !!python/object/apply:os.getcwd []", f"a: ['{REAL}'"])
def test_vcr_refuses_unsafe_yaml_without_quoting_it(tmp_path, line):
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\n{line}\n")
    with pytest.raises(CassetteError, match=r"a.yaml, line [23]: is not YAML") as refused:
        exchanges_of(read_vcr(path))
    assert REAL not in str(refused.value) and "getcwd" not in str(refused.value)


def test_vcr_without_pyyaml_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r'pip install "contactkit\[convert\]"'):
        exchanges_of(read_vcr(WITNESSES / "httpx.yaml"))
    assert exchanges_of(read_vcr(WITNESSES / "httpx_decoded.json"))


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("headers: {}", "headers: {x: *a8}"),
        ("method: GET", "method: *a8"),
        ("uri: 'https://api.sent.dm/v3/me'", "uri: *a8"),
        ("recorded_at: 0", "recorded_at: *a8"),
        ("body: {string: x}", "body: {string: *a8}"),
        ("body: {string: x}", "body: {base64_string: *a8}"),
        ("body: {string: x}", "body: *a8"),
        ("code: 200", "code: *a8"),
        ("{code: 200}", "*a8"),
        ("headers: {}", "headers: *a8"),
        ("headers: {}", "headers: {x: [*a8, *a8]}"),
    ],
)
def test_vcr_never_writes_out_what_aliases_repeat(tmp_path, before, after):
    text = (
        f"{BOMB}version: 1\ninteractions:\n"
        "- request: {method: GET, uri: 'https://api.sent.dm/v3/me', headers: {}}\n"
        "  response: {status: {code: 200}, headers: {}, body: {string: x}}\n"
        "  recorded_at: 0\n"
    )
    path = tmp_path / "bomb.yaml"
    path.write_text(text.replace(before, after))
    with pytest.raises(CassetteError, match="is not YAML that is safe to load"):
        read_vcr(path)


MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    "text",
    [
        f"{BOMB}version: *a8\ninteractions: []\n",
        f"{BOMB}version: 1\ninteractions: *a8\n",
        f"{BOMB}version: 1\ninteractions: {{x: *a8}}\n",
        f"{BOMB}*a8 : 1\n",
        f"{MERGES}version: 1\ninteractions: [*a8]\n",
        "&a [*a]",
        "version: 1\ninteractions: &a [*a]\n",
        "version: 1\ninteractions:\n- response: {body: &b {string: *b}}\n",
        "[" * 5000 + "]" * 5000,
        "version: 2026-13-45\n",
        "version: !!timestamp x\n",
        f"version: {'9' * 5000}\n",
    ],
)
def test_vcr_names_yaml_that_repeats_or_cannot_be_loaded(tmp_path, text):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"bomb\.yaml.*is not YAML that is safe to load"):
        exchanges_of(read_vcr(path))


def test_vcr_reads_aliases_that_share_little(tmp_path):
    path = tmp_path / "shared.yaml"
    path.write_text(
        "version: 1\ninteractions:\n"
        "- request: &r {method: get, uri: 'https://api.sent.dm/v3/me', headers: &h {X-A: ['1']}}\n"
        "  response: &s {status: {code: 200}, headers: *h, body: {string: '{}'}}\n"
        "- {request: *r, response: *s}\n"
    )
    assert [each.request.method for each in exchanges_of(read_vcr(path))] == ["GET", "GET"]


PARSED = {"data": {"first_name": "Zoë"}}
TEXT = json.dumps(PARSED)
DIALECTS = {
    "parsed_body": {"parsed_body": PARSED},
    "parsed body beside null": {"body": None, "parsed_body": PARSED},
    "json_body": {"json_body": PARSED},
    "JSON in the body": {"body": {"json": PARSED}},
    "YAML in the body": {"body": {"yaml": PARSED}},
    "text": {"body": TEXT},
    "content of old httpx": {"content": TEXT},
    "Betamax and Ruby": {"body": {"encoding": "UTF-8", "string": TEXT}},
    "Betamax, packed": {
        "body": {"encoding": "UTF-8", "base64_string": b64encode(TEXT.encode()).decode() + "\n"}
    },
}


@pytest.mark.parametrize("body", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_vcr_reads_bodies_of_other_dialects(tmp_path, body, ending):
    request = {"method": "post", "uri": "https://api.sent.dm/v3/me", "headers": {}, **body}
    response = {"status": {"code": 200}, "headers": [["X-A", "1"]], **body}
    path = tmp_path / f"a.{ending}"
    # JSON is YAML, too.
    path.write_text(json.dumps({"interactions": [{"request": request, "response": response}]}))
    (exchange,) = exchanges_of(read_vcr(path))
    assert json.loads(exchange.request.body) == json.loads(exchange.response.body) == PARSED
    assert (exchange.request.method, exchange.response.headers) == ("POST", (("X-A", "1"),))


def test_vcr_reads_a_cassette_of_ruby(tmp_path):
    request = {"method": "get", "uri": "https://api.sent.dm/v3/me", "body": {"string": ""}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": TEXT}}
    document = {
        "http_interactions": [
            {
                "request": request,
                "response": response,
                "recorded_at": "Mon, 05 Jan 2026 09:00:00 GMT",
            }
        ],
        "recorded_with": "VCR 6.2.0",
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    (exchange,) = exchanges_of(read_vcr(path))
    assert (exchange.at, exchange.response.body) == (1767603600.0, TEXT.encode())


def test_vcr_reads_a_status_of_old_httpx(tmp_path):
    response = {"status_code": 404, "headers": {}, "content": "{}", "http_version": "HTTP/1.1"}
    request = {"method": "GET", "uri": "https://api.sent.dm/v3/me"}
    path = written(tmp_path, [{"request": request, "response": response}])
    assert exchanges_of(read_vcr(path))[0].response.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"body_file": "a.bin"},
        {"raw_body": "x"},
        {"data": "x"},
        {"payload": {}},
        {"body": {"file": "a"}},
        {"body": ["x"]},
        {"body": 5},
    ],
    ids=str,
)
def test_vcr_never_empties_a_body(tmp_path, body):
    answer = interaction()
    del answer["response"]["body"]
    answer["response"] |= body
    with pytest.raises(CassetteError, match=r"exchange 1: (its body is|it is malformed)"):
        exchanges_of(read_vcr(written(tmp_path, [answer])))


WHOLE = {
    "version": 1,
    "interactions": [
        interaction(headers={"Content-Type": ["application/json"]}),
        {**interaction(body={"base64_string": "//4="}), "recorded_at": "2026-01-05T09:00:02Z"},
    ],
}


def test_vcr_reads_a_header_without_a_value(tmp_path):
    path = written(tmp_path, [interaction(headers={"X-A": None, "X-B": [None], "X-C": []})])
    assert exchanges_of(read_vcr(path))[0].response.headers == (("X-A", ""), ("X-B", ""))


@settings(max_examples=examples(80), deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["c.json", "c.yaml"])
def test_vcr_reads_or_names_every_changed_value(tmp_path_factory, name, data):
    write = yaml.safe_dump if name.endswith("yaml") else json.dumps
    text = write(data.draw(mutated(WHOLE)))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(st.just(text.encode()) | damaged(text.encode())))
    try:
        exchanges_of(read_vcr(path))
    except CassetteError as error:
        assert name in str(error)
