"""How text is written: charset, compression, JSON as tokens with places, quoting and base64.

Replacing tokens in place keeps all other bytes, whatever the style of the JSON.
"""

from __future__ import annotations

import codecs
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from contactkit._redact.encodings import decode_base64, decode_hex, inflate
from contactkit.cassette.exchange import Pairs, header
from contactkit.spec.provider import JSON

Names = tuple[str, ...]
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+', re.S)
_LABELS = frozenset(
    "name key field header k param parameter property attribute label variable".split()
)
_LABELED = frozenset("value val v content text data".split())
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


class JsonToken(NamedTuple):
    """A scalar with its `names`, from the outermost to its own; or a name.

    `place` is where the object or list begins that it is in; a label names the value beside it.
    """

    start: int
    text: str
    names: Names
    in_list: bool = False
    is_name: bool = False
    place: int = 0
    is_label: bool = False

    @property
    def end(self) -> int:
        """Where the token ends."""
        return self.start + len(self.text)

    @property
    def is_text(self) -> bool:
        """Whether it is a string rather than a number, true, false or null."""
        return self.text[0] == '"'

    @property
    def value(self) -> JSON:
        """The value of the token."""
        return self.text[1:-1] if self.is_text and "\\" not in self.text else json.loads(self.text)

    def dump(self, value: JSON) -> str:
        """Another value, written in the style of this token."""
        return json.dumps(value, ensure_ascii="\\u" in self.text or _has_surrogates(value))


def _has_surrogates(value: JSON) -> bool:
    """Whether it has half of a surrogate pair, which UTF-8 cannot encode."""
    return isinstance(value, str) and re.search("[\ud800-\udfff]", value) is not None


def json_tokens(text: str) -> Iterator[JsonToken]:
    """The names and scalars of a well-formed JSON text."""
    stack: list[tuple[bool, Names, int]] = []
    names: Names = ()
    is_name = False
    for lexeme in _TOKEN.finditer(text):
        match token := lexeme[0]:
            case "{" | "[":
                stack.append((token == "{", names, lexeme.start()))
                is_name = token == "{"
            case "}" | "]":
                stack.pop()
                names, is_name = stack[-1][1] if stack else (), False
            case ",":
                is_name, names, _ = stack[-1]
            case _ if is_name:
                _, outer, place = stack[-1]
                names, is_name = (*outer, json.loads(token)), False
                yield JsonToken(lexeme.start(), token, names, is_name=True, place=place)
            case _:
                is_object, _, place = stack[-1] if stack else (True, (), 0)
                yield JsonToken(lexeme.start(), token, names, not is_object, place=place)


def label_values(
    tokens: Iterable[JsonToken], is_secret: Callable[[str], bool]
) -> Iterator[JsonToken]:
    """The same, each `value` below its label, as in {"name": "X-Api-Key", "value": …}.

    The label may come after its value. In a list of two texts, the name of a secret is a label.
    """
    tokens = list(tokens)
    labels = dict(_labels(tokens))
    pairs = dict(_pairs(tokens, is_secret))
    for token in tokens:
        if label := pairs.get(token.start):
            yield token._replace(names=(*token.names, label))
            continue
        name = token.names[-1].lower() if token.names and not token.is_name else ""
        label = labels.get(token.place)
        if label is not None and name in _LABELED:
            token = token._replace(names=(*token.names, label))
        elif label is not None and name in _LABELS and token.is_text:
            token = token._replace(is_label=True)
        yield token


def _pairs(tokens: list[JsonToken], is_secret: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """By the start of the second of two texts in a list, the first, if it is a secret's name."""
    lists: dict[int, list[JsonToken]] = {}
    for token in tokens:
        if token.in_list:
            lists.setdefault(token.place, []).append(token)
    for pair in lists.values():
        if len(pair) == 2 and all(token.is_text for token in pair):
            label, value = (str(token.value) for token in pair)
            if is_secret(label) and not is_secret(value):
                yield pair[1].start, label


def _labels(tokens: list[JsonToken]) -> Iterator[tuple[int, str]]:
    """By the place of an object or a list, the label in it, if it has a value too."""
    labeled = {t.place for t in tokens if t.is_name and str(t.value).lower() in _LABELED}
    for token in tokens:
        name = token.names[-1].lower() if token.names and not token.is_name else ""
        if name in _LABELS and token.is_text and token.place in labeled:
            yield token.place, str(token.value)


def is_json(text: str) -> bool:
    """Whether all of it is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_json_lines(text: str) -> bool:
    """Whether each line is JSON, an object or a list."""
    lines = text.split("\n")
    return len(lines) > 1 and all(
        line[:1] in "{[" and is_json(line) for line in lines if line.strip()
    )


def media_type(content_type: str) -> str:
    """The media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


_BOUNDARY = re.compile(r"boundary=(?:\"([^\"]+)\"|([^\s;]+))", re.IGNORECASE)
_PART_NAME = re.compile(r"[;\s]name=(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)
_PART_TYPE = re.compile(r"^content-type:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


def rewrite_parts(text: str, content_type: str, rewrite: Callable[[str, str, str], str]) -> str:
    """A multipart body with `rewrite(name, type, content)` in place of the content of each part."""
    mark = _mark(text, content_type)
    return mark.join(_rewrite_part(part, rewrite) for part in text.split(mark))


def parts_of(text: str, content_type: str) -> Iterator[tuple[str, str]]:
    """The type and the content of each part of a multipart body."""
    for part in text.split(_mark(text, content_type)):
        _, kind, _, content = _split_part(part)
        yield kind, content


def _mark(text: str, content_type: str) -> str:
    """The line that separates the parts."""
    boundary = _BOUNDARY.search(content_type)
    if boundary:
        return f"--{boundary[1] or boundary[2]}"
    return text.partition("\n")[0].rstrip("\r") or "--"


def _rewrite_part(part: str, rewrite: Callable[[str, str, str], str]) -> str:
    name, kind, head, content = _split_part(part)
    body = content.rstrip("\r\n-") if not head else content.rstrip("\r\n")
    rewritten = rewrite(name, kind, body) if body else ""
    return (rewrite("", "", head) if head else "") + rewritten + content[len(body) :]


def _split_part(part: str) -> tuple[str, str, str, str]:
    """The name, the type, the head and the content of a part."""
    blank = re.search(r"\r?\n\r?\n", part)
    head, content = (part[: blank.end()], part[blank.end() :]) if blank else ("", part)
    name, kind = _PART_NAME.search(head), _PART_TYPE.search(head)
    return (name[1] or name[2] or "") if name else "", kind[1] if kind else "", head, content


def charset_of(body: bytes, content_type: str) -> str:
    """The charset of a body; UTF-8 unless it is certainly another one."""
    declared = _CHARSET.search(content_type)
    # RFC 2616's default for text, which some servers still rely on.
    default = ["latin-1"] if content_type.startswith("text/") else []
    guesses = [json.detect_encoding(body), *(declared.groups() if declared else default)]
    if _is_encoded(body, "utf-8"):
        guesses = [guess for guess in guesses if "16" in guess or "32" in guess]
    return next((guess for guess in guesses if _is_encoded(body, guess)), "utf-8")


def _is_encoded(body: bytes, charset: str) -> bool:
    """Whether text in this charset gives the same bytes again."""
    try:
        codecs.lookup(charset)
        return body.decode(charset).encode(charset) == body
    except (LookupError, ValueError):
        return False


def unreadable(headers: Pairs, body: bytes) -> str:
    """The content encoding that hides a body from redaction; "" if none does."""
    encoding = header(headers, "content-encoding").strip().lower()
    if not body or encoding in ("", "identity") or inflate(body):
        return ""
    try:
        body.decode()
    except UnicodeDecodeError:
        return encoding
    return ""


def quote_like(raw: str, text: str) -> str:
    """`text` quoted for a path or a form; characters that `raw` does not quote stay unquoted."""
    return raw if text == unquote(raw) else quote(text, safe="+" if "+" in raw else "")


QUOTED = re.compile(r"[^\s\"'<>&]*%[0-9A-Fa-f]{2}[^\s\"'<>&]*")
"""Words with percent-encoding."""


def rewrite_quoted(word: str, rewrite: Callable[[str], str]) -> str:
    """A percent-encoded word, quoted again if `rewrite` changes what it says."""
    for text in dict.fromkeys((unquote(word), unquote_plus(word))):
        rewritten = text if text == word else rewrite(text)
        if rewritten != text:
            return quote(rewritten, safe="=")
    return word


def rewrite_base64(word: str, rewrite: Callable[[str], str]) -> str:
    """A base64 word, encoded again if `rewrite` changes the text in it."""
    text = decode_base64(word)
    rewritten = rewrite(text) if text else text
    if rewritten == text:
        return word
    encoded = b64encode(rewritten.encode(), b"-_" if re.search("[-_]", word) else None).decode()
    return encoded if word.endswith("=") or len(word) % 4 == 0 else encoded.rstrip("=")


def rewrite_hex(word: str, rewrite: Callable[[str], str]) -> str:
    """A hex word, encoded again if `rewrite` changes the text in it."""
    text = decode_hex(word)
    rewritten = rewrite(text) if text else text
    if rewritten == text:
        return word
    encoded = rewritten.encode().hex()
    return encoded.upper() if word.isupper() else encoded
