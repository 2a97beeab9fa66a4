"""Names and other texts of people that are known, found again however a text writes them.

In any case, with or without accents, composed or decomposed, escaped, and joined by a space, a dot,
an underscore, a hyphen or nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from contactkit._redact.layers import Layer, layers
from contactkit._redact.spans import Replacement

# A name inside an e-mail address belongs to the address.
_TOKEN = re.compile(r"(?P<address>(?<![\w.+%'-])[\w.+%'-]+@[\w.-]+)|[^\W_]+")
_GAP = re.compile(r"[\W_]{1,3}")
_SHORTEST, _LONG, _MOST_WORDS = 3, 6, 32


class _Phrase(NamedTuple):
    words: tuple[str, ...]
    value: str
    replacement: str


class _Token(NamedTuple):
    word: str
    start: int
    end: int


class KnownPeople:
    """Values with what replaces them.

    The words in `common` are found only as they are written, since other text has them too.
    """

    def __init__(self, common: Collection[str] = ()) -> None:
        self._common = frozenset(common)
        self._values: set[str] = set()
        self._phrases: dict[str, list[_Phrase]] = {}
        self._squeezed: dict[str, _Phrase] = {}
        self._words: dict[str, str] = {}
        self._long: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: str, replacement: str) -> None:
        """Find this value from now on, and replace it."""
        words = tuple(match[0] for match in _TOKEN.finditer(_fold(value)[0]))
        # A longer text is not repeated word by word.
        if not 0 < len(words) <= _MOST_WORDS or value in self._values:
            return
        self._values.add(value)
        phrase = _Phrase(words, value, replacement)
        phrases = self._phrases.setdefault(words[0], [])
        phrases.append(phrase)
        phrases.sort(key=lambda phrase: -len(phrase.words))
        squeezed = "".join(words)
        if len(words) > 1 and len(squeezed) >= _LONG:
            self._squeezed.setdefault(squeezed, phrase)
        elif len(words) == 1 and len(squeezed) >= _SHORTEST and squeezed not in self._common:
            self._words.setdefault(squeezed, replacement)
            if len(squeezed) >= _LONG:
                self._long.setdefault(squeezed[:_LONG], []).append(squeezed)

    def find(self, text: str) -> Iterator[Replacement]:
        """The places of known values from left to right, and what replaces them."""
        if not self._values:
            return
        index = 0
        for start, end, replacement in sorted(self._find(text)):
            if start >= index:
                yield start, end, replacement
                index = end

    def _find(self, text: str) -> Iterator[Replacement]:
        for layer in layers(text):
            folded, places = _fold(layer.text)
            for start, end, replacement in self._in_words(folded, layer.text, places):
                yield _in_text(text, layer, places[start], places[end], replacement)

    def _in_words(self, folded: str, text: str, places: Sequence[int]) -> Iterator[Replacement]:
        tokens = [
            _Token(match[0], *match.span())
            for match in _TOKEN.finditer(folded)
            if match.lastgroup is None
        ]
        index = 0
        while index < len(tokens):
            token = tokens[index]
            count, phrase = self._phrase_at(tokens, index, folded, text, places)
            if phrase:
                yield token.start, tokens[index + count - 1].end, phrase.replacement
            else:
                yield from self._inside(token)
            index += count

    def _phrase_at(
        self, tokens: list[_Token], index: int, folded: str, text: str, places: Sequence[int]
    ) -> tuple[int, _Phrase | None]:
        """The phrase that begins with a token, and how many tokens it has."""
        word = tokens[index].word
        for phrase in self._phrases.get(word, ()):
            count = len(phrase.words)
            run = tokens[index : index + count]
            if tuple(token.word for token in run) != phrase.words or not _are_joined(folded, run):
                continue
            written = text[places[run[0].start] : places[run[-1].end]]
            # In capitals such a word may be a part of an error's code.
            if written == phrase.value or not self._common.issuperset(phrase.words):
                return count, phrase
        return 1, self._squeezed.get(word)

    def _inside(self, token: _Token) -> Iterator[Replacement]:
        """Known words that make up a token, or long ones inside it."""
        word = token.word
        if len(word) <= _SHORTEST or len(word) > 80 or word in self._common:
            return
        parts = list(self._parts(word))
        if not parts and len(word) > _LONG and self._long:
            parts = list(self._long_parts(word))
        for start, end in parts:
            yield token.start + start, token.start + end, self._words[word[start:end]]

    def _parts(self, word: str) -> Iterator[tuple[int, int]]:
        """The parts of a word that consists of two or more known ones, an initial, or digits."""
        for begin in (0, 1):
            parts, index = list[tuple[int, int]](), begin
            while index < len(word):
                ends = range(len(word), index + _SHORTEST - 1, -1)
                end = next((end for end in ends if word[index:end] in self._words), 0)
                if not end:
                    break
                parts.append((index, end))
                index = end
            rest = word[index:]
            least = 1 if begin or rest else 2
            if len(parts) >= least and (not rest or rest.isdigit()) and parts[0][1] - begin > 3:
                yield from parts
                return

    def _long_parts(self, word: str) -> Iterator[tuple[int, int]]:
        index = 0
        while index <= len(word) - _LONG:
            known = self._long.get(word[index : index + _LONG], ())
            match = next((long for long in known if word.startswith(long, index)), "")
            if match:
                yield index, index + len(match)
            index += len(match) or 1


def _are_joined(folded: str, run: list[_Token]) -> bool:
    """Whether only a few signs are between words."""
    return all(_GAP.fullmatch(folded, one.end, other.start) for one, other in pairwise(run))


def _fold(text: str) -> tuple[str, Sequence[int]]:
    """A text without case and accents, and where each of its characters was."""
    if text.isascii():
        return text.lower(), range(len(text) + 1)
    folded: list[str] = []
    places: list[int] = []
    for index, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(part):
                folded.append(part)
                places.append(index)
    return "".join(folded), [*places, len(text)]


def _in_text(text: str, layer: Layer, start: int, end: int, replacement: str) -> Replacement:
    """A replacement in the text itself, in capitals or quoted as what it replaces."""
    written = layer.text[start:end]
    if written.isupper() and len(written) > 1:
        replacement = replacement.upper()
    start, end = layer.span(start, end)
    return start, end, quote(replacement) if "%" in text[start:end] else replacement
