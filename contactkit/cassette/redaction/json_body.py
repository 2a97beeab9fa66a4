"""Redacts JSON field by field; numbers and names of fields too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from contactkit._redact.prose import is_prose
from contactkit._redact.spans import replace_spans
from contactkit.cassette.redaction.pseudonyms import Kind
from contactkit.cassette.redaction.text import JsonToken, Names, json_tokens, label_values
from contactkit.cassette.redaction.values import COUNT, Values

_IDENTIFIER = re.compile(r"[a-z][\w.-]*|\w+[-_.][\w.-]*")


class JsonRedactor:
    """Redacts JSON; `text` redacts what is not under the name of a secret or personal field."""

    def __init__(self, values: Values, text: Callable[..., str]) -> None:
        self._values = values
        self._secrets = values.secrets
        self._fields = values.fields
        self._pseudonyms = values.pseudonyms
        self._text = text
        self._kinds: dict[Names, Kind | None] = {}

    def redact(self, text: str, refused: bool) -> str:
        """A JSON text; `refused` is whether it is a refusal, which has messages about fields."""
        tokens = list(label_values(json_tokens(text), self._secrets.is_named))
        # All fields before any text that may repeat them, and numbers with a country code first,
        # so that the same numbers without it are recognised.
        for token in sorted(tokens, key=lambda token: "+" not in token.text[:6]):
            self._field(token, refused)
        return replace_spans(
            text, ((token.start, token.end, self._token(token, refused)) for token in tokens)
        )

    def _token(self, token: JsonToken, refused: bool) -> str:
        """What replaces a token of JSON."""
        if not token.is_text:
            return self._scalar(token)
        if token.is_name:
            short = len(token.text) <= 8 and not self._pseudonyms.known
            return token.text if short else self._rewrite(token, self._text)
        field = self._field(token, refused)
        if field is not None:
            return field
        name = token.names[-1] if token.names else ""
        bare = not (COUNT.search(name) or self._fields.is_ordinary(name))
        return self._rewrite(token, lambda value: self._text(value, bare))

    def _field(self, token: JsonToken, refused: bool) -> str | None:
        """What replaces the text of a secret or personal field; None for any other token."""
        if token.is_name or not token.is_text:
            return None
        secret = next(filter(self._secrets.is_named, reversed(token.names)), None)
        if secret is not None:
            return self._rewrite(token, lambda value: self._secrets.placeholder(secret, value))
        kind = self._personal_kind(token, refused)
        return (
            self._rewrite(token, lambda value: self._values.personal(kind, value)) if kind else None
        )

    def _personal_kind(self, token: JsonToken, refused: bool) -> Kind | None:
        """The kind of a personal field; None for a message about the field, or a label."""
        declared = kind = self._kind(token.names)
        if not kind and not (refused and self._fields.in_refusal(token.names)):
            kind = self._fields.inside(token.names)
        # In a refusal, a list under a field's name contains messages about the field.
        in_list = declared is not None and token.in_list
        is_message = refused and (in_list or is_prose(str(token.value)))
        return None if is_message or (token.is_label and self._is_label(token)) else kind

    def _is_label(self, token: JsonToken) -> bool:
        """Whether a text beside a value is the name of the value rather than of a person."""
        text = str(token.value)
        return self._fields.is_field(text) or _IDENTIFIER.fullmatch(text) is not None

    @staticmethod
    def _rewrite(token: JsonToken, redact: Callable[[str], str]) -> str:
        value: str = token.value
        redacted = redact(value)
        return token.text if redacted == value else token.dump(redacted)

    def _scalar(self, token: JsonToken) -> str:
        """What replaces a number; true, false and null stay."""
        if not token.text[-1].isdigit():
            return token.text
        if token.names and self._secrets.is_named(token.names[-1]):
            return "0"
        kind = self._kind(token.names) or self._fields.inside(token.names)
        return self._pseudonyms.number(kind, token.text)

    def _kind(self, names: Names) -> Kind | None:
        """The kind of the innermost declared field."""
        if names not in self._kinds:
            kinds: Iterator[Kind | None] = (self._fields.declared(n) for n in reversed(names))
            self._kinds[names] = next(filter(None, kinds), None)
        return self._kinds[names]
