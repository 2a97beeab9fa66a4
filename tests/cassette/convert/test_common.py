"""What the recordings of other tools have in common."""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.cassette.convert.common import decode, read_text, timestamp
from contactkit.cassette.redaction.exchange import unreadable
from contactkit.errors import CassetteError

BROTLI = b"\x8b\x00\x80{}\x03"


def typed(encoding: str):
    return (("Content-Encoding", encoding), ("X-Kept", "1"))


@pytest.mark.parametrize("encoding", ["gzip", "X-Gzip", "deflate"])
def test_a_decoded_answer_is_called_encoded_no_more(encoding):
    assert decode(typed(encoding), b'{"a": 1}') == ((("X-Kept", "1"),), b'{"a": 1}')


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
@given(plain=st.binary(min_size=1))
def test_an_encoded_answer_is_decoded(encoding, compress, plain):
    assert decode(typed(encoding), compress(plain)) == ((("X-Kept", "1"),), plain)


@pytest.mark.parametrize(("encoding", "body"), [("br", BROTLI), ("gzip", b"\x1f\x8bnope")])
def test_a_body_that_cannot_be_decoded_names_its_encoding(encoding, body):
    headers, kept = decode(typed(encoding), body)
    assert (kept, unreadable(headers, kept)) == (body, encoding)
    assert unreadable((), body) == ""


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-05T09:00:00Z",
        "2026-01-05T10:00:00.000+01:00",
        "2026-01-05 09:00:00",
        "Mon, 05 Jan 2026 09:00:00 GMT",
        datetime(2026, 1, 5, 9),
    ],
)
def test_a_time_is_read_however_it_is_written(told):
    assert timestamp(told) == 1767603600.0


def test_what_is_no_time_is_a_value_error():
    with pytest.raises(ValueError):
        timestamp("yesterday")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CassetteError, match=r"nowhere.har: there is no such file"):
        read_text(tmp_path / "nowhere.har")
