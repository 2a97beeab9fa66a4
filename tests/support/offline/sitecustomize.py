"""Keeps the network from whatever Python starts with this folder on its path: loopback only.

An audit hook, since nothing that a notebook imports can take one away again.
"""

from __future__ import annotations

import sys

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
ASKS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}


def refuse(event: str, args: tuple[object, ...]) -> None:
    """Raise for a socket event whose host is not this machine; local ones have a path, or none."""
    if event not in ASKS:
        return
    place = args[0] if event == "socket.getaddrinfo" else args[1]
    host = place[0] if isinstance(place, tuple) else place
    remote = isinstance(place, tuple) or event == "socket.getaddrinfo"
    if remote and host is not None and host not in LOOPBACK:
        # No OSError, which a client would take for a bad connection and try again.
        raise RuntimeError(f"a notebook asked for the network: {host}")


sys.addaudithook(refuse)
