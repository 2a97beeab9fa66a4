"""Times as people read them, and whose times they are."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(moment: datetime, *, seconds: bool = False) -> str:
    """A time in this machine's zone, with UTC beside it where the two differ."""
    unit = "seconds" if seconds else "minutes"
    utc = f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', unit)} UTC"
    try:
        here = moment.astimezone()
    except (OSError, OverflowError):
        # The operating system does not know every year.
        return utc
    return f"{here.isoformat(' ', unit)} ({utc})" if here.utcoffset() else utc


def read_moment(text: object) -> datetime | None:
    """The moment of a text with a zone, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def time_note(world: str) -> str:
    """What the times of a world of this name are; "" if they are those of the wall's clock."""
    if world.startswith("cassette"):
        return "recorded time"
    return "simulated time" if world == "simulator" else ""
