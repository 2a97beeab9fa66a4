"""Redacts a request or a response: placeholders for secrets, pseudonyms for personal values.

It knows no transport and no file. `scan` checks the bytes that are about to be written.
"""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import quote

from contactkit._redact.encodings import BASE64, HEX, inflate
from contactkit._redact.layers import layers
from contactkit._redact.notations import find_named
from contactkit._redact.spans import outermost, replace_spans
from contactkit.cassette.exchange import Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.fields import (
    PersonalFields,
    common_words,
    ordinary_words,
    secret_names,
)
from contactkit.cassette.redaction.json_body import JsonRedactor
from contactkit.cassette.redaction.key import fingerprint
from contactkit.cassette.redaction.pseudonyms import Pseudonyms
from contactkit.cassette.redaction.secrets import Finding, Secrets, findings
from contactkit.cassette.redaction.text import (
    QUOTED,
    charset_of,
    is_json,
    is_json_lines,
    media_type,
    rewrite_base64,
    rewrite_hex,
    rewrite_parts,
    rewrite_quoted,
)
from contactkit.cassette.redaction.urls import UrlRedactor
from contactkit.cassette.redaction.values import Values
from contactkit.spec.provider import Provider

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)


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
        self._values = Values(self._secrets, self._fields, self._pseudonyms)
        self._urls = UrlRedactor(self._values, self.text)
        self._json = JsonRedactor(self._values, self.text)
        self._lock = threading.RLock()

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """A request as it is recorded and looked up."""
        with self._lock:
            return replace(
                request,
                url=self._urls.redact(request.url),
                query=self._urls.query(request.query),
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
            return self._json.redact(text, refused=False)
        text = _URL.sub(lambda match: self._urls.redact(match[0]), text) if "://" in text else text
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
                redacted = (
                    value if self._fields.is_field(value) else self._values.named(name, value)
                )
                if redacted != value:
                    start, end = layer.span(i, j)
                    quoted = "%" in text[start:end]
                    spans.append((start, end, quote(redacted) if quoted else redacted))
        return replace_spans(text, outermost(spans))

    def _quoted(self, match: re.Match[str]) -> str:
        return rewrite_quoted(match[0], lambda text: self.text(text, bare=False))

    def owners(self) -> dict[str, str]:
        """The pseudonyms used since the last call, and their owners."""
        with self._lock:
            return self._pseudonyms.owners.take_touched()

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
        return self._values.personal(kind, value) if kind else self.text(value, bare=False)

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
            redacted = self._urls.form(text)
        elif is_json(text):
            redacted = self._json.redact(text, refused)
        elif is_json_lines(text):
            redacted = "".join(self._json.redact(line, refused) for line in text.splitlines(True))
        elif content_type.startswith("multipart/"):
            redacted = rewrite_parts(text, content_type, self._part)
        else:
            redacted = self._text(text, bare=True, media=media_type(content_type))
        return body if redacted == text else redacted.encode(charset, "surrogateescape")

    def _part(self, name: str, content_type: str, text: str) -> str:
        """The content of one part of a multipart body."""
        named = self._values.named(name, text)
        if named != text:
            return named
        body = text.encode("utf-8", "surrogateescape")
        return self._body(body, content_type or "text/plain").decode("utf-8", "surrogateescape")
