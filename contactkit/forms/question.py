"""A question that is asked once, before something is done that is hardly meant."""

from __future__ import annotations

import time

# Two presses of Enter in a row are one answer, given before the question was read.
READING = 1.0


class Question:
    """What was asked about last, and when."""

    def __init__(self) -> None:
        self._asked: object = None
        self._since = 0.0

    def asks(self, about: object) -> bool:
        """Whether this has to be asked about first: once, and long enough to be read."""
        now = time.monotonic()
        if self._asked == about and now - self._since >= READING:
            return False
        self._asked, self._since = about, now
        return True

    def forget(self) -> None:
        """The question that was asked last is answered with no."""
        self._asked = None
