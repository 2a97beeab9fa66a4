"""How a text is written, and that what is no such text is left alone."""

from __future__ import annotations

import gzip
import zlib

import pytest

from contactkit.cassette.redaction.text import charset_of, inflate, is_json, quote_like


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{}", "text/plain; charset=iso-8859-1", "utf-8"),
        ("no Zo\xeb".encode("latin-1"), "text/plain; charset=iso-8859-1", "iso-8859-1"),
        (b"\xff\xfe\x00\x81\x00", "image/png", "utf-8"),
        (b"\xe9", "text/plain; charset=none-such", "utf-8"),
        ('{"a": 1}'.encode("utf-16-le"), "", "utf-16-le"),
        ('{"a": 1}'.encode("utf-16"), "application/json", "utf-16"),
    ],
)
def test_the_code_is_one_that_gives_the_same_bytes(body, kind, code):
    assert charset_of(body, kind) == code


@pytest.mark.parametrize("content", [gzip.compress(b"abc", mtime=0), zlib.compress(b"abc")])
def test_what_is_compressed_is_read_as_far_as_it_goes(content):
    assert inflate(content) == inflate(content + b"more") == b"abc"
    assert b"abc".startswith(inflate(content[:-6]))


@pytest.mark.parametrize("content", [b"", b"x", b"x is text", b"\x1f\x8bnothing", b"{}"])
def test_what_is_not_compressed_holds_nothing(content):
    assert inflate(content) == b""


def test_what_is_too_deep_is_no_json():
    assert is_json("[1]") and not is_json("[1") and not is_json("[" * 100_000)


def test_what_was_unquoted_stays_unquoted():
    assert quote_like("a%20b", "a b") == "a%20b"
    assert quote_like("+1415", "+1416") == "+1416"
    assert quote_like("%2B1415", "+1416") == "%2B1416"
