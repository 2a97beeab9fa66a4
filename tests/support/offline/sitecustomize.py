"""Allows only loopback to every Python that starts with this folder on its path.

It is an audit hook, since nothing that a notebook imports can remove one.
"""

from __future__ import annotations

import sys

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}


def refuse(event: str, args: tuple[object, ...]) -> None:
    """Raise for a socket event whose host is not this machine; local ones have a path, or none."""
    if event not in EVENTS:
        return
    address = args[0] if event == "socket.getaddrinfo" else args[1]
    host = address[0] if isinstance(address, tuple) else address
    remote = isinstance(address, tuple) or event == "socket.getaddrinfo"
    if remote and host is not None and host not in LOOPBACK:
        # Not an OSError: a client would take that for a bad connection and try again.
        raise RuntimeError(f"a notebook asked for the network: {host}")


sys.addaudithook(refuse)
