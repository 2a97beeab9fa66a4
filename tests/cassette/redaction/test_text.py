"""Charsets, compression, JSON and quoting, and that other text is left alone."""

from __future__ import annotations

import gzip
import zlib

import pytest

from contactkit._redact.encodings import inflate
from contactkit.cassette.redaction.text import charset_of, is_json, quote_like


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
def test_charset_of_gives_the_same_bytes(body, kind, code):
    assert charset_of(body, kind) == code


@pytest.mark.parametrize("content", [gzip.compress(b"abc", mtime=0), zlib.compress(b"abc")])
def test_inflate_reads_as_far_as_it_can(content):
    assert inflate(content) == inflate(content + b"more") == b"abc"
    assert b"abc".startswith(inflate(content[:-6]))


@pytest.mark.parametrize("content", [b"", b"x", b"x is text", b"\x1f\x8bnothing", b"{}"])
def test_inflate_of_other_bytes_is_empty(content):
    assert inflate(content) == b""


def test_is_json_of_nested_and_broken_text():
    assert is_json("[1]") and not is_json("[1") and not is_json("[" * 100_000)


def test_quote_like_leaves_unquoted_characters():
    assert quote_like("a%20b", "a b") == "a%20b"
    assert quote_like("+1415", "+1416") == "+1416"
    assert quote_like("%2B1415", "+1416") == "%2B1416"
