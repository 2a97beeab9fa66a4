"""What a recording keeps of an exchange as it was on the wire."""

from __future__ import annotations

import gzip
import json

import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.body import decompressed
from contactkit.cassette.redaction.exchange import RawExchange, redacted
from contactkit.cassette.redaction.redactor import Redactor, Request

SECRET = "sk_live_a1b2c3d4e5f6"
REAL = "+14155552671"


def kept(**about):
    request = about.pop("request", None) or Request(method="get", url="https://api.sent.dm/v3/me")
    redaction = Redactor(find("sent"), lambda: [SECRET], b"k" * 32)
    return redacted(RawExchange(request=request, at=5.0, **about), find("sent"), redaction)


def test_the_answer_says_how_long_it_is_once_its_people_are_replaced():
    body = json.dumps({"phone_number": REAL, "first_name": "Bartholomew"}).encode()
    headers = (("Content-Length", str(len(body))), ("Content-Type", "application/json"))
    found = kept(status=200, headers=headers, content=body)
    assert REAL.encode() not in found.content
    assert dict(found.headers)["Content-Length"] == str(len(found.content))


def test_a_compressed_answer_stays_compressed_and_holds_nobody():
    body = gzip.compress(json.dumps({"phone_number": REAL}).encode())
    found = kept(status=200, headers=(("content-encoding", "gzip"),), content=body)
    plain = decompressed(found.content, "gzip")
    assert plain and REAL.encode() not in plain


def test_an_answer_without_people_keeps_its_bytes_and_its_chunks():
    body = gzip.compress(b'{"a": 1}')
    headers = (("content-encoding", "gzip"),)
    found = kept(status=200, headers=headers, content=body, chunks=(3, len(body) - 3))
    assert (found.content, found.chunks) == (body, (3, len(body) - 3))


@pytest.mark.parametrize("chunks", [(4, 4, 4), (1, 100)])
def test_a_changed_answer_comes_in_as_many_chunks(chunks):
    body = json.dumps({"phone_number": "+4930123456"}).encode()
    found = kept(status=200, content=body, chunks=chunks)
    assert len(found.chunks) == len(chunks)
    assert sum(found.chunks) == len(found.content)


def test_one_chunk_is_not_worth_a_word():
    assert kept(status=200, content=b"{}", chunks=(2,)).chunks == ()


def test_a_failure_is_kept_with_its_request_and_without_its_secrets():
    request = Request(
        method="post",
        url="https://api.sent.dm/v3/me",
        query=(("b", "1"), ("a", SECRET)),
        headers=(("X-Api-Key", SECRET),),
    )
    found = kept(request=request, failure="ReadTimeout", sent=True, elapsed=30.0)
    assert (found.failure, found.sent, found.status, found.elapsed) == (
        "ReadTimeout",
        True,
        None,
        30.0,
    )
    assert found.asked.method == "POST"
    assert SECRET not in repr(vars(found.asked))
    assert [name for name, _ in found.asked.query] == ["a", "b"]


def test_what_was_heard_shows_nothing_of_it():
    request = Request(method="GET", url=f"https://h/{REAL}", headers=(("X-Api-Key", SECRET),))
    text = repr(RawExchange(request=request, status=200, content=REAL.encode(), at=0.0))
    assert REAL not in text and SECRET not in text


def test_what_is_compressed_in_a_way_that_nothing_can_look_into_is_not_kept():
    zstd = b"\x28\xb5\x2f\xfd\x24\x05\x29\x00\x00" + b"hello" + b"\xff\xfe"
    with pytest.raises(ck.CassetteError, match="compressed as zstd"):
        kept(status=200, headers=(("content-encoding", "zstd"),), content=zstd)
    assert kept(status=200, content=zstd).content == zstd
    assert kept(status=204, headers=(("content-encoding", "br"),)).content == b""
