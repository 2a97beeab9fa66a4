"""Bodies as JSON values and back: exact to the byte, and readable where that is possible."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit.cassette.body import dump_json, explode, pack, unpack

LONG = {"data": {"contacts": [{"id": str(n), "name": "x" * 300} for n in range(10)]}, "next": None}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def kept(packed: dict[str, Any]) -> dict[str, Any]:
    """A packed body, written to a file and read again."""
    return json.loads(json.dumps(packed))


def kind(content: bytes) -> str:
    """The form in which a body is stored."""
    return next((name for name in ("json", "text", "base64") if name in pack(content)), "")


@pytest.mark.parametrize(
    ("content", "as_what"),
    [
        (b'{"id":12345678901234567890123}', "json"),
        ('{"name":"Zoe\u0308"}'.encode(), "json"),
        (b'{"a":1.0}', "json"),
        (b"null", "json"),
        (b'{"name":"Zo\\u00eb"}', "text"),
        (b'{"a": 1, "b": [2, 3]}', "text"),
        (b'"\\ud800"', "text"),
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
def test_pack_keeps_every_byte_in_the_most_readable_form(content: bytes, as_what: str) -> None:
    assert kind(content) == as_what
    assert unpack(kept(pack(content))) == content


@given(st.binary() | st.text().map(str.encode))
def test_unpack_returns_any_bytes(content: bytes) -> None:
    assert unpack(kept(pack(content))) == content


@given(JSON_VALUES, st.booleans())
def test_unpack_returns_any_json(value: object, spaced: bool) -> None:
    content = json.dumps(value).encode() if spaced else dump_json(value, ascii_only=True)
    assert unpack(kept(pack(content))) == content


@pytest.mark.parametrize("content", [b'{"id":1}', b"a text", b"\xff"])
def test_unpack_refuses_changed_content(content: bytes) -> None:
    packed = pack(content)
    changed = {name: value for name, value in pack(b"[0]").items() if name != "digest"}
    with pytest.raises(ValueError, match="digest"):
        unpack({"digest": packed["digest"], **changed})


@pytest.mark.parametrize("value", [LONG, LONG["data"], LONG["data"]["contacts"]])
def test_explode_takes_a_long_list_out(value: Any) -> None:
    content = dump_json(value)
    packed, items = explode(pack(content))
    assert items == LONG["data"]["contacts"]
    assert "xx" not in json.dumps({**packed, "list": []})
    assert unpack(kept(packed), kept(items)) == content


def test_unpack_refuses_a_missing_item() -> None:
    packed, items = explode(pack(dump_json(LONG)))
    with pytest.raises(ValueError, match="9 of its 10 items"):
        unpack(packed, items[1:])


DEEP = {"a": {"b": {"c": {"d": {"e": LONG}}}}}


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b'[{"a":1},{"a":2}]', dump_json(["x" * 3000] * 2), dump_json(DEEP)],
    ids=lambda content: repr(content)[:20],
)
def test_explode_leaves_other_bodies_whole(content: bytes) -> None:
    assert explode(pack(content)) == (pack(content), [])
