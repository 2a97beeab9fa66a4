"""Where a recording's file holds a secret or a personal value, as a table that repeats none."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from contactkit.cassette.redaction import Redaction
from contactkit.errors import CassetteError
from contactkit.frames import STRING, declared_frame

COLUMNS: dict[str, Any] = {
    "line": pd.Int64Dtype(),
    "kind": STRING,
    "byte": pd.Int64Dtype(),
    "hidden": STRING,
}


def audit(path: Path, redaction: Redaction) -> pd.DataFrame:
    """One row a finding in the lines of a file as they stand, whether or not it can be played.

    `line` counts from 1 and `byte`, within its line, from 0. Where the value stands plainly,
    `hidden` is NA; else it says what must be undone to read it, and `byte` is that of the base64
    it is in, or NA where the whole line must be decoded. A name without a form of its own is found
    only after `redaction` met it in its field.
    """
    rows = [
        {"line": number, "kind": kind, "byte": byte, "hidden": hidden or None}
        for number, line in enumerate(_lines(path), 1)
        for kind, byte, hidden in redaction.findings(line)
    ]
    return declared_frame(COLUMNS, rows)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, up to where it was cut off."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            yield from cast("Iterator[bytes]", file)
    except EOFError:
        return
    except FileNotFoundError:
        raise CassetteError(f"{path}: there is no such recording") from None
    except (OSError, zlib.error) as error:
        raise CassetteError(f"{path}: cannot be read: {error}") from None
