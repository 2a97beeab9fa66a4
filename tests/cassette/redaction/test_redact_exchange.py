"""What a recording keeps of an exchange."""

from __future__ import annotations

import gzip
import json

import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.recorder import redact_exchange
from contactkit.cassette.redaction.redactor import Redactor

SECRET = "sk_live_a1b2c3d4e5f6"
REAL = "+14155552671"
REQUEST = RecordedRequest(method="get", url="https://api.sent.dm/v3/me")


def kept(request=REQUEST, elapsed=0.0, **response):
    redactor = Redactor(find("sent"), lambda: [SECRET], b"k" * 32)
    raw = Exchange(request=request, response=RecordedResponse(**response), at=5.0, elapsed=elapsed)
    return redact_exchange(raw, find("sent"), redactor)


def test_redact_exchange_without_a_response():
    request = RecordedRequest(
        method="post",
        url="https://api.sent.dm/v3/me",
        query=(("b", "1"), ("a", SECRET)),
        headers=(("X-Api-Key", SECRET),),
    )
    exchange = kept(request=request, failure="ReadTimeout", sent=True, elapsed=30.0)
    assert exchange.response == RecordedResponse(failure="ReadTimeout", sent=True)
    assert (exchange.at, exchange.elapsed) == (5.0, 30.0)
    assert exchange.request.method == "POST"
    assert SECRET not in repr(vars(exchange.request))
    assert [name for name, _ in exchange.request.query] == ["a", "b"]


def test_repr_of_an_exchange_shows_no_value():
    request = RecordedRequest(
        method="GET", url=f"https://h/{REAL}", headers=(("X-Api-Key", SECRET),)
    )
    response = RecordedResponse(status=200, body=REAL.encode())
    text = repr(Exchange(request=request, response=response, at=0.0))
    assert REAL not in text and SECRET not in text


def test_redact_exchange_refuses_an_unknown_compression():
    zstd = b"\x28\xb5\x2f\xfd\x24\x05\x29\x00\x00" + b"hello" + b"\xff\xfe"
    with pytest.raises(ck.CassetteError, match="compressed as zstd"):
        kept(status=200, headers=(("content-encoding", "zstd"),), body=zstd)
    assert kept(status=200, body=zstd).response.body == zstd
    assert kept(status=204, headers=(("content-encoding", "br"),)).response.body == b""


def test_redact_exchange_looks_into_a_compressed_body():
    body = gzip.compress(json.dumps({"phone_number": REAL}).encode())
    assert REAL.encode() not in gzip.decompress(kept(status=200, body=body).response.body)
