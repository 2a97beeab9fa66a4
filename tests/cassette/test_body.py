"""Bodies to JSON values and back: the same bytes, readable where they can be, never in silence."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.cassette.body import compressed, decompressed, dumped, explode, pack, unpack

LONG = {"data": {"contacts": [{"id": str(n), "name": "x" * 300} for n in range(10)]}, "next": None}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def kept(packed: dict[str, Any]) -> dict[str, Any]:
    """A packed body after a journey through a file."""
    return json.loads(json.dumps(packed))


def kind(content: bytes) -> str:
    """What a body is kept as."""
    return next((name for name in ("json", "text", "base64") if name in pack(content)), "")


@pytest.mark.parametrize(
    ("content", "as_what"),
    [
        (b'{"id":12345678901234567890123}', "json"),
        ('{"name":"Zoe\u0308"}'.encode(), "json"),
        (b'{"name":"Zo\\u00eb"}', "json"),
        (b'{"a": 1, "b": [2, 3]}', "json"),
        (b'{"a":1.0}', "json"),
        (b'"\\ud800"', "json"),
        (b"null", "json"),
        (b'{"a":1,"a":2}', "text"),
        (b'{ "a" :1}\r\n', "text"),
        (b'{"a":1e5}', "text"),
        (b"-0", "text"),
        (b"NaN", "text"),
        (b"1" * 5000, "text"),
        (b"[" * 100_000, "text"),
        (b'{"a":"\\/"}', "text"),
        ("\ufeff{}".encode(), "text"),
        ("line\u2028line\0".encode(), "text"),
        (b"<html>", "text"),
        (b'{"a":"\xff"}', "base64"),
        (b"\xed\xa0\x80", "base64"),
        (bytes(range(256)), "base64"),
        (b"", ""),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_is_exact_and_as_readable_as_that_allows(content: bytes, as_what: str) -> None:
    assert kind(content) == as_what
    assert unpack(kept(pack(content))) == content


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_come_back(content: bytes) -> None:
    assert unpack(kept(pack(content))) == content


@given(JSON_VALUES, st.sampled_from(["ascii", "spaced ascii"]))
def test_any_json_comes_back(value: object, style: str) -> None:
    content = dumped(value, style)
    assert unpack(kept(pack(content))) == content


ENCODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": lambda plain: zlib.compress(plain, wbits=-15),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(content=st.binary(max_size=200) | st.just(b"x" * 200_000))
def test_compressed_bodies_come_back_as_they_came(encoding: str, content: bytes) -> None:
    wire = ENCODINGS[encoding](content)
    assert decompressed(wire, encoding) == content
    assert unpack(kept(pack(wire, encoding))) == wire


def test_a_compressed_body_can_be_read_in_the_file() -> None:
    packed = pack(gzip.compress(b'{"id":"c1"}'), "gzip")
    assert packed["json"] == {"id": "c1"}
    assert "wire" in packed


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@given(content=st.binary(max_size=200) | st.binary(min_size=1).map(lambda part: part * 70_000))
def test_what_this_compresses_needs_no_second_copy(encoding: str, content: bytes) -> None:
    wire = compressed(content, encoding)
    assert decompressed(wire, encoding) == content
    assert "wire" not in pack(wire, encoding)
    assert unpack(kept(pack(wire, encoding))) == wire


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", ""])
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_what_cannot_be_decompressed_stays_as_it_came(encoding: str, compress: Any) -> None:
    cut = compress(b'{"id":"c1"}')[:-3]
    assert decompressed(cut, encoding) is None
    assert unpack(kept(pack(cut, encoding))) == cut


@pytest.mark.parametrize("content", [b'{"id":1}', b"a text", b"\xff"])
def test_a_body_that_was_changed_is_refused(content: bytes) -> None:
    packed = pack(content)
    changed = {name: each for name, each in pack(b"[0]").items() if name != "digest"}
    with pytest.raises(ValueError, match="digest"):
        unpack({"digest": packed["digest"], **changed})


def test_a_change_beside_the_compressed_bytes_is_refused() -> None:
    packed = pack(gzip.compress(b"one"), "gzip")
    with pytest.raises(ValueError, match="compressed"):
        unpack({**pack(b"two"), "encoding": "gzip", "wire": packed["wire"]})


@pytest.mark.parametrize("style", ["", "ascii", "spaced", "spaced ascii"])
@pytest.mark.parametrize("value", [LONG, LONG["data"], LONG["data"]["contacts"]])
def test_a_long_list_of_objects_is_taken_out_and_put_back(value: Any, style: str) -> None:
    content = dumped(value, style)
    packed, items = explode(pack(content))
    assert items == LONG["data"]["contacts"]
    assert "xx" not in json.dumps({**packed, "list": []})
    assert unpack(kept(packed), kept(items)) == content


def test_a_compressed_long_list_is_put_back_too() -> None:
    wire = gzip.compress(dumped(LONG))
    packed, items = explode(pack(wire, "gzip"))
    assert unpack(kept(packed), items) == wire


def test_an_item_too_few_is_refused() -> None:
    packed, items = explode(pack(dumped(LONG)))
    with pytest.raises(ValueError, match="9 of its 10 items"):
        unpack(packed, items[1:])


DEEP = {"a": {"b": {"c": {"d": {"e": LONG}}}}}


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b'[{"a":1},{"a":2}]', dumped(["x" * 3000] * 2), dumped(DEEP)],
    ids=lambda content: repr(content)[:20],
)
def test_what_is_no_long_list_of_objects_stays_whole(content: bytes) -> None:
    assert explode(pack(content)) == (pack(content), [])
