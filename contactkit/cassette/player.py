"""Plays or records one cassette for one provider, by the cassette's mode."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Literal, TypeAlias, cast, get_args

import respx

from contactkit._http.session import Session, secrets_of
from contactkit._http.world import Clock, VirtualClock
from contactkit.cassette.file import CassetteFile, CassetteWriter, ReplacingWriter
from contactkit.cassette.matching import Exhausted, Index
from contactkit.cassette.reader import is_recorded
from contactkit.cassette.recorder import Recorder, refuse_leaks
from contactkit.cassette.redaction.key import (
    VARIABLE,
    ensure_pseudonym_key,
    fingerprint,
    pseudonym_key,
)
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.replay import Replay
from contactkit.cassette.verify import Verifier
from contactkit.errors import CassetteError, ConfigurationError, warn
from contactkit.spec.provider import JSON, Provider

Mode: TypeAlias = Literal["replay", "once", "new", "refresh", "verify", "off"]
MODES: tuple[str, ...] = get_args(Mode)


def effective_mode(mode: str, path: Path, world: str) -> Mode:
    """The mode in effect: `once` replays a file that exists.

    CI replays in every mode, unless it records the simulator.
    """
    if mode not in MODES:
        raise ConfigurationError(f"mode={mode!r} must be one of {', '.join(MODES)}")
    if mode == "once" and is_recorded(path):
        return "replay"
    if mode != "replay" and world != "simulator" and in_ci():
        warn(f"{path}: CI is set, so it is replayed and nothing is recorded (mode={mode!r})")
        return "replay"
    return cast("Mode", mode)


def in_ci() -> bool:
    """Whether this runs unattended, where a live provider must not be recorded."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no")


def recording_advice(world: str) -> str:
    """How to record the requests that a cassette of this world lacks."""
    simulated = world == "simulator"
    again = ", world=contactkit.Simulator()" if simulated else ""
    where = "" if simulated or not in_ci() else "Nothing is recorded where CI is set. Elsewhere: "
    return (
        f'{where}To record missing requests, use contactkit.Cassette(path, mode="new"{again}); '
        'to record everything again, mode="refresh".'
    )


def default_exhausted() -> Exhausted:
    """In a notebook, where cells are run again, "last"; elsewhere "error"."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "error" if shell is None else "last"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A cassette's settings: its `file`, None if there is none yet, and the `world` to record.

    A `shared` recording outlasts its clients.
    """

    path: Path
    mode: Mode
    file: CassetteFile | None
    world: str
    clock: Clock
    overrides: respx.Router | None
    exhausted: Exhausted
    shared: bool
    allow: frozenset[str] = frozenset()


class Player:
    """Plays or records one cassette for one provider.

    The secrets of its clients' `sessions`, also of those that are added later, are not recorded.
    `tap` records or verifies; it is None in a replay.
    """

    def __init__(self, provider: Provider, settings: Settings, sessions: Sequence[Session]) -> None:
        self.provider = provider
        self._settings = settings
        file = settings.file
        header = file.header if file else {}
        if header.get("provider", provider.name) != provider.name:
            message = f"is a recording of {header['provider']}, not of {provider.name}"
            raise CassetteError(f"{settings.path} {message}")
        recorded = header.get("world", settings.world)
        self._refuse_mixture(recorded)
        key = self._own_key(header.get("key", ""))
        secrets = partial(secrets_of, sessions)
        self.redactor = Redactor(provider, secrets, key, dict(file.owners) if file else {})
        entries = file.entries if file and settings.mode != "refresh" else ()
        self.index = Index(provider, entries, self._exhausted, recording_advice(str(recorded)))
        self.replay = Replay(
            provider, self.index, self.redactor, settings.overrides, self._replay_clock
        )
        self.writer = self._writer()
        self.tap = self._tap(header.get("key", ""))

    def _refuse_mixture(self, recorded: JSON) -> None:
        """Refuse to record a provider and the simulator into one file."""
        settings = self._settings
        grows = settings.mode in ("new", "refresh")
        if grows and (recorded == "simulator") != (settings.world == "simulator"):
            raise CassetteError(
                f"{settings.path} was recorded from {recorded}, and {settings.world} is not "
                "recorded into the same file: use another file, or delete this one"
            )

    def _own_key(self, recorded: str) -> bytes:
        """The user's pseudonym key; a replay without it finds requests without personal values."""
        if self._settings.mode in ("replay", "verify"):
            return pseudonym_key() or token_bytes(32)
        key = ensure_pseudonym_key()
        if recorded not in ("", fingerprint(key)):
            raise CassetteError(
                f"{self._settings.path} was recorded with another pseudonym key: set "
                f"{VARIABLE} to that key, or delete the file and record it again"
            )
        return key

    @property
    def _exhausted(self) -> Exhausted:
        match self._settings.mode:
            case "new":
                return "error"
            case "verify":
                # A read that got no response is sent again.
                return "last"
            case _:
                return self._settings.exhausted

    @property
    def _replay_clock(self) -> VirtualClock | None:
        """The clock that a replay moves to the time of each exchange."""
        clock = self._settings.clock
        if self._settings.mode == "replay" and isinstance(clock, VirtualClock):
            return clock
        return None

    def _writer(self) -> CassetteWriter:
        settings, file = self._settings, self._settings.file
        refusal = f"{settings.path}: an exchange was not recorded:"
        scan = partial(refuse_leaks, self.redactor, refusal)
        if file is None:
            create = partial(
                CassetteFile.create,
                settings.path,
                provider=self.provider.name,
                world=settings.world,
                key=self.redactor.fingerprint,
                scan=scan,
            )
            return CassetteWriter(create)
        file.scan = scan
        return ReplacingWriter(file) if settings.mode == "refresh" else CassetteWriter(lambda: file)

    def _tap(self, recorded_key: str) -> Recorder | Verifier | None:
        settings = self._settings
        match settings.mode:
            case "replay" | "off":
                return None
            case "verify":
                same = recorded_key == self.redactor.fingerprint
                return Verifier(self.provider, settings.clock, self.redactor, self.replay, same)
            case mode:
                return Recorder(
                    self.provider,
                    settings.clock,
                    self.redactor,
                    self.replay,
                    self.writer,
                    only_missing=mode == "new",
                    shared=settings.shared,
                    allow=settings.allow,
                )
