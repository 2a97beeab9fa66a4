"""Where a journal of a fleet is on a disk.

SQLite needs locks that work, which network file systems do not promise.
"""

from __future__ import annotations

import os
from pathlib import Path

from contactkit._journal.store import own_path
from contactkit.errors import JournalError

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = ("nfs", "cifs", "smb", "fuse.", "afs", "ceph", "glusterfs", "lustre", "ncpfs", "davfs")


def journal_folder(folder: str | None) -> Path:
    """The folder of journals, or else one of the user who has this process.

    JournalError if it is on a network disk, as far as the system says so.
    """
    place = Path(folder) if folder else own_path().parent / "fleet"
    kind = _file_system(place)
    if kind.startswith(_NETWORK):
        raise JournalError(
            f"the journals' folder {place} is on a network disk ({kind}), whose locks are not "
            "safe; use fleet(…, journal=…) with a folder on a local disk"
        )
    return place


def _file_system(folder: Path) -> str:
    """The kind of file system that holds a folder; "" where the system does not say."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    place = os.path.realpath(folder)
    best = ("", "")
    for line in lines:
        point, kind = line.split(" ")[1:3]
        point = point.encode().decode("unicode_escape")
        # Of mounts at one place, the last counts.
        if _is_in(place, point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _is_in(place: str, point: str) -> bool:
    return place == point or place.startswith(point.rstrip("/") + "/")
