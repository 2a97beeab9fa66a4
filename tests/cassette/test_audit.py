"""An audit of a file: its findings, which quote none of the values.

The people are invented: their numbers are not assigned, and their addresses end in .invalid.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode

import pandas as pd
import pytest

from contactkit._frames.frame import STRING
from contactkit._providers import find
from contactkit.cassette.audit import audit
from contactkit.cassette.exchange import RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError
from tests.support.exchanges import begun, contact, exchange, page

HELD, EMAIL, PHONE = "the-credential-held", "zenobia.quill@post.invalid", "+14155550234"
KEY = b"a key of thirty-two bytes, no more"


def redaction(key: bytes = KEY, owners: dict[str, str] | None = None) -> Redactor:
    return Redactor(find("sent"), lambda: [HELD], key, owners)


def recorded(path, *bodies):
    """A file of these responses."""
    file = begun(path)
    for body in bodies:
        file.append(exchange(body=body))
    return path


def test_audit_of_a_clean_file_is_empty(tmp_path):
    path = recorded(tmp_path / "a.jsonl", page([contact(n) for n in range(50)]))
    findings = audit(path, redaction())
    assert findings.empty
    assert findings.dtypes.to_dict() == {
        "line": pd.Int64Dtype(),
        "kind": STRING,
        "byte": pd.Int64Dtype(),
        "hidden": STRING,
    }


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_audit_names_kind_and_place(tmp_path, name):
    bodies = [{"é": EMAIL}, {"to": PHONE}, {"key": f"x {HELD}"}]
    path = recorded(tmp_path / name, *bodies)
    data = path.read_bytes()
    lines = (gzip.decompress(data) if name.endswith("gz") else data).splitlines()
    findings = audit(path, redaction())
    assert findings["line"].tolist() == [2, 3, 4]
    assert findings["kind"].tolist() == ["e-mail address", "phone number", "credential"]
    values = [EMAIL, PHONE, HELD]
    places = [line.index(value.encode()) for line, value in zip(lines[1:], values, strict=True)]
    assert findings["byte"].tolist() == places
    assert findings["hidden"].isna().all()
    assert not any(value in findings.to_csv() for value in values)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("+1%20415%20555%200234", "percent-encoding"),
        (b64encode(f"for {EMAIL}".encode()).decode(), "base64"),
    ],
)
def test_audit_names_the_encoding_of_a_value(tmp_path, text, hidden):
    findings = audit(recorded(tmp_path / "a.jsonl", {"note": text}), redaction())
    assert findings["hidden"].tolist() == [hidden]
    assert findings["byte"].isna().tolist() == [hidden != "base64"]


def test_audit_reports_a_plain_value_once(tmp_path):
    note = {"note": f"{EMAIL} 100%25 \\u00e9", "more": b64encode(EMAIL.encode()).decode()}
    findings = audit(recorded(tmp_path / "a.jsonl", note), redaction())
    assert findings["hidden"].tolist() == [pd.NA, "base64"]


def test_audit_under_another_key_accepts_listed_pseudonyms(tmp_path):
    owners: dict[str, str] = {}
    first = redaction(owners=owners)
    request = RecordedRequest(method="GET", url="")
    body = json.dumps({"data": contact(1, phone_number="+911000005678")}).encode()
    _, answer = first.exchange(request, RecordedResponse(status=200, body=body))
    path = recorded(tmp_path / "a.jsonl", answer.body)
    assert audit(path, redaction(b"another", dict(owners))).empty
    assert audit(path, redaction(b"another"))["kind"].tolist() == ["phone number"]


def test_audit_reads_a_file_that_is_no_cassette(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xff\xfe\n" + f"call {PHONE}".encode())
    assert audit(path, redaction())[["line", "byte"]].to_numpy().tolist() == [[2, 5]]


def test_audit_reads_a_truncated_file(tmp_path):
    path = recorded(tmp_path / "a.jsonl.gz", {"to": PHONE}, {"to": PHONE})
    path.write_bytes(path.read_bytes()[:-12])
    assert audit(path, redaction())["line"].tolist() == [2]


@pytest.mark.parametrize(("data", "why"), [(None, "no such file"), (b"a", "cannot be read")])
def test_audit_of_an_unreadable_file_is_an_error(tmp_path, data, why):
    path = tmp_path / "a.jsonl.gz"
    if data:
        path.write_bytes(data)
    with pytest.raises(CassetteError, match=why):
        audit(path, redaction())
