"""Secrets and people in many notations are in nothing that a client shows or writes.

Not in the file, the error, the log or the pictures of a recording; not in what a recording of
another tool is converted to; and the audit finds them in a recording that was made without care.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from html import escape
from pathlib import Path
from traceback import TracebackException
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.audit import audit
from contactkit.cassette.convert import convert
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.spec.provider import Provider
from tests.support.hostile_people import PEOPLE, PERSON
from tests.support.hostile_secrets import HELD, SECRETS, Planted
from tests.support.providers import Wire

CASES = [
    *(pytest.param("sent", {}, value, id=f"secret: {where}") for where, value in SECRETS.items()),
    *(
        pytest.param("privy", person, value, id=f"person: {where}")
        for where, (person, value) in PEOPLE.items()
    ),
]


def spellings(text: str) -> set[str]:
    """A text as it is, and as JSON (in JSON), HTML and a repr write it."""
    once = {json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    twice = {json.dumps(written)[1:-1] for written in once}
    return {text, escape(text), repr(text)[1:-1], *once, *twice}


def is_in(planted: Planted, *texts: str) -> list[str]:
    return [part for part in spellings(planted.gone) for text in texts if part in text]


def connected(name: str, planted: Planted) -> ck.Client:
    def answer(request: httpx.Request, otherwise: object) -> httpx.Response:
        headers = {"content-type": planted.kind, **dict(planted.headers)}
        return httpx.Response(planted.status, headers=headers, content=planted.body)

    held = dict.fromkeys(ck.Simulator(0).credentials(find(name)), HELD) if name == "sent" else {}
    return ck.connect(name, via=Wire(faults=[answer] * 8), **held)


def ask(client: ck.Client, person: dict[str, Any]) -> list[str]:
    """Send a request; what its error shows."""
    try:
        client.contacts.create(**person) if person else client.contacts.list()
    except ck.ContactKitError as error:
        shown = TracebackException.from_exception(error, capture_locals=False)
        return [str(error), repr(error), "".join(shown.format())]
    return []


@pytest.mark.parametrize(("name", "person", "planted"), CASES)
def test_hostile_value_is_in_no_file_log_or_picture(name, person, planted, tmp_path, caplog):
    path = tmp_path / "tape.jsonl"
    client = connected(name, planted)
    with caplog.at_level(logging.DEBUG), ck.record(client, path) as cassette:
        ask(client, person)
    frame = cassette.frame()
    pictures = repr(client), client._repr_html_(), repr(cassette), frame.to_html(), frame.to_csv()
    assert is_in(planted, path.read_text("utf-8"), caplog.text, *pictures) == []


@pytest.mark.parametrize(
    ("name", "person", "planted"),
    [
        # What a message says of a person is hidden if the person was sent.
        case
        for case in CASES
        if not str(case.id).startswith(("person: field", "person: notation"))
        and " in a message" not in str(case.id).removeprefix("secret")
    ],
)
def test_hostile_value_is_in_no_error(name, person, planted):
    shown = ask(connected(name, planted), person)
    assert is_in(planted, *shown) == []


@pytest.mark.parametrize(("name", "person", "planted"), CASES)
@pytest.mark.parametrize("tool", ["vcrpy", "har"])
def test_hostile_value_is_not_converted(name, person, planted, tool, tmp_path):
    source = {"vcrpy": vcrpy, "har": har}[tool](tmp_path, name, person or PERSON, planted)
    target = tmp_path / "tape.jsonl"
    convert(source, target, None, redactor_for, 0.0)
    assert is_in(planted, target.read_text("utf-8")) == []


def redactor_for(provider: Provider) -> Redactor:
    return Redactor(provider, lambda: [HELD], b"k" * 32)


def vcrpy(folder: Path, name: str, person: dict[str, Any], planted: Planted) -> Path:
    headers = {"content-type": [planted.kind], **{n: [value] for n, value in planted.headers}}
    request = {
        "method": "POST",
        "uri": find(name).base_url + find(name).endpoint("create").path,
        "headers": {"content-type": ["application/json"]},
        "body": json.dumps(person),
    }
    body = {"base64_string": b64encode(planted.body).decode()}
    response = {"status": {"code": planted.status}, "headers": headers, "body": body}
    interactions = [{"request": request, "response": response}]
    path = folder / "theirs.json"
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    return path


def har(folder: Path, name: str, person: dict[str, Any], planted: Planted) -> Path:
    request = {
        "method": "POST",
        "url": find(name).base_url + find(name).endpoint("create").path,
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "postData": {"mimeType": "application/json", "text": json.dumps(person)},
    }
    headers = [("Content-Type", planted.kind), *planted.headers]
    response = {
        "status": planted.status,
        "headers": [{"name": name, "value": value} for name, value in headers],
        "content": {"mimeType": planted.kind, "text": planted.body.decode()},
    }
    entry = {"startedDateTime": "2026-01-05T09:00:00Z", "request": request, "response": response}
    path = folder / "theirs.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}))
    return path


def test_hostile_lists_are_long():
    assert len(SECRETS) >= 80 and len(PEOPLE) >= 70


@pytest.mark.parametrize(("name", "person", "planted"), CASES)
def test_hostile_value_is_found_by_an_audit(name, person, planted, tmp_path):
    """In a file that was written without redaction."""
    request = RecordedRequest(
        method="POST",
        url=find(name).base_url + find(name).endpoint("create").path,
        body=json.dumps({"custom": None}).encode(),
        content_type="application/json",
    )
    headers = (("content-type", planted.kind), *planted.headers)
    response = RecordedResponse(status=planted.status, headers=headers, body=planted.body)
    path = tmp_path / "old.jsonl"
    file = CassetteFile.create(path, provider=name, world="live", created=0.0)
    file.append(Exchange(request=request, response=response, at=1.0))
    redactor = redactor_for(find(name))
    for field, value in person.items():
        # As an earlier exchange of the file would have it.
        redactor.response(RecordedResponse(status=200, body=json.dumps({field: value}).encode()))
    findings = audit(path, redactor)
    assert 2 in findings["line"].tolist()
    assert is_in(planted, findings.to_csv()) == []


CELL = """
import warnings
warnings.simplefilter("ignore")
import logging
logging.basicConfig(level=logging.DEBUG, force=True)
from IPython.display import display
import contactkit as ck
from tests.cassette.redaction.test_hostile import CASES, ask, connected
for number, case in enumerate(CASES):
    name, person, planted = case.values
    client = connected(name, planted)
    with ck.record(client, f"{number}.jsonl") as cassette:
        shown = ask(client, person)
    display(client, cassette, cassette.frame())
    if not case.id.startswith(("person: field", "person: notation")):
        print(*shown[:1])
"""


def test_hostile_values_are_in_no_output_of_a_notebook(kernel, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(ck.__file__).parents[1]))
    shown = "\n".join(map(str, kernel(CELL, timeout=300).cells[0].outputs))
    assert shown.count("contactkit cassette") >= len(CASES)
    found = [case.id for case in CASES if is_in(case.values[2], shown)]
    assert found == []
