"""A keep-alive HTTP/1.1 server on loopback that answers every request with one canned contact.

It does as little as can be done, so that the clients are what is measured. It prints its port,
and ends when it is ended or after five minutes.
"""

from __future__ import annotations

import asyncio

from tests.bench import contacts

LIFE = 300.0


class Canned(asyncio.Protocol):
    """One connection: as many answers as requests without a body have ended."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *ended, self._unread = (self._unread + data).split(b"\r\n\r\n")
        self._transport.write(self._answer * len(ended))


async def serve(content: bytes) -> None:
    """Answer with this content until the time is up."""
    lines = [
        "HTTP/1.1 200 OK",
        "content-type: application/json",
        "x-request-id: req_7X9zKp2jDw",
        f"content-length: {len(content)}",
    ]
    answer = "\r\n".join([*lines, "", ""]).encode() + content
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(LIFE)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(contacts.one(7)))
