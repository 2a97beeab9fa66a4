"""One request or answer without its secrets and with pseudonyms for its personal values.

Nothing here knows a transport or a file. `scan` looks at the bytes that are about to be written
and knows nothing of how they came about.
"""

from __future__ import annotations

import gzip
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import quote, unquote, unquote_plus

from contactkit._redact import replace_named
from contactkit.cassette.exchange import Pairs, RecordedRequest, RecordedResponse
from contactkit.cassette.redaction.fields import Places, ordinary, secret_names
from contactkit.cassette.redaction.key import fingerprint
from contactkit.cassette.redaction.pseudonyms import Kind, Pseudonyms
from contactkit.cassette.redaction.secrets import BASE64, Finding, Secrets, decoded, findings
from contactkit.cassette.redaction.text import (
    JsonToken,
    Names,
    code_of,
    inflated,
    is_json,
    leaves,
    named,
    quoted_like,
    replaced,
)
from contactkit.spec.provider import Provider

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.IGNORECASE)
_PARTS = re.compile(r"([A-Za-z][\w+.-]*://)(?:([^/?#@]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.S)
_QUOTED = re.compile(r"[^\s\"'<>&]*%[0-9A-Fa-f]{2}[^\s\"'<>&]*")
# A whole text of digits under such a name is what it says.
_COUNTED = re.compile(
    r"(?:^|_|[a-z](?=[A-Z]))(?:ids?|uuid|key|code|cursor|count|total|page|size|time(?:stamp)?|at"
    r"|version|offset|limit)$",
    re.IGNORECASE,
)


class Redactor:
    """What one cassette holds in the place of secrets and of personal values; for any thread.

    `secrets` are those that the client holds at the time of asking. Under one `key` a value has the
    same pseudonym in every run; `owners` (see Pseudonyms) keeps colliding ones apart across runs.
    The key's `fingerprint` belongs in the recording's header.
    """

    def __init__(
        self,
        provider: Provider,
        secrets: Callable[[], Iterable[str]],
        key: bytes,
        owners: dict[str, str] | None = None,
    ) -> None:
        self.fingerprint = fingerprint(key)
        self._places = Places(provider)
        self._secrets = Secrets(secrets, secret_names(provider))
        self._pseudonyms = Pseudonyms(key, owners, ordinary(provider))
        self._kinds: dict[Names, Kind | None] = {}
        self._lock = threading.RLock()

    def request(self, request: RecordedRequest) -> RecordedRequest:
        """A request as it is recorded, and as it is looked for."""
        with self._lock:
            return replace(
                request,
                url=self.url(request.url),
                query=tuple((self.text(name), self._asked(name, v)) for name, v in request.query),
                headers=self._headers(request.headers),
                body=self._body(request.body, request.content_type),
                content_type=self.text(request.content_type, bare=False),
            )

    def response(self, response: RecordedResponse) -> RecordedResponse:
        """An answer as it is recorded."""
        refused = (response.status or 0) >= 400
        body = self._body(response.body, response.content_type, refused)
        return replace(response, headers=self._headers(response.headers), body=body)

    def exchange(
        self, request: RecordedRequest, response: RecordedResponse
    ) -> tuple[RecordedRequest, RecordedResponse]:
        """Both of an exchange: what only one of them gives away is found in the other too."""
        with self._lock:
            while True:
                known = self._secrets.known, self._pseudonyms.known
                asked, answer = self.request(request), self.response(response)
                grown = known != (self._secrets.known, self._pseudonyms.known)
                if not grown or not self._tells(asked, answer):
                    return asked, answer

    def _tells(self, request: RecordedRequest, response: RecordedResponse) -> bool:
        """Whether there is more in them to be replaced."""
        pairs = (*request.query, *request.headers, *response.headers)
        texts = [request.url, request.content_type, *(text for pair in pairs for text in pair)]
        bodies = (body.decode("utf-8", "replace") for body in (request.body, response.body))
        return any(True for text in (*texts, *bodies) for _ in findings(text, self._leaks))

    def text(self, text: str, bare: bool = True) -> str:
        """A text, as an error's, without any secret and with pseudonyms."""
        with self._lock:
            return self._text(text, bare)

    def _text(self, text: str, bare: bool) -> str:
        if text[:1] in ("{", "[") and is_json(text):
            return self._json(text, False)
        text = _URL.sub(lambda found: self.url(found[0]), text) if "://" in text else text
        text = self._secrets.text(replace_named(text, self._told))
        if len(text) >= 12:
            text = BASE64.sub(self._encoded, text)
        text = self._pseudonyms.text(text, bare)
        return _QUOTED.sub(self._unquoted, text) if "%" in text else text

    def url(self, url: str) -> str:
        """A URL: its user info, path, query and fragment."""
        found = _PARTS.fullmatch(url)
        if found is None:
            return self._path(url)
        scheme, user, host, path, query, fragment = found.groups("")
        # Without the colon it would read as an e-mail address.
        user = f"{self._secrets.stand_in('userinfo', user.rstrip(':'))}:@" if user else ""
        query = query and f"?{self._form(query[1:])}"
        return f"{scheme}{user}{host}{self._path(path)}{query}{self.text(fragment)}"

    def owners(self) -> dict[str, str]:
        """The pseudonyms that were used since it was last asked, and whose they are."""
        with self._lock:
            touched, self._pseudonyms.touched = self._pseudonyms.touched, {}
            return touched

    def scan(self, data: bytes) -> list[str]:
        """What must not be written and is in `data`: its kind, and at which byte."""
        return list(dict.fromkeys(map(str, self.findings(data))))

    def findings(self, data: bytes) -> Iterator[Finding]:
        """The same as values, one by one."""
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
        kind = self._places.asked(name)
        return self._personal(kind, value) if kind else self.text(value, bare=False)

    def _path(self, path: str) -> str:
        keyed = self._places.segment(path)
        if keyed:
            kind, start, end = keyed
            key = self._pseudonyms.of(kind, self._secrets.text(unquote(path[start:end])))
            key = quoted_like(path[start:end], key)
            return self._segments(path[:start]) + key + self._segments(path[end:])
        return self._segments(path)

    def _segments(self, path: str) -> str:
        return "/".join(
            quoted_like(each, self.text(unquote(each), bare=False)) for each in path.split("/")
        )

    def _asked(self, name: str, value: str) -> str:
        """The value of a query or a form; a list's members one by one."""
        if not (self._secrets.is_named(name) or self._places.asked(name)):
            return self.text(value, bare=not _COUNTED.search(name))
        members = value.split(",") if re.search(r"\[n?in\]$", name) else [value]
        return ",".join(self._told(name, each) for each in members)

    def _form(self, form: str) -> str:
        return "&".join(map(self._pair, form.split("&")))

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(value)
        made = self._asked(unquote_plus(name), plain)
        name = quoted_like(name, self.text(unquote_plus(name)))
        return name + equals + (value if made == plain else quote(made, safe=""))

    def _personal(self, kind: Kind, value: str) -> str:
        return self._pseudonyms.of(kind, self._secrets.text(value))

    def _body(self, body: bytes, content_type: str, refused: bool = False) -> bytes:
        if not body:
            return body
        if inner := inflated(body):
            made = self._body(inner, content_type, refused)
            return body if made == inner else gzip.compress(made, mtime=0)
        # What is no text keeps its bytes where nothing is found in it.
        code = code_of(body, content_type)
        text = body.decode(code, "surrogateescape")
        if "form-urlencoded" in content_type:
            made = self._form(text)
        elif is_json(text):
            made = self._json(text, refused)
        else:
            made = self.text(text)
        return body if made == text else made.encode(code, "surrogateescape")

    def _json(self, text: str, refused: bool) -> str:
        found = list(named(leaves(text)))
        # Numbers with their country first, so that the other spellings beside them have it too;
        # and all values that are marked before any text that may repeat one.
        for leaf in sorted(found, key=lambda each: "+" not in each.token[:6]):
            if not leaf.is_name and leaf.token[0] == '"':
                self._leaf(leaf, refused, only_marked=True)
        changes = ((leaf, self._leaf(leaf, refused)) for leaf in found)
        return replaced(text, ((leaf, token) for leaf, token in changes if token != leaf.token))

    def _leaf(self, leaf: JsonToken, refused: bool, only_marked: bool = False) -> str:
        """The token that stands in a leaf's place."""
        if leaf.token[0] != '"':
            return self._scalar(leaf)
        if leaf.is_name:
            return self._rewritten(leaf, self.text) if len(leaf.token) > 8 else leaf.token
        if any(map(self._secrets.is_named, leaf.names)):
            name = next(filter(self._secrets.is_named, reversed(leaf.names)))
            return self._rewritten(leaf, lambda value: self._secrets.stand_in(name, value))
        kind = self._kind(leaf.names)
        # A refusal's lists below a field's name are messages about it.
        if kind and not (refused and leaf.listed):
            return self._rewritten(leaf, lambda value: self._personal(kind, value))
        usual = None if refused or not leaf.names else self._places.usual(leaf.names[-1])
        if usual:
            return self._rewritten(leaf, lambda value: self._personal(usual, value))
        bare = not (leaf.names and _COUNTED.search(leaf.names[-1]))
        return (
            leaf.token
            if only_marked
            else self._rewritten(leaf, lambda value: self.text(value, bare))
        )

    @staticmethod
    def _rewritten(leaf: JsonToken, made: Callable[[str], str]) -> str:
        value: str = leaf.value
        new = made(value)
        return leaf.token if new == value else leaf.written(new)

    def _scalar(self, leaf: JsonToken) -> str:
        """The token of a number; true, false and null tell nothing."""
        if not leaf.token[-1].isdigit():
            return leaf.token
        if leaf.names and self._secrets.is_named(leaf.names[-1]):
            return "0"
        return self._pseudonyms.number(self._kind(leaf.names), leaf.token)

    def _kind(self, names: Names) -> Kind | None:
        if names not in self._kinds:
            kinds: Iterator[Kind | None] = (self._places.kind(name) for name in reversed(names))
            self._kinds[names] = next(filter(None, kinds), None)
        return self._kinds[names]

    def _told(self, name: str, value: str) -> str:
        if self._secrets.is_named(name):
            return self._secrets.stand_in(name, value)
        kind = self._places.asked(name)
        return self._personal(kind, value) if kind else value

    def _unquoted(self, found: re.Match[str]) -> str:
        """What is percent-encoded, once more perhaps, with what it must not hold replaced."""
        for plain in dict.fromkeys((unquote(found[0]), unquote_plus(found[0]))):
            made = plain if plain == found[0] else self.text(plain, bare=False)
            if made != plain:
                return quote(made, safe="=")
        return found[0]

    def _encoded(self, found: re.Match[str]) -> str:
        """A base64 word with what its text must not hold replaced."""
        plain = decoded(found[0])
        made = self.text(plain) if plain else plain
        if made == plain:
            return found[0]
        new = b64encode(made.encode(), b"-_" if re.search("[-_]", found[0]) else None).decode()
        return new if found[0].endswith("=") or len(found[0]) % 4 == 0 else new.rstrip("=")
