"""Redacts URLs, with their queries, and forms, which are written like queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, unquote_plus

from contactkit._redact.notations import GRANT
from contactkit.cassette.exchange import Pairs
from contactkit.cassette.redaction.text import quote_like
from contactkit.cassette.redaction.values import COUNT, Values

_PARTS = re.compile(r"([A-Za-z][\w+.-]*://)(?:([^/?#@]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.S)


class UrlRedactor:
    """Redacts URLs and forms; `text` redacts their parts that have no name."""

    def __init__(self, values: Values, text: Callable[..., str]) -> None:
        self._values = values
        self._secrets = values.secrets
        self._fields = values.fields
        self._pseudonyms = values.pseudonyms
        self._text = text

    def redact(self, url: str) -> str:
        """A URL: its user info, path, query and fragment."""
        parts = _PARTS.fullmatch(url)
        if parts is None:
            return self._path(url)
        scheme, user, host, path, query, fragment = parts.groups("")
        # Without the colon it would look like an e-mail address.
        user = f"{self._secrets.placeholder('userinfo', user.rstrip(':'))}:@" if user else ""
        query = query and f"?{self.form(query[1:])}"
        return f"{scheme}{user}{host}{self._path(path)}{query}{self._text(fragment)}"

    def _path(self, path: str) -> str:
        if span := self._fields.key_span(path):
            kind, start, end = span
            key = self._values.personal(kind, unquote(path[start:end]))
            key = quote_like(path[start:end], key)
            return self._segments(path[:start]) + key + self._segments(path[end:])
        return self._segments(path)

    def _segments(self, path: str) -> str:
        return "/".join(
            quote_like(segment, self._text(unquote(segment), bare=False))
            for segment in path.split("/")
        )

    def query(self, query: Pairs) -> Pairs:
        """The pairs of a query."""
        grant = not GRANT.isdisjoint(name for name, _ in query)
        return tuple((self._text(n), self._parameter(n, v, grant)) for n, v in query)

    def form(self, form: str) -> str:
        """A form as it is sent, or a query as it is in a URL."""
        pairs = form.split("&")
        grant = not GRANT.isdisjoint(pair.partition("=")[0] for pair in pairs)
        return "&".join(self._pair(pair, grant) for pair in pairs)

    def _pair(self, pair: str, grant: bool) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(value)
        redacted = self._parameter(unquote_plus(name), plain, grant)
        name = quote_like(name, self._text(unquote_plus(name)))
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
            return self._text(value, bare=not COUNT.search(name))
        members = value.split(",") if re.search(r"\[n?in\]$", name) else [value]
        return ",".join(self._values.named(name, member) for member in members)
