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

from contactkit.cassette.convert.vcr import read_vcr
from contactkit.cassette.exchange import RecordedRequest
from contactkit.errors import CassetteError, ConfigurationError
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
    listed, one, form, post, repeated, *_ = read_vcr(WITNESSES / name)
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
        for exchange in read_vcr(WITNESSES / name)
    )


@pytest.mark.parametrize("name", ["httpx.yaml", "requests.yaml"])
def test_vcr_keeps_binary_bodies(name):
    assert read_vcr(WITNESSES / name)[-1].response.body == bytes(range(256))


def test_vcr_reads_the_headers_of_old_cassettes(tmp_path):
    path = written(tmp_path, [interaction(headers={"X-A": "1", "X-B": ["2", "3"]})])
    assert read_vcr(path)[0].response.headers == (("X-A", "1"), ("X-B", "2"), ("X-B", "3"))


def test_vcr_reads_a_base64_or_empty_body(tmp_path):
    bodies = [{"base64_string": "//4="}, {"string": None}, None, "text"]
    path = written(tmp_path, [interaction(body=body) for body in bodies])
    assert [exchange.response.body for exchange in read_vcr(path)] == [
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
    assert read_vcr(path)[0].request == RecordedRequest(
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
    assert [exchange.at for exchange in read_vcr(path)] == [0.0, *[1767603602.0] * 3]


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
        read_vcr(path)


@pytest.mark.parametrize("line", ["a: !!python/object/apply:os.getcwd []", f"a: ['{REAL}'"])
def test_vcr_refuses_unsafe_yaml_without_quoting_it(tmp_path, line):
    path = tmp_path / "a.yaml"
    path.write_text(f"version: 1\n{line}\n")
    with pytest.raises(CassetteError, match=r"a.yaml, line [23]: is not YAML") as refused:
        read_vcr(path)
    assert REAL not in str(refused.value) and "getcwd" not in str(refused.value)


def test_vcr_without_pyyaml_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r'pip install "contactkit\[convert\]"'):
        read_vcr(WITNESSES / "httpx.yaml")
    assert read_vcr(WITNESSES / "httpx_decoded.json")


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
    try:
        assert read_vcr(path)[0].at == 0.0
    except CassetteError as error:
        assert str(error).endswith("exchange 1: it is malformed")


MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BOMB}version: *a8\ninteractions: []\n", "version 1"),
        (f"{BOMB}version: 1\ninteractions: *a8\n", "exchange 1: it is malformed"),
        (f"{BOMB}version: 1\ninteractions: {{x: *a8}}\n", "version 1"),
        (f"{BOMB}*a8 : 1\n", "is not YAML that is safe to load"),
        (f"{MERGES}version: 1\ninteractions: [*a8]\n", "is not YAML that is safe to load"),
        ("&a [*a]", "version 1"),
        ("version: 1\ninteractions: &a [*a]\n", "exchange 1: it is malformed"),
        ("[" * 5000 + "]" * 5000, "is not YAML that is safe to load"),
        ("version: 2026-13-45\n", "is not YAML that is safe to load"),
        ("version: !!timestamp x\n", "is not YAML that is safe to load"),
        (f"version: {'9' * 5000}\n", "is not YAML that is safe to load"),
    ],
)
def test_vcr_names_yaml_that_repeats_or_cannot_be_loaded(tmp_path, text, why):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=f"bomb.yaml.*{why}"):
        read_vcr(path)


def test_vcr_names_a_body_that_contains_itself(tmp_path):
    path = tmp_path / "loop.yaml"
    path.write_text(
        "version: 1\ninteractions:\n"
        "- request: {method: GET, uri: 'https://api.sent.dm/v3/me'}\n"
        "  response: {status: 200, body: &b {string: *b}}\n"
    )
    with pytest.raises(CassetteError, match="exchange 1: it is malformed"):
        read_vcr(path)


WHOLE = {
    "version": 1,
    "interactions": [
        interaction(headers={"Content-Type": ["application/json"]}),
        {**interaction(body={"base64_string": "//4="}), "recorded_at": "2026-01-05T09:00:02Z"},
    ],
}


def test_vcr_reads_a_header_without_a_value(tmp_path):
    path = written(tmp_path, [interaction(headers={"X-A": None, "X-B": [None], "X-C": []})])
    assert read_vcr(path)[0].response.headers == (("X-A", ""), ("X-B", ""))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["c.json", "c.yaml"])
def test_vcr_reads_or_names_every_changed_value(tmp_path_factory, name, data):
    write = yaml.safe_dump if name.endswith("yaml") else json.dumps
    text = write(data.draw(mutated(WHOLE)))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(st.just(text.encode()) | damaged(text.encode())))
    try:
        read_vcr(path)
    except CassetteError as error:
        assert name in str(error)
