"""The world of a view of several clients: all of their names and notices."""

from __future__ import annotations

from collections.abc import Iterable

from contactkit._http.world import Live, World


class JointWorld(Live):
    """A world for a form's head; no request goes to it."""

    def __init__(self, worlds: Iterable[World]) -> None:
        known = list(worlds)
        self.real = any(world.real for world in known)
        self.name = ", ".join(dict.fromkeys(world.name for world in known)) or "no client"
        self.notice = " ".join(dict.fromkeys(world.notice for world in known if world.notice))
