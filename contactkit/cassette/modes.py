"""What a cassette does with a request: its modes, their classic names, and what CI makes of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from contactkit.cassette.keys import Exhausted
from contactkit.errors import ConfigurationError, warn

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
