"""Names and values in each notation, and in none."""

from __future__ import annotations

import pytest

from contactkit._redact.notations import replace_named

NOTATIONS = [
    '{"pin": "1234"',
    "{'pin': '1234'}",
    r"{\"pin\": \"1234\"}",
    "<x:pin kind='a'>1234</x:pin>",
    '<input name="pin" type="text" value="1234">',
    '; name="pin"\r\nContent-Type: text/plain\r\n\r\n1234\r\n--b',
    "a=1&pin=1234&b=2",
    "pin = 1234\n",
    "<a pin='1234'/>",
    ";pin=1234",
]


@pytest.mark.parametrize("text", NOTATIONS)
def test_value_is_found_by_its_name(text):
    assert replace_named(text, lambda name, value: "!" if name == "pin" else value) == text.replace(
        "1234", "!"
    )


@pytest.mark.parametrize("text", ["", "pin 1234", "a pin: 1234 or so", "<b>", "==", '"pin'])
def test_text_without_named_values_is_unchanged(text):
    assert replace_named(text, lambda name, value: "!") == text
