"""The logs of httpx and httpcore without what they say of contacts and credentials.

httpx logs addresses, whose paths and queries contain contacts' numbers and addresses; httpcore
logs, at DEBUG, the headers of responses, with cookies and addresses in them.
"""

from __future__ import annotations

import logging
import re

import httpx

_HTTPCORE = ("connection", "http11", "http2", "proxy", "socks")
_HEADERS = re.compile(r"\[\(b['\"].*\)\]", re.S)
# It may quote the line of a response that cannot be read.
_EXCEPTION = re.compile(r"(exception=\w+)\(.*", re.S)


class _HidePaths(logging.Filter):
    hosts: frozenset[str] = frozenset()

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.scheme}://{arg.netloc.decode()}/…"
                if isinstance(arg, httpx.URL) and arg.host in self.hosts
                else arg
                for arg in record.args
            )
        return True


class _HideHeaders(logging.Filter):
    """Headers are hidden for every host, since httpcore does not say whose they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = _HEADERS.sub("[…]", record.getMessage())
        record.msg, record.args = _EXCEPTION.sub(r"\1", text), None
        return True


_hide_paths, _hide_headers = _HidePaths(), _HideHeaders()


def clean_logs(host: str) -> None:
    """Have httpx log only the host of requests to this one, and httpcore no headers."""
    _hide_paths.hosts |= {host}
    logging.getLogger("httpx").addFilter(_hide_paths)
    for name in _HTTPCORE:
        logging.getLogger(f"httpcore.{name}").addFilter(_hide_headers)
