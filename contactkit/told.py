"""Values that a text tells together with their names, in whatever notation it does.

Quoted pairs as JSON writes them, also where they are cut off or escaped; XML; forms' parts and
fields; and `name=value`. What such a name means, others know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_NAME = r"[A-Za-z][\w.-]{0,60}"
_PAIRS = re.compile(
    rf"(?<![\w\\])(?P<quote>\\*[\"'])(?P<name0>{_NAME})(?P=quote)\s{{0,9}}(?::|=>)\s{{0,9}}"
    r"(?P=quote)(?P<value0>[^\r\n]{1,400}?)(?P=quote)"
    rf"|<(?:\w+:)?(?P<name1>{_NAME})(?:\s[^<>]{{0,200}})?>(?P<value1>[^<>]{{1,400}})</"
    rf"|\bname=[\"'](?P<name2>{_NAME})[\"'][^<>\r\n]{{0,99}}?\svalue=[\"'](?P<value2>[^\"'<>]+)"
    rf"|\bname=\"(?P<name3>{_NAME})\"[^\r\n]{{0,99}}(?:\r\n[^\r\n]{{1,99}}){{0,4}}\r\n\r\n"
    r"(?P<value3>.{1,400}?)(?=\r\n--)"
    # Where no space is before the sign, one after it says that it is the padding of base64.
    rf"|(?<![\w.-])(?P<name4>{_NAME})(?:=(?!\s)|\s=\s)(?:\\*[\"'](?P<value4>[^\"'\\<>]+)"
    r"|(?P<value5>[^\s\"'\\<>&;,(){}\[\]]+))",
    re.S,
)


def told(text: str) -> Iterator[tuple[str, int, int]]:
    """Each name, and where its value is."""
    for found in _PAIRS.finditer(text) if any(each in text for each in "=<\"'") else ():
        value = found.lastgroup or ""
        yield found[f"name{min(int(value[-1]), 4)}"], *found.span(value)


def retold(text: str, stand_in: Callable[[str, str], str]) -> str:
    """The text with what `stand_in` gives for a name and its value."""
    made, at = "", 0
    for name, start, end in told(text):
        made, at = made + text[at:start] + stand_in(name, text[start:end]), end
    return made + text[at:]
