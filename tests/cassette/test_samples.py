"""Recordings of version 0.1 in samples/, made by its code, still replay and are audited and pruned.

`bodies` has JSON in the four styles that 0.1 kept, long lists, compressed, binary and chunked
bodies and failures; `people` (Privy) and `keys` (Sendblue) have pseudonyms, asked for by the real
values.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.convert import convert
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.frame import audit
from contactkit.cassette.redaction.key import VARIABLE
from contactkit.cassette.redaction.redactor import Redactor

SAMPLES = Path(__file__).parent / "samples"
KEY = "the key of the samples"
NAMES = ("bodies", "keys", "people")
URL = "https://api.sent.dm"
STYLES: dict[str, dict[str, Any]] = {
    "plain": {"separators": (",", ":"), "ensure_ascii": False},
    "ascii": {"separators": (",", ":")},
    "spaced": {"ensure_ascii": False},
    "spaced-ascii": {},
}
NOTE = {"note": "naïve ☃", "n": [1, 2.5, None]}
CONTACTS = {
    "data": {
        "contacts": [
            {
                "id": f"6ba7b810-9dad-11d1-80b4-{number:012}",
                "format_e164": f"+1202555{100 + number:04}",
                "note": "naïve café " * 4,
            }
            for number in range(12)
        ]
    },
    "success": True,
}
SQUEEZED = json.dumps({"squeezed": "ï" * 20}, **STYLES["plain"]).encode()
BODIES: dict[str, bytes] = {
    **{f"bodies/{name}": json.dumps(NOTE, **style).encode() for name, style in STYLES.items()},
    **{f"lists/{name}": json.dumps(CONTACTS, **style).encode() for name, style in STYLES.items()},
    "lists/gzip": json.dumps(CONTACTS, **STYLES["spaced"]).encode(),
    "bodies/gzip": SQUEEZED,
    "bodies/deflate": SQUEEZED,
    "bodies/raw-deflate": SQUEEZED,
    "bodies/gzip-person": b'{"phone_number":"+16085550101"}',
    "bodies/binary": bytes(range(256)),
    "bodies/text": "<p>naïve</p>\n".encode(),
    "bodies/latin-1": "naïve".encode("latin-1"),
    "bodies/no-json": b'{"a": NaN, "b":  1}',
    "bodies/chunks": b'{"chunked":true}',
    "bodies/empty": b"",
}
PERSON = {
    "email": "zenobia.quill@post.invalid",
    "first_name": "Zenobia",
    "last_name": "Quillfeather",
    "phone_number": "+14155552671",
}


@pytest.fixture(autouse=True)
def key_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def bodies() -> httpx.Client:
    cassette = ck.Cassette(SAMPLES / "bodies.jsonl", "replay", exhausted="last")
    return httpx.Client(transport=cassette.transport(find("sent")))


@pytest.mark.parametrize("path", BODIES)
def test_sample_replays_each_body(path: str, bodies: httpx.Client) -> None:
    assert bodies.get(f"{URL}/v3/{path}").content == BODIES[path]


def test_sample_finds_a_request_by_its_body(bodies: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    for path, content in {
        "compact": b'{"opt_out":true}',
        "spaced": b'{"opt_out": true, "note": "na\\u00efve"}',
    }.items():
        assert bodies.post(f"{URL}/v3/bodies/{path}", content=content, headers=headers).content


@pytest.mark.parametrize(
    ("kind", "error"), [("connect", httpx.ConnectError), ("read", httpx.ReadTimeout)]
)
def test_sample_replays_a_failure(kind: str, error: type[Exception], bodies: httpx.Client) -> None:
    with pytest.raises(error):
        bodies.get(f"{URL}/v3/failures/{kind}")


def test_sample_finds_a_person_by_real_values() -> None:
    client = ck.connect("privy", via=ck.Cassette(SAMPLES / "people.jsonl", "replay"))
    key = client.contacts.create(**PERSON)["key"].item()
    assert client.contacts.get(key)["sms_consent"].item() == "never_subscribed"
    client.contacts.update(key, sms_consent="unsubscribed")
    after = client.contacts.get(key)
    assert after["sms_consent"].item() == "unsubscribed"
    people = client.contacts.list()
    assert after["email"].item() in set(people["email"])


def test_sample_finds_a_key_by_its_real_value() -> None:
    cassette = ck.Cassette(SAMPLES / "keys.jsonl", "replay")
    wire = httpx.Client(transport=cassette.transport(find("sendblue")))
    contacts = "https://api.sendblue.co/api/v2/contacts"
    one = f"{contacts}/%2B14155552671"
    new = {"first_name": PERSON["first_name"]}
    wire.post(
        contacts,
        json={"number": PERSON["phone_number"], **new, "assigned_to_email": PERSON["email"]},
    )
    before = wire.get(one).json()["contact"]
    wire.post(contacts, json={"number": "+4915123456781", **new})
    wire.put(one, json={"opt_out": True})
    after = wire.get(one).json()["contact"]
    assert (before["opt_out"], after["opt_out"]) == (False, True)
    assert before["first_name"] == after["first_name"] != PERSON["first_name"]


@pytest.mark.parametrize("name", NAMES)
def test_sample_passes_the_audit(name: str) -> None:
    path = SAMPLES / f"{name}.jsonl"
    file = CassetteFile.load(path)
    redaction = Redactor(find(file.header["provider"]), list[str], KEY.encode(), file.owners)
    assert audit(path, redaction).empty


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_pruned_and_rewritten(name: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(SAMPLES / f"{name}.jsonl", tmp_path))
    file = CassetteFile.load(path)
    count = len(file.entries)
    assert file.prune(0.0) == 0
    file.rewrite(file.entries)
    assert path.read_bytes() == (SAMPLES / path.name).read_bytes()
    assert file.prune(file.entries[-1].at + 1) == count


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_converted(name: str, tmp_path: Path) -> None:
    source, archive = SAMPLES / f"{name}.jsonl", tmp_path / "sample.har"

    def redactor(provider: Any) -> Redactor:
        return Redactor(provider, list[str], KEY.encode())

    assert convert(source, archive, None, redactor, 0.0) is None
    again = convert(archive, tmp_path / "again.jsonl", None, redactor, 0.0)
    assert again and len(again.entries) == len(CassetteFile.load(source).entries)
