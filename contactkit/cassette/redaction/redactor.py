"""Redacts a request or a response: placeholders for secrets, pseudonyms for personal values.

It knows no transport and no file. `scan` checks the bytes that are about to be written.
"""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import quote, unquote, unquote_plus

from contactkit._redact.encodings import BASE64, HEX, inflate
from contactkit._redact.layers import layers
from contactkit._redact.notations import GRANT, find_named
from contactkit._redact.prose import is_prose
from contactkit._redact.spans import replace_spans
from contactkit.cassette.exchange import Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.fields import (
    PersonalFields,
    common_words,
    ordinary_words,
    secret_names,
)
from contactkit.cassette.redaction.key import fingerprint
from contactkit.cassette.redaction.pseudonyms import Kind, Pseudonyms
from contactkit.cassette.redaction.secrets import Finding, Secrets, findings
from contactkit.cassette.redaction.text import (
    QUOTED,
    JsonToken,
    Names,
    charset_of,
    is_json,
    is_json_lines,
    json_tokens,
    label_values,
    media_type,
    quote_like,
    rewrite_base64,
    rewrite_hex,
    rewrite_parts,
    rewrite_quoted,
)
from contactkit.spec.provider import Provider

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)
_PARTS = re.compile(r"([A-Za-z][\w+.-]*://)(?:([^/?#@]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.S)
# Digits alone under such a name are a count, a time or an id, not a phone number.
_COUNT = re.compile(
    r"(?:^|_|[a-z](?=[A-Z]))(?:ids?|uuid|key|code|cursor|count|total|page|size|time(?:stamp)?|at"
    r"|version|offset|limit)$",
    re.IGNORECASE,
)


_IDENTIFIER = re.compile(r"[a-z][\w.-]*|\w+[-_.][\w.-]*")


class Redactor:
    """Replaces secrets and personal values in the exchanges of one cassette, from any thread.

    `secrets` returns those that the client has at the time. With the same `key` a value has the
    same pseudonym in every run; `owners` (see Pseudonyms) keeps the pseudonyms of earlier runs.
    """

    def __init__(
        self,
        provider: Provider,
        secrets: Callable[[], Iterable[str]],
        key: bytes,
        owners: dict[str, str] | None = None,
    ) -> None:
        self.fingerprint = fingerprint(key)
        self._fields = PersonalFields(provider)
        is_ordinary = self._fields.is_ordinary
        self._secrets = Secrets(secrets, secret_names(provider), is_ordinary)
        words = ordinary_words(provider), common_words(provider)
        self._pseudonyms = Pseudonyms(key, owners, *words)
        self._kinds: dict[Names, Kind | None] = {}
        self._lock = threading.RLock()

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """A request as it is recorded and looked up."""
        with self._lock:
            return replace(
                request,
                url=self.url(request.url),
                query=self._query(request.query),
                headers=self._headers(request.headers),
                body=self._body(request.body, request.content_type),
                content_type=self.text(request.content_type, bare=False),
            )

    def response(self, response: RecordedResponse) -> RecordedResponse:
        """A response as it is recorded."""
        refused = (response.status or 0) >= 400
        body = self._body(response.body, response.content_type, refused)
        return replace(response, headers=self._headers(response.headers), body=body)

    def exchange(
        self, request: RecordedRequest, response: RecordedResponse
    ) -> tuple[RecordedRequest, RecordedResponse]:
        """Request and response, repeated as long as one reveals what to replace in the other."""
        with self._lock:
            while True:
                known = self._secrets.known, self._pseudonyms.known
                redacted = self.request(request), self.response(response)
                more = known != (self._secrets.known, self._pseudonyms.known)
                if not more or not self._leaks_in(*redacted):
                    return redacted

    def _leaks_in(self, request: RecordedRequest, response: RecordedResponse) -> bool:
        pairs = (*request.query, *request.headers, *response.headers)
        texts = [request.url, request.content_type, *(text for pair in pairs for text in pair)]
        bodies = (body.decode("utf-8", "replace") for body in (request.body, response.body))
        return any(True for text in (*texts, *bodies) for _ in findings(text, self._leaks))

    def text(self, text: str, bare: bool = True) -> str:
        """A text, such as that of an error, without secrets and with pseudonyms.

        With `bare`, digits that are a North American number are replaced too, and so are the
        numbers of cards, bank accounts and social security.
        """
        with self._lock:
            return self._text(text, bare)

    def _text(self, text: str, bare: bool, media: str = "") -> str:
        if text[:1] in ("{", "[") and is_json(text):
            return self._json(text, refused=False)
        text = _URL.sub(lambda match: self.url(match[0]), text) if "://" in text else text
        text = self._secrets.redact_text(self._replace_named(text, media))
        if len(text) >= 12:
            text = HEX.sub(lambda word: rewrite_hex(word[0], self.text), text)
            text = BASE64.sub(lambda word: rewrite_base64(word[0], self.text), text)
        text = self._pseudonyms.text(self._pseudonyms.checked(text) if bare else text, bare)
        return QUOTED.sub(self._quoted, text) if "%" in text else text

    def _replace_named(self, text: str, media: str) -> str:
        """A text without the secrets and personal values that have their name beside them."""
        spans: list[tuple[int, int, str]] = []
        for layer in layers(text):
            for name, i, j in find_named(layer.text, media):
                value = layer.text[i:j]
                redacted = value if self._fields.is_field(value) else self._named(name, value)
                if redacted != value:
                    start, end = layer.span(i, j)
                    quoted = "%" in text[start:end]
                    spans.append((start, end, quote(redacted) if quoted else redacted))
        return replace_spans(text, _outermost(spans))

    def _quoted(self, match: re.Match[str]) -> str:
        return rewrite_quoted(match[0], lambda text: self.text(text, bare=False))

    def url(self, url: str) -> str:
        """A URL: its user info, path, query and fragment."""
        parts = _PARTS.fullmatch(url)
        if parts is None:
            return self._path(url)
        scheme, user, host, path, query, fragment = parts.groups("")
        # Without the colon it would look like an e-mail address.
        user = f"{self._secrets.placeholder('userinfo', user.rstrip(':'))}:@" if user else ""
        query = query and f"?{self._form(query[1:])}"
        return f"{scheme}{user}{host}{self._path(path)}{query}{self.text(fragment)}"

    def owners(self) -> dict[str, str]:
        """The pseudonyms used since the last call, and their owners."""
        with self._lock:
            touched, self._pseudonyms.touched = self._pseudonyms.touched, {}
            return touched

    def scan(self, data: bytes) -> list[str]:
        """The secrets and personal values in `data` that must not be written: kind and place."""
        return list(dict.fromkeys(map(str, self.findings(data))))

    def findings(self, data: bytes) -> Iterator[Finding]:
        """The same as values."""
        with self._lock:
            yield from findings(data.decode("utf-8", "replace"), self._leaks)

    def _leaks(self, text: str) -> Iterator[tuple[str, int]]:
        yield from self._secrets.leaks(text)
        yield from self._pseudonyms.leaks(text)

    def _headers(self, headers: Pairs) -> Pairs:
        return tuple((name, self._header(name, value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if self._secrets.is_named(name):
            return self._secrets.header(name, value)
        # Not by the words in a header's name, which name what the header is about.
        kind = self._fields.declared(name) or self._fields.usual(name.removeprefix("X-"))
        return self._personal(kind, value) if kind else self.text(value, bare=False)

    def _path(self, path: str) -> str:
        if span := self._fields.key_span(path):
            kind, start, end = span
            key = self._personal(kind, unquote(path[start:end]))
            key = quote_like(path[start:end], key)
            return self._segments(path[:start]) + key + self._segments(path[end:])
        return self._segments(path)

    def _segments(self, path: str) -> str:
        return "/".join(
            quote_like(segment, self.text(unquote(segment), bare=False))
            for segment in path.split("/")
        )

    def _query(self, query: Pairs) -> Pairs:
        grant = not GRANT.isdisjoint(name for name, _ in query)
        return tuple((self.text(n), self._parameter(n, v, grant)) for n, v in query)

    def _form(self, form: str) -> str:
        pairs = form.split("&")
        grant = not GRANT.isdisjoint(pair.partition("=")[0] for pair in pairs)
        return "&".join(self._pair(pair, grant) for pair in pairs)

    def _pair(self, pair: str, grant: bool) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(value)
        redacted = self._parameter(unquote_plus(name), plain, grant)
        name = quote_like(name, self.text(unquote_plus(name)))
        return name + equals + (value if redacted == plain else quote(redacted, safe=""))

    def _parameter(self, name: str, value: str, grant: bool = False) -> str:
        """The value of a query or form parameter; a list is redacted member by member.

        In a `grant` of OAuth the code is a secret.
        """
        if grant and name == "code":
            return self._secrets.placeholder("authorization_code", value)
        if not (self._secrets.is_named(name) or self._fields.parameter(name)):
            # A replay knows the names that the recording learned from its responses.
            self._pseudonyms.recall(value)
            return self.text(value, bare=not _COUNT.search(name))
        members = value.split(",") if re.search(r"\[n?in\]$", name) else [value]
        return ",".join(self._named(name, member) for member in members)

    def _named(self, name: str, value: str) -> str:
        """A value under this name, if the name is that of a secret or a personal field."""
        if self._secrets.is_named(name):
            return self._secrets.placeholder(name, value)
        kind = self._fields.parameter(name)
        return self._personal(kind, value) if kind and not is_prose(value) else value

    def _personal(self, kind: Kind, value: str) -> str:
        return self._pseudonyms.of(kind, self._secrets.redact_text(value))

    def _body(self, body: bytes, content_type: str, refused: bool = False) -> bytes:
        if not body:
            return body
        if content := inflate(body):
            redacted = self._body(content, content_type, refused)
            return body if redacted == content else gzip.compress(redacted, mtime=0)
        # A binary body keeps its bytes unless something is found in it.
        charset = charset_of(body, content_type)
        text = body.decode(charset, "surrogateescape")
        if "form-urlencoded" in content_type:
            redacted = self._form(text)
        elif is_json(text):
            redacted = self._json(text, refused)
        elif is_json_lines(text):
            redacted = "".join(self._json(line, refused) for line in text.splitlines(True))
        elif content_type.startswith("multipart/"):
            redacted = rewrite_parts(text, content_type, self._part)
        else:
            redacted = self._text(text, bare=True, media=media_type(content_type))
        return body if redacted == text else redacted.encode(charset, "surrogateescape")

    def _part(self, name: str, content_type: str, text: str) -> str:
        """The content of one part of a multipart body."""
        named = self._named(name, text)
        if named != text:
            return named
        body = text.encode("utf-8", "surrogateescape")
        return self._body(body, content_type or "text/plain").decode("utf-8", "surrogateescape")

    def _json(self, text: str, refused: bool) -> str:
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
            return token.text if short else self._rewrite(token, self.text)
        field = self._field(token, refused)
        if field is not None:
            return field
        name = token.names[-1] if token.names else ""
        bare = not (_COUNT.search(name) or self._fields.is_ordinary(name))
        return self._rewrite(token, lambda value: self.text(value, bare))

    def _field(self, token: JsonToken, refused: bool) -> str | None:
        """What replaces the text of a secret or personal field; None for any other token."""
        if token.is_name or not token.is_text:
            return None
        secret = next(filter(self._secrets.is_named, reversed(token.names)), None)
        if secret is not None:
            return self._rewrite(token, lambda value: self._secrets.placeholder(secret, value))
        kind = self._personal_kind(token, refused)
        return self._rewrite(token, lambda value: self._personal(kind, value)) if kind else None

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


def _outermost(spans: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """The spans that are in no other one, from left to right."""
    index = 0
    for start, end, replacement in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= index:
            yield start, end, replacement
            index = end
