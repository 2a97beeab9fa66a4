"""Finds secrets and personal values in a text and removes them.

A secret is recognised by its name (`notations`, `names`), by its value in any spelling (`values`),
or by its shape (`shapes`, `services`); each finder yields spans. Errors and logs use `redact`;
recordings have more rules, in `cassette.redaction`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NoReturn, SupportsIndex

from contactkit._redact.encodings import decoded_words
from contactkit._redact.layers import layers
from contactkit._redact.names import is_secret_name
from contactkit._redact.notations import find_named
from contactkit._redact.people import KnownPeople
from contactkit._redact.shapes import find_shapes
from contactkit._redact.spans import Span, replace_spans, without_overlaps
from contactkit._redact.values import find_values

_MASK = "•••"


class Secret(str):
    """Text with a masked repr, so that tracebacks with variables do not show it; never pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{_MASK}'"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        advice = "name its environment variable instead, and read that where it is needed"
        raise TypeError(f"a credential cannot be pickled; {advice}")


class Unpicklable:
    """An object with a client's credentials and connections; the error says what to do instead."""

    _why = (
        "a client cannot be pickled or copied; connect in the other process, with "
        "contactkit.connect() and the credentials in environment variables"
    )

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(self._why)


# The look-behind avoids a search at every letter of a long text without an address.
_PERSONAL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]+(?:@|%40|&#64;|&#x40;|&commat;)[\w-]+(?:\.[\w-]+)*"
    r"|(?:\+|%2B)?\d[\d\s()./\u2010-\u2015-]{5,}\d"
)


def redact(
    text: str,
    secrets: Iterable[str],
    people: Iterable[str] = (),
    *,
    personal: bool = True,
    media: str = "",
) -> str:
    """`text` without these secrets, in any spelling, and without anything that looks like a secret.

    E-mail addresses and phone numbers are removed too, and the values in `people`, in any case and
    however they are joined, unless `personal` is False. `media` is the media type of a body.
    """
    values = tuple(dict.fromkeys(map(str, filter(None, secrets))))
    text = _mask(text, find_secrets(text, values, media))
    if not personal:
        return text
    known = KnownPeople()
    values = tuple(dict.fromkeys(str(value) for value in people if value))
    for value in values:
        known.add(value, _MASK)
    text = _mask(text, [*_find_people(text, known), *find_values(text, values)])
    return replace_spans(text, ((i, j, "…") for _, i, j in without_overlaps(_find_personal(text))))


def _find_people(text: str, known: KnownPeople) -> Iterator[Span]:
    yield from (("", start, end) for start, end, _ in known.find(text))
    for inner, start, end in decoded_words(text) if len(known) else ():
        if any(True for _ in known.find(inner)):
            yield "", start, end


def _find_personal(text: str) -> Iterator[Span]:
    """E-mail addresses and phone numbers, however the text escapes them."""
    for layer in layers(text):
        yield from layer.spans(("", *match.span()) for match in _PERSONAL.finditer(layer.text))


def find_secrets(
    text: str, values: tuple[str, ...], media: str = "", depth: int = 2
) -> Iterator[Span]:
    """The secrets in a text and in what it encodes: by value, by shape and by name."""
    yield from find_values(text, values)
    for layer in layers(text):
        yield from layer.spans(find_shapes(layer.text))
        named = (span for span in find_named(layer.text, media) if is_secret_name(span[0]))
        yield from layer.spans(named)
    for inner, start, end in decoded_words(text) if depth else ():
        for kind, _, _ in find_secrets(inner, values, depth=depth - 1):
            yield kind, start, end


def _mask(text: str, spans: Iterable[Span]) -> str:
    return replace_spans(text, ((start, end, _MASK) for _, start, end in without_overlaps(spans)))
