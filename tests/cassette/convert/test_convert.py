"""Cassettes converted from one format into another."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from pathlib import Path

import pytest

from contactkit._providers import find
from contactkit.cassette.convert import convert
from contactkit.cassette.convert.common import exchanges_of
from contactkit.cassette.convert.har import read_har
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.redaction.key import fingerprint
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError, ContactKitWarning
from tests.support.exchanges import begun, exchange

WITNESSES = Path(__file__).parent / "witnesses"
SECRET = "sk_live_a1b2c3d4e5f6"
REAL = "+14155552671"
BINARY = ("application/octet-stream",)
SENT, OTHER = "https://api.sent.dm/v3", "https://api.sendblue.co"


def redactor_for(provider):
    return Redactor(provider, lambda: [SECRET], b"k" * 32)


def converted(source, target, provider=None, redactor_for=redactor_for, allow=BINARY):
    return convert(source, target, provider, redactor_for, 1767603600.0, allow)


def foreign(folder: Path, *requests: tuple[str, str], answer: object = None, **about) -> Path:
    """A cassette of vcrpy with these requests."""
    response = {"status": {"code": 200}, "headers": {}, "body": {"string": json.dumps(answer)}}
    interactions = [
        {
            "request": {"method": method, "uri": uri, "headers": {"x-api-key": [SECRET]}},
            "response": {**response, **about},
        }
        for method, uri in requests
    ]
    path = folder / "theirs.json"
    path.write_text(json.dumps({"version": 1, "interactions": interactions}))
    return path


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["vcrpy/httpx.yaml", "vcrpy/httpx_decoded.json"])
@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_convert_reads_vcrpy(tmp_path, name, ending):
    file = converted(WITNESSES / name, tmp_path / f"made.{ending}")
    assert file and file.path == tmp_path / f"made.{ending}"
    assert only(tmp_path) == [f"made.{ending}"]
    header = {"provider": "sent", "world": "live", "created": "2026-01-05T09:00:00+00:00"}
    assert header.items() <= file.header.items()
    first = file.entries[0].exchange
    # The name is that of a contact, whose page spells it with a combining mark.
    assert re.fullmatch(r"Name \w{8}", dict(first.request.query)["search"])
    assert b"12345678901234567890123" in first.response.body


def test_convert_reads_and_writes_an_archive(tmp_path):
    file = converted(WITNESSES / "har/playwright.har", tmp_path / "a.jsonl")
    assert file and file.entries[-1].exchange.response.failure == "ConnectError"
    assert converted(tmp_path / "a.jsonl", tmp_path / "b.har") is None
    back = converted(tmp_path / "b.har", tmp_path / "c.jsonl")
    assert back and kept(back) == kept(file)
    converted(WITNESSES / "har/playwright.har", tmp_path / "d.har")
    assert (tmp_path / "d.har").read_bytes() == (tmp_path / "b.har").read_bytes()


def kept(file: CassetteFile) -> list[Exchange]:
    return [entry.exchange for entry in file.entries]


def test_convert_redacts_secrets_and_people(tmp_path):
    path = foreign(tmp_path, ("GET", f"{SENT}/me?q={SECRET}"), answer={"phone_number": REAL})
    for name in ("a.jsonl", "a.har"):
        converted(path, tmp_path / name)
        written = (tmp_path / name).read_text()
        assert SECRET not in written and REAL not in written and "phone_number" in written


def test_convert_redacts_a_name_before_its_field(tmp_path):
    name = "Bartholomew Quillfeather"
    path = foreign(tmp_path, ("GET", f"{OTHER}/a"), ("GET", f"{OTHER}/b"))
    document = json.loads(path.read_text())
    greeted, marked = document["interactions"]
    greeted["response"]["body"] = {"string": json.dumps({"message": f"Greetings to {name}."})}
    marked["response"]["body"] = {"string": json.dumps({"first_name": name})}
    path.write_text(json.dumps(document))
    converted(path, tmp_path / "a.jsonl")
    assert "Quillfeather" not in (tmp_path / "a.jsonl").read_text()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.har"])
def test_convert_refuses_what_redaction_missed(tmp_path, name):
    class Blind(Redactor):
        def text(self, text, bare=True):
            return text

    path = foreign(tmp_path, ("GET", f"{SENT}/me"), answer={"note": f"call {REAL}"})
    with pytest.raises(CassetteError, match=r"would contain .* at byte \d+") as refused:
        converted(path, tmp_path / name, None, lambda provider: Blind(provider, list, b"k" * 32))
    assert REAL not in str(refused.value)
    assert only(tmp_path) == ["theirs.json"]


def test_convert_refuses_a_body_that_cannot_be_searched(tmp_path):
    message = r"exchange 6 .*its response is application/octet-stream.*allow=\("
    with pytest.raises(CassetteError, match=message):
        converted(WITNESSES / "vcrpy/httpx.yaml", tmp_path / "a.jsonl", allow=())
    assert only(tmp_path) == []


def test_convert_counts_epochs(tmp_path):
    path = foreign(
        tmp_path,
        ("GET", f"{SENT}/contacts"),
        ("POST", f"{SENT}/contacts"),
        ("GET", f"{SENT}/contacts"),
        ("PATCH", f"{SENT}/contacts/1"),
        ("GET", f"{SENT}/contacts/2"),
    )
    file = converted(path, tmp_path / "a.jsonl")
    assert file and [entry.epoch for entry in file.entries] == [0, 0, 1, 0, 1]


def test_convert_leaves_out_other_hosts(tmp_path):
    requests = ("GET", f"{SENT}/me"), ("GET", "https://example.com/a"), ("GET", "https://[bad/b")
    with pytest.warns(ContactKitWarning, match="other hosts are left out: 2") as warnings:
        file = converted(foreign(tmp_path, *requests), tmp_path / "a.jsonl")
    assert file and len(file.entries) == 1 and len(warnings) == 1


@pytest.mark.parametrize("broken", [{"status": "x"}, {"headers": 5}, {"body": 5}])
def test_convert_leaves_out_what_other_hosts_broke(tmp_path, broken):
    path = foreign(tmp_path, ("GET", f"{SENT}/me"), ("GET", "https://example.com/a"))
    document = json.loads(path.read_text())
    document["interactions"][1]["response"] |= broken
    path.write_text(json.dumps(document))
    with pytest.warns(ContactKitWarning, match="other hosts are left out: 1"):
        file = converted(path, tmp_path / "a.jsonl")
    assert file and len(file.entries) == 1
    document["interactions"][0]["response"] |= broken
    path.write_text(json.dumps(document))
    with pytest.raises(CassetteError, match="exchange 1"):
        converted(path, tmp_path / "b.jsonl")


def test_convert_needs_a_name_for_one_of_two_providers(tmp_path):
    path = foreign(tmp_path, ("GET", f"{SENT}/me"), ("GET", f"{OTHER}/api/v2/contacts"))
    with pytest.raises(CassetteError, match="sendblue and sent: name the provider"):
        converted(path, tmp_path / "a.jsonl")
    with pytest.warns(ContactKitWarning, match="other hosts are left out: 1"):
        file = converted(path, tmp_path / "a.jsonl", find("sendblue"))
    assert file and file.header["provider"] == "sendblue"


def test_convert_keeps_the_host_of_a_token(tmp_path):
    path = foreign(tmp_path, ("POST", "https://dashboard.privy.com/oauth/token"))
    file = converted(path, tmp_path / "a.jsonl")
    assert file and file.header["provider"] == "privy"


def test_convert_needs_a_name_for_another_address(tmp_path):
    path = foreign(tmp_path, ("GET", "http://127.0.0.1:8000/v3/me"))
    with pytest.raises(CassetteError, match=r"api\.privy\.com.*name the provider"):
        converted(path, tmp_path / "a.jsonl")
    file = converted(path, tmp_path / "a.jsonl", find("sent"))
    assert file and (file.header["world"], len(file.entries)) == ("unknown", 1)


def test_convert_refuses_a_provider_without_exchanges(tmp_path):
    path = foreign(tmp_path, ("GET", "https://example.com/a"), ("GET", "https://example.org/a"))
    with pytest.raises(CassetteError, match=r"no exchange with sent \(api\.sent\.dm\)"):
        converted(path, tmp_path / "a.jsonl", find("sent"))


def test_convert_refuses_an_unknown_compression(tmp_path):
    body = {"base64_string": b64encode(b"\x8b\x00\x80{}\x03").decode()}
    path = foreign(tmp_path, ("GET", f"{SENT}/me"), headers={"content-encoding": ["br"]}, body=body)
    with pytest.raises(CassetteError, match="allowed are gzip, deflate and none"):
        converted(path, tmp_path / "a.jsonl")


def test_convert_keeps_our_own_lines(tmp_path):
    file = begun(tmp_path / "a.jsonl")
    file.append(exchange(body={"a": 1}, at=1.0))
    header, line = file.path.read_bytes().splitlines()
    mine = header[:-1] + b',"mine":1}\n' + line[:-1] + b',"mine":2}\n'
    file.path.write_bytes(mine)
    converted(file.path, tmp_path / "b.jsonl.gz")
    assert gzip.decompress((tmp_path / "b.jsonl.gz").read_bytes()) == mine
    converted(tmp_path / "b.jsonl.gz", tmp_path / "c.jsonl")
    assert (tmp_path / "c.jsonl").read_bytes() == mine


def test_convert_writes_an_archive(tmp_path):
    file = begun(tmp_path / "a.jsonl")
    file.append(exchange("/contacts", {"a": 1}, at=1.0))
    assert converted(file.path, tmp_path / "sub/a.har") is None
    assert exchanges_of(read_har(tmp_path / "sub/a.har"))[0].response.body == b'{"a":1}'


def test_convert_refuses_an_existing_target(tmp_path):
    (tmp_path / "a.jsonl").write_text("mine")
    with pytest.raises(CassetteError, match="the file already exists"):
        converted(foreign(tmp_path, ("GET", f"{SENT}/me")), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == "mine"


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("a.txt", "b.jsonl", r"a\.txt: .* \.jsonl, \.jsonl\.gz, \.yaml, \.yml, \.json, \.har"),
        ("a.har", "b.yaml", r"b\.yaml: .* \.jsonl, \.jsonl\.gz, \.har"),
        ("a.har", "b.gz", r"b\.gz: "),
    ],
)
def test_convert_refuses_other_file_names(tmp_path, source, target, allowed):
    with pytest.raises(CassetteError, match=allowed):
        converted(tmp_path / source, tmp_path / target)


def test_convert_of_a_broken_file_leaves_nothing(tmp_path):
    source = tmp_path / "a.jsonl"
    CassetteFile.create(source, provider="sent", world="live", created=0.0)
    source.write_text(source.read_text() + "nothing\n")
    with pytest.raises(CassetteError, match="line 2"):
        converted(source, tmp_path / "b.jsonl")
    assert only(tmp_path) == ["a.jsonl"]


def test_convert_writes_owners_and_key(tmp_path):
    answer = {"to": "+442079460018", "phone_number": "+442071838750"}
    path = foreign(tmp_path, ("GET", f"{SENT}/me"), answer=answer)
    file = converted(path, tmp_path / "a.jsonl")
    assert file and file.header["key"] == fingerprint(b"k" * 32)
    pseudonym = json.loads(file.entries[0].exchange.response.body)["phone_number"]
    assert pseudonym in file.owners and pseudonym != answer["phone_number"]
