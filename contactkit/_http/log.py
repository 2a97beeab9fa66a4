"""httpx's log without paths and queries: they contain contacts' numbers and addresses."""

from __future__ import annotations

import logging

import httpx


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


_filter = _HidePaths()


def hide_paths(host: str) -> None:
    """Have httpx log only the host of requests to this one."""
    _filter.hosts |= {host}
    logging.getLogger("httpx").addFilter(_filter)
