"""Times, bodies and errors of other tools' cassettes."""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.cassette.convert.common import decode, read_text, timestamp
from contactkit.cassette.exchange import InvalidExchange
from contactkit.cassette.reader import MOST_UNPACKED
from contactkit.cassette.redaction.text import unreadable
from contactkit.errors import CassetteError

BROTLI = b"\x8b\x00\x80{}\x03"


def raw(plain: bytes) -> bytes:
    """Deflate without a header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(plain) + packer.flush()


def typed(encoding: str):
    return (("Content-Encoding", encoding), ("X-Kept", "1"))


@pytest.mark.parametrize("encoding", ["gzip", "X-Gzip", "deflate"])
def test_decode_drops_the_encoding_of_a_decoded_body(encoding):
    assert decode(typed(encoding), b'{"a": 1}') == ((("X-Kept", "1"),), b'{"a": 1}')


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw),
    ],
)
@given(plain=st.binary(min_size=1))
def test_decode_undoes_gzip_and_deflate(encoding, compress, plain):
    assert decode(typed(encoding), compress(plain)) == ((("X-Kept", "1"),), plain)


@pytest.mark.parametrize(("encoding", "body"), [("br", BROTLI), ("gzip", b"\x1f\x8bnope")])
def test_decode_leaves_an_unknown_encoding(encoding, body):
    headers, kept = decode(typed(encoding), body)
    assert (kept, unreadable(headers, kept)) == (body, encoding)
    assert unreadable((), body) == ""


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-05T09:00:00Z",
        "2026-01-05T10:00:00.000+01:00",
        "2026-01-05 09:00:00",
        "Mon, 05 Jan 2026 09:00:00 GMT",
        datetime(2026, 1, 5, 9),
    ],
)
def test_timestamp_reads_iso_and_http_times(time):
    assert timestamp(time) == 1767603600.0


def test_timestamp_refuses_other_text():
    with pytest.raises(ValueError):
        timestamp("yesterday")


def test_read_text_names_a_missing_file(tmp_path):
    with pytest.raises(CassetteError, match=r"nowhere.har: there is no such file"):
        read_text(tmp_path / "nowhere.har")


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", raw)])
def test_decode_refuses_a_body_that_expands_too_far(encoding, compress):
    bomb = compress(bytes(MOST_UNPACKED + 1))
    with pytest.raises(InvalidExchange, match="expands to more than"):
        decode(typed(encoding), bomb)
    assert len(decode(typed(encoding), compress(bytes(MOST_UNPACKED)))[1]) == MOST_UNPACKED


def test_decode_keeps_what_a_truncated_body_holds():
    assert decode(typed("gzip"), gzip.compress(b"{}" * 99)[:-9])[1].startswith(b"{}{}")
