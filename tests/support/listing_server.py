"""A loopback server of a listing of Sent's, whose contacts and responses a test can change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import contactkit as ck
from tests.bench.contacts import contact


@dataclass
class ListingServer:
    """Answers pages of the contacts after a `latency`; counts requests, in their order.

    `faults` are the statuses of the next responses to a page, 0 for a connection that ends. Until
    the monotonic time `refusing_until` all pages are refused by the rate limit.
    """

    contacts: list[dict[str, Any]]
    latency: float = 0.0
    faults: dict[int, list[int]] = field(default_factory=dict)
    refusing_until: float = 0.0
    retry_after: str = "0"
    requests: list[int] = field(default_factory=list)
    most_in_flight: int = 0
    address: str = ""
    _in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def connect(self, **options: Any) -> ck.Client:
        """A client of this server whose own limit no test waits for."""
        known = {"api_key": "test", "rate_limit": "100000/second", "base_url": self.address}
        return ck.connect("sent", **known | options)

    def answer(self, number: int, size: int) -> tuple[int, bytes]:
        """The status and the body of the response to a page."""
        with self._lock:
            self.requests.append(number)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        time.sleep(self.latency)
        with self._lock:
            self._in_flight -= 1
            fault = self._fault(number)
            return (200, self.page(number, size)) if fault is None else (fault, b"{}")

    def page(self, number: int, size: int) -> bytes:
        pages = -(-len(self.contacts) // size)
        pagination = {
            "page": number,
            "page_size": size,
            "total_count": len(self.contacts),
            "total_pages": pages,
            "has_more": number < pages,
        }
        rows = self.contacts[(number - 1) * size : number * size]
        return json.dumps(
            {"success": True, "data": {"contacts": rows, "pagination": pagination}}
        ).encode()

    def _fault(self, number: int) -> int | None:
        if time.monotonic() < self.refusing_until:
            return 429
        faults = self.faults.get(number)
        return faults.pop(0) if faults else None


@contextmanager
def serving_contacts(count: int, latency: float = 0.0) -> Iterator[ListingServer]:
    """A server of this many contacts."""
    listing = ListingServer([contact(number) for number in range(count)], latency)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            status, content = listing.answer(int(query["page"][0]), int(query["page_size"][0]))
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", listing.retry_after)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that has gone is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        listing.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield listing
        server.shutdown()
