"""Cassettes of version 0.1, recorded by its code, still replay and are audited and converted.

`bodies` has JSON in the four styles that 0.1 kept, long lists, compressed, binary and chunked
bodies, and failures. `writes` are writes of consent, and deletions, which 0.1 sent without reading
the contact first. The samples with pseudonyms are those of the redaction's tests.
"""

from __future__ import annotations

import json
import shutil
from inspect import isawaitable
from operator import methodcaller
from pathlib import Path
from typing import Any

import httpx
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.audit import audit
from contactkit.cassette.convert import convert
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.redaction.key import VARIABLE
from contactkit.cassette.redaction.redactor import Redactor
from tests.support.consent import YES
from tests.support.providers import EXAMPLES

HERE = Path(__file__).parent
BODIES_FILE = HERE / "samples/bodies.jsonl"
SAMPLES = sorted([*HERE.glob("samples/*.jsonl"), *HERE.glob("redaction/samples/*.jsonl")])
KEY = "the key of the samples"
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


@pytest.fixture(autouse=True)
def key_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def bodies() -> httpx.Client:
    cassette = ck.Cassette(BODIES_FILE, "replay", exhausted="last")
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


def test_sample_passes_the_audit() -> None:
    file = CassetteFile.load(BODIES_FILE)
    redactor = Redactor(find("sent"), list[str], KEY.encode(), file.owners)
    assert audit(BODIES_FILE, redactor).empty


@pytest.mark.filterwarnings("ignore:Sent deprecated deleting:DeprecationWarning")
@pytest.mark.parametrize("client", ["sync", "async"])
async def test_writes_of_consent_replay_without_a_read(name: str, client: str) -> None:
    key, yes = EXAMPLES[name].key, {**YES, "privy": {"email_consent": "subscribed"}}[name]
    confirmed = {"confirm": True} if find(name).endpoint("delete").confirm else {}
    calls = {
        "sendblue": [
            methodcaller("verify", key),
            methodcaller("opt_out", key, opted_out=False),
            methodcaller("bulk_delete", ["+15165550176", "+17545550133"]),
        ],
        "digital_onboarding": [methodcaller("upsert", [{"unique_id": "core-10002", **yes}])],
    }
    outcomes: list[str] = []
    cassette = ck.Cassette(HERE / f"samples/writes-{name}.jsonl", "replay", exhausted="error")
    connected = ck.connect(name, via=cassette)
    contacts = connected.contacts if client == "sync" else connected.aio.contacts
    update = methodcaller("update", key, **yes)
    for call in (update, *calls.get(name, []), methodcaller("delete", key, **confirmed)):
        result = call(contacts)
        outcomes += (await result if isawaitable(result) else result)["outcome"].tolist()
    assert cassette.unused().empty
    assert {*outcomes} == {"updated", "deleted"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_pruned_and_rewritten(sample: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sample, tmp_path))
    file = CassetteFile.load(path)
    count = len(file.entries)
    assert file.prune(0.0) == 0
    file.rewrite(file.entries)
    assert path.read_bytes() == sample.read_bytes()
    assert file.prune(file.entries[-1].at + 1) == count


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_converted(sample: Path, tmp_path: Path) -> None:
    archive = tmp_path / "sample.har"

    def redactor(provider: Any) -> Redactor:
        return Redactor(provider, list[str], KEY.encode())

    assert convert(sample, archive, None, redactor, 0.0) is None
    binary = ("application/octet-stream",)
    again = convert(archive, tmp_path / "again.jsonl", None, redactor, 0.0, binary)
    assert again and len(again.entries) == len(CassetteFile.load(sample).entries)
