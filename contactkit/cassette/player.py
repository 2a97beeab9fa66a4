"""What a cassette does with a request: its modes, their classic names, and what CI makes of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Literal, TypeAlias, cast, get_args

import httpx
import respx

from contactkit._http.world import Clock, VirtualClock
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.file import CassetteFile, CassetteWriter, ReplacingWriter
from contactkit.cassette.matching import Exhausted, Index
from contactkit.cassette.recorder import Recorder
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
CLASSIC = {"none": "replay", "all": "refresh", "new_episodes": "new"}


def settled(mode: str, path: Path, world: str) -> Mode:
    """The mode that is on: `once` replays what is there.

    So does CI whatever it was told, unless the world to be recorded is no network's.
    """
    found = CLASSIC.get(mode, mode)
    if found not in MODES:
        known = ", ".join((*MODES, *CLASSIC))
        raise ConfigurationError(f"mode={mode!r} must be one of {known}")
    if found == "once" and path.exists():
        return "replay"
    if found != "replay" and world != "simulator" and in_ci():
        warn(f"{path}: CI is set, so it is replayed and nothing is recorded (mode={mode!r})")
        return "replay"
    return cast("Mode", found)


def in_ci() -> bool:
    """Whether this runs unattended, where nothing may be recorded from a live provider."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no")


def advice(world: str) -> str:
    """How to record what a recording of this world does not hold."""
    simulated = world == "simulator"
    again = ", world=contactkit.Simulator()" if simulated else ""
    where = "" if simulated or not in_ci() else "Where CI is set nothing is recorded. Elsewhere: "
    return (
        f'{where}To record what is missing, use contactkit.Cassette(path, mode="new"{again}); '
        'to record all of it again, mode="refresh".'
    )


def exhaustion() -> Exhausted:
    """A notebook's cell may run again, and then gets the last answer again; a test must not."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "error" if shell is None else "last"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a cassette is told; `tape` is what it holds already, `world` what is recorded."""

    path: Path
    mode: Mode
    tape: CassetteFile | None
    world: str
    clock: Clock
    overrides: respx.Router | None
    exhausted: Exhausted


class Player:
    """One cassette and the provider that it is played to.

    `secrets` are those that its clients hold at the time of asking. `tap` records or verifies, and
    is None in a replay.
    """

    def __init__(
        self, provider: Provider, settings: Settings, secrets: Callable[[], Iterable[str]]
    ) -> None:
        self.provider = provider
        self._settings = settings
        header = settings.tape.header if settings.tape else {}
        if header.get("provider", provider.name) != provider.name:
            message = f"is a recording of {header['provider']}, not of {provider.name}"
            raise CassetteError(f"{settings.path} {message}")
        self._refuse_mixture(header.get("world", settings.world))
        self._key = self._own_key(header.get("key", ""))
        owners = dict(settings.tape.owners) if settings.tape else {}
        self.redaction = Redactor(provider, secrets, self._key, owners)
        known = settings.tape.entries if settings.tape and settings.mode != "refresh" else ()
        world = str(header.get("world", settings.world))
        self.index = Index(provider, known, self._exhausted, advice(world))
        self.replay = Replay(
            provider, self.index, self.redaction, settings.overrides, self._has_played
        )
        self.recording = self._recording()
        self.tap = self._tap(header.get("key", ""))

    def _refuse_mixture(self, recorded: JSON) -> None:
        """What was recorded from a simulator must not be taken for a provider's word."""
        told, grows = self._settings, self._settings.mode in ("new", "refresh")
        if grows and (recorded == "simulator") != (told.world == "simulator"):
            raise CassetteError(
                f"{told.path} was recorded from {recorded}, and {told.world} is not recorded into "
                "the same file: name another, or delete this one"
            )

    def _own_key(self, recorded: str) -> bytes:
        """The user's key; a replay without one finds what names no person, under any key."""
        if self._settings.mode in ("replay", "verify"):
            return pseudonym_key() or token_bytes(32)
        key = ensure_pseudonym_key()
        if recorded not in ("", fingerprint(key)):
            raise CassetteError(
                f"{self._settings.path} was recorded under another key of pseudonyms: set "
                f"{VARIABLE} to that one, or delete the file and record it anew"
            )
        return key

    @property
    def _exhausted(self) -> Exhausted:
        match self._settings.mode:
            case "new":
                return "error"
            case "verify":
                # A read that was lost on the way is sent again.
                return "last"
            case _:
                return self._settings.exhausted

    def _has_played(self, exchange: Exchange) -> None:
        """In a replay it becomes as late as it was."""
        if isinstance(self._settings.clock, VirtualClock) and self._settings.mode == "replay":
            self._settings.clock.sleep(exchange.at + exchange.elapsed)

    def _recording(self) -> CassetteWriter:
        tape = self._settings.tape
        if tape is None:
            return CassetteWriter(self._created)
        tape.scan = self._scan
        return (
            ReplacingWriter(tape)
            if self._settings.mode == "refresh"
            else CassetteWriter(lambda: tape)
        )

    def _created(self) -> CassetteFile:
        tape = CassetteFile.create(
            self._settings.path,
            provider=self.provider.name,
            world=self._settings.world,
            created=time.time(),
            key=fingerprint(self._key),
        )
        tape.scan = self._scan
        return tape

    def _scan(self, lines: bytes) -> None:
        if found := self.redaction.scan(lines):
            where = "; ".join(found)
            raise CassetteError(f"{self._settings.path}: an exchange is not recorded: {where}")

    def _tap(self, recorded: str) -> Recorder | Verifier | None:
        clock = self._settings.clock
        match self._settings.mode:
            case "replay" | "off":
                return None
            case "verify":
                same = recorded == fingerprint(self._key)
                return Verifier(self.provider, clock, self.redaction, self.replay, same)
            case mode:
                answered = self._recorded if mode == "new" else self.replay.overridden
                return Recorder(
                    self.provider, clock, self.redaction, self.index, self.recording, answered
                )

    def _recorded(self, request: httpx.Request) -> httpx.Response | None:
        """A recorded token is none that the provider would know."""
        return None if self.replay.kind(request) == "token" else self.replay.recorded(request)
