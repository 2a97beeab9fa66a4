"""The cassette as a world: `contactkit.connect(name, via=Cassette(path))`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import httpx
import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
import respx

from contactkit._http.connection import Connection, Tap
from contactkit._http.drivers import run
from contactkit._http.session import Session
from contactkit._http.world import Live, VirtualClock, World, world_kind
from contactkit.cassette.ages import present
from contactkit.cassette.drift import drift_frame
from contactkit.cassette.exchange import path_of
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import Entry
from contactkit.cassette.frame import frame
from contactkit.cassette.matching import Exhausted
from contactkit.cassette.player import Mode, Player, Settings, default_exhausted, effective_mode
from contactkit.cassette.reader import is_recorded
from contactkit.cassette.redaction.media import media_types
from contactkit.cassette.verify import Reads, Verifier, resend
from contactkit.errors import CassetteError, ConfigurationError, warn
from contactkit.spec.auth import Auth, ClientCredentials
from contactkit.spec.provider import JSON, Provider

_NOTICES = {
    "replay": "Replay of {file}, recorded from {world} ({when}): nothing is sent.",
    "once": "Recording to {file}.",
    "new": "Replay of {file}; requests that are missing in it are sent and recorded.",
    "refresh": "Recording {file} again; it is replaced when the client is closed.",
    "verify": "Replay of {file}; reads are sent again to find changes, writes are not.",
    "off": "",
}


class Cassette:
    """A file of recorded exchanges, to replay them or to record another `world`.

    `mode` is `replay`; `once` (replay the file if it exists, otherwise record it); `new` (replay
    recorded exchanges and record missing ones); `refresh` (record everything again; the file is
    replaced when the client is closed); `verify` (replay, and send the reads again to find changes;
    writes are never sent); or `off`. If the environment variable CI is set, a cassette of a live
    provider is only replayed.

    The file contains placeholders instead of secrets, and pseudonyms instead of personal values.
    `overrides` is a respx router; its routes respond before the recording does. `exhausted` says
    what a request gets after its last recorded response: "error" (the default outside notebooks) or
    "last", that response again. A warning reports exchanges older than `expires`. Only JSON, forms,
    and text of a kind that can be searched for people are recorded; `allow` lists other media
    types, such as `("application/pdf",)`. Raises ConfigurationError, and CassetteError for a file
    that is not a cassette.
    """

    def __init__(
        self,
        path: str | Path,
        mode: str = "once",
        *,
        world: World | None = None,
        overrides: respx.Router | None = None,
        exhausted: Exhausted | None = None,
        expires: timedelta | None = None,
        allow: Collection[str] = (),
    ) -> None:
        # A later change of the working directory must not change the file.
        self.path = Path(path).absolute()
        self._world = Live() if world is None else world
        self.mode: Mode = effective_mode(mode, self.path, self._world.name)
        self._overrides = overrides
        if exhausted not in (None, *get_args(Exhausted)):
            raise ConfigurationError(f"exhausted={exhausted!r} must be error or last")
        self._exhausted: Exhausted = exhausted or default_exhausted()
        self._expires = expires
        self._allow = media_types(allow)
        self._file = self._load()
        self._player: Player | None = None
        self._sessions: list[Session] = []
        self._shared = False
        # As clients, forms and the `attrs` of frames show them.
        self.name = f"cassette {self.path.name} ({self.mode})"
        self.notice = self._notice()
        self.clock = self._world.clock
        if self.mode == "replay":
            self.clock = VirtualClock(self.entries[0].at if self.entries else time.time())
        if expired := self._expired():
            days = (self._now() - expired[0].at) / 86_400
            count = f"{len(expired):,} of its {len(self.entries):,} exchanges have expired"
            warn(f"{self.path}: {count}; the oldest is {days:,.0f} days old")

    def _load(self) -> CassetteFile | None:
        """The file, if this mode uses an existing one."""
        if self.mode in ("once", "off"):
            return None
        if self.mode in ("new", "refresh") and not is_recorded(self.path):
            return None
        return CassetteFile.load(self.path)

    def __repr__(self) -> str:
        unused, expired = len(self._unused()), len(self._expired())
        counts = [f"{len(self.entries):,} exchanges"]
        counts += [f"{unused:,} unused"] if self.mode == "replay" and unused else []
        counts += [f"{expired:,} expired"] if expired else []
        return f"contactkit {self.name}: {', '.join(counts)}"

    def _notice(self) -> str:
        """The banner on forms and pictures."""
        last = self.entries[-1].at if self.entries else time.time()
        recorded = self._file.header.get("world") if self._file else ""
        return _NOTICES[self.mode].format(
            file=self.path.name,
            when=datetime.fromtimestamp(last, UTC).date(),
            world="the simulator" if recorded == "simulator" else "the provider",
        )

    @property
    def real(self) -> bool:
        """Whether writes reach the provider itself."""
        return self._world.real and self.mode not in ("replay", "verify")

    @property
    def kind(self) -> str:
        """The world that a plan is made for: the recorded world, or in a replay this file."""
        replays = self.mode in ("replay", "verify")
        return f"cassette {self.path.name}" if replays else world_kind(self._world)

    @property
    def entries(self) -> Sequence[Entry]:
        """The recorded exchanges, in the order of their requests."""
        recorded = self._player.writer.file if self._player else None
        file = recorded if recorded and recorded.entries else self._file
        return file.entries if file else ()

    def frame(self) -> pd.DataFrame:
        """One row per exchange, in the order of their requests.

        Columns: method, path, query, status, failure, bytes, at, age, hits (how often it was
        replayed in this session), expired. An exchange ages by the wall clock, or by that of the
        simulator if it was recorded in its virtual time.
        """
        return frame(self.entries, self._hits, self._now(), self._expires)

    def unused(self) -> pd.DataFrame:
        """The rows of `frame` that were not replayed."""
        return frame(self._unused(), self._hits, self._now(), self._expires)

    def drift(self) -> pd.DataFrame:
        """The changes that mode `verify` has found so far: one row per difference."""
        tap = self._player.tap if self._player else None
        return drift_frame(tap.drift if isinstance(tap, Verifier) else [])

    def verify(self) -> pd.DataFrame:
        """Send every recorded read again, and return the changes, as `drift` does.

        It needs a client in mode `verify`. The frame's `attrs` have the number of reads that were
        sent (`asked`), and of those that were `skipped` because they name a person, for whom the
        cassette has only a pseudonym. Raises TransportError when no response arrives.
        """
        tap = self._player.tap if self._player else None
        if self._player is None or not isinstance(tap, Verifier):
            message = f'verify() needs a client with mode="verify"; this is {self.name}'
            raise ConfigurationError(message)
        session = self._sessions[-1]
        reads = Reads(session.provider, self._player.index)
        lasting = [entry.exchange for entry in self.entries if reads.is_lasting(entry)]
        known = [exchange for exchange in lasting if not reads.names_person(exchange.request)]
        transport = self._world.transport(session.provider)
        connection = Connection(transport, httpx.Timeout(30.0), session.base_url)
        tap.drift.clear()
        for exchange in known:
            live = run(resend(session, exchange.request), connection, self.clock)
            tap.compare(exchange, live)
        connection.close()
        drift = self.drift()
        drift.attrs = {"asked": len(known), "skipped": len(lasting) - len(known)}
        return drift

    def transport(self, provider: Provider) -> httpx.MockTransport | None:
        """The transport: in a replay the cassette alone, otherwise that of the recorded world."""
        if self.mode == "replay":
            return self._player_for(provider).replay.transport
        return self._world.transport(provider)

    def credentials(self, provider: Provider) -> Mapping[str, str] | None:
        """Placeholders in a replay; otherwise the credentials of the recorded world."""
        if self.mode != "replay":
            return self._world.credentials(provider)
        paths = {path_of(entry.url) for entry in self.entries}
        fetched = [way for way in provider.auth if _token_path(way) in paths]
        # Without a recorded token request, the requests were authorised in another way.
        ways = fetched or [way for way in provider.auth if not _token_path(way)] or provider.auth
        return {credential.name: "replayed" for way in ways for credential in way.credentials}

    def tap(self, session: Session) -> Tap | None:
        """What records or verifies the requests of this session."""
        self._sessions.append(session)
        if self.mode == "off":
            return self._world.tap(session)
        return self._player_for(session.provider).tap

    def hold_open(self) -> None:
        """Keep the recording open until `close`, beyond its clients; call it before `connect`."""
        self._shared = True

    def close(self, clean: bool) -> None:
        """End the recording; in mode `refresh` the file is replaced only if `clean`."""
        if self._player:
            self._player.writer.close(clean)

    def _player_for(self, provider: Provider) -> Player:
        if self._player is None:
            settings = Settings(
                path=self.path,
                mode=self.mode,
                file=self._file,
                world=self._world.name,
                clock=self.clock,
                overrides=self._overrides,
                exhausted=self._exhausted,
                shared=self._shared,
                allow=self._allow,
            )
            self._player = Player(provider, settings, self._sessions)
        if self._player.provider.name != provider.name:
            raise CassetteError(f"{self.path} is already used for {self._player.provider.name}")
        return self._player

    @property
    def _hits(self) -> Mapping[str, int]:
        return self._player.index.hits if self._player else dict[str, int]()

    def _unused(self) -> list[Entry]:
        return [entry for entry in self.entries if not self._hits.get(entry.id)]

    def _now(self) -> float:
        """The time now by the clock of the recording."""
        recorded = self._player.writer.file if self._player else None
        file = recorded or self._file
        header: Mapping[str, JSON] = file.header if file else {}
        simulated = self._world.name == "simulator"
        return present(header, self.entries, self._world.clock if simulated else None)

    def _expired(self) -> list[Entry]:
        if self._expires is None:
            return []
        since = self._now() - self._expires.total_seconds()
        return [entry for entry in self.entries if entry.at < since]


def _token_path(way: Auth) -> str:
    return path_of(way.token_url) if isinstance(way, ClientCredentials) else ""
