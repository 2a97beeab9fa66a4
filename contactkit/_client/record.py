"""`record`: what a client sends and receives goes into a recording while a `with` block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contactkit._client.client import Client
from contactkit.cassette.cassette import Cassette
from contactkit.errors import ConfigurationError


@contextmanager
def record(client: Client, path: str | Path) -> Iterator[Cassette]:
    """Record what both doors of this client do; a recording that is there is replaced at the end.

    Each exchange is in the file as soon as it has ended. One that is replaced stays as it is until
    the block ends, though the client may be closed before, and for good when it ends with an
    exception or nothing was answered. Raises ConfigurationError for a client that has a cassette
    already, and, where CI is set, for one of a live provider.
    """
    if isinstance(client.world, Cassette):
        raise ConfigurationError(f"this client has a cassette already: {client.world.name}")
    cassette = Cassette(path, "refresh", world=client.world)
    if cassette.mode == "replay":
        raise ConfigurationError(f"CI is set, so {path} is not recorded from a live provider")
    cassette.hold_open()
    clean = False
    try:
        with client.through(cassette):
            yield cassette
        clean = True
    finally:
        cassette.close(clean)
