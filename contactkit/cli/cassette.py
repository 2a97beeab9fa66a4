"""`contactkit cassette`: show, audit, verify, convert and prune a recording in the terminal."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import Annotated

import typer

from contactkit._client.connect import connect
from contactkit._providers import find, names
from contactkit.cassette.ages import present
from contactkit.cassette.audit import audit as find_leaks
from contactkit.cassette.convert import convert as convert_file
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.frame import frame
from contactkit.cassette.reader import CassetteReader
from contactkit.cassette.redaction.key import ensure_pseudonym_key, fingerprint, pseudonym_key
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cli.output import say, show
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import Provider

app = typer.Typer(
    help="Show, audit, verify, convert and prune recordings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(help="A recording: .jsonl or .jsonl.gz.", metavar="FILE")]
_WORLDS = {"live": "the provider", "simulator": "the simulator", "unknown": "an unknown world"}
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


@app.command("show")
def show_cassette(file: File) -> None:
    """Show a summary of a recording and its exchanges."""
    cassette_file = CassetteFile.load(file)
    say(_summary(cassette_file))
    exchanges = frame(cassette_file.entries, {}, _now(cassette_file))
    exchanges["status"] = exchanges["status"].astype("string").fillna(exchanges["failure"])
    exchanges["age"] = exchanges["age"].map(_age)
    columns = ["method", "path", "query", "status", "bytes", "age"]
    show(exchanges.filter(columns), folds=["query"])


@app.command()
def audit(file: File) -> None:
    """Find secrets and personal values in a file.

    The exit status is 1 if there are any.
    """
    reader, broken = CassetteReader(file), None
    try:
        reader.read()
    except CassetteError as error:
        broken = error
    findings = find_leaks(file, _redactor_for(reader))
    if broken:
        warn(f"{broken}; its lines are audited anyway")
    if findings.empty:
        say("nothing found")
        return
    where = "byte " + findings["byte"].astype("string")
    hidden = "in " + findings["hidden"]
    findings["place"] = (hidden + ", " + where).fillna(hidden).fillna(where)
    show(findings.filter(["line", "kind", "place"]))
    raise typer.Exit(1)


@app.command()
def verify(
    file: File,
    base_url: Annotated[
        str | None,
        typer.Option(help="Send to this address instead of the provider's.", metavar="URL"),
    ] = None,
) -> None:
    """Send the recorded reads again and show what has changed.

    The exit status is 1 if anything has. Writes are never sent. Credentials come from the
    environment.
    """
    # Only this command needs the code that plays recordings.
    from contactkit.cassette.cassette import Cassette

    cassette = Cassette(file, "verify")
    with connect(CassetteFile.load(file).header["provider"], via=cassette, base_url=base_url):
        drift = cassette.verify()
    if len(drift):
        show(drift, folds=["path", "field", "recorded", "live"])
    changed = "" if len(drift) else "; nothing has changed"
    say(_count_reads(drift.attrs["asked"], drift.attrs["skipped"]) + changed)
    if len(drift):
        raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(help="A recording of contactkit or vcrpy, or an HTTP archive.")
    ],
    target: Annotated[Path, typer.Argument(help="Its name ends in .jsonl, .jsonl.gz or .har.")],
    provider: Annotated[
        str | None,
        typer.Option(help="The provider of the exchanges, if their hosts do not show it."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            help="Keep bodies of this media type, searched as text, such as image/png; for more, "
            "repeat it.",
            metavar="TYPE",
        ),
    ] = None,
) -> None:
    """Convert a recording to another format, by the name of the target.

    Recordings of other tools are redacted on the way.
    """
    named = find(provider) if provider else None
    now = time.time()
    cassette_file = convert_file(source, target, named, _new_redactor, now, allow or ())
    archive = f"an HTTP archive of {target.stat().st_size:,} bytes"
    say(f"{target}: {_summary(cassette_file) if cassette_file else archive}")


@app.command()
def prune(
    file: File,
    days: Annotated[
        int, typer.Option(min=0, help="Keep exchanges up to this age in days.", metavar="N")
    ],
    drop_all: Annotated[
        bool, typer.Option("--all", help="Go on if that leaves no exchange.")
    ] = False,
) -> None:
    """Drop old exchanges from a recording, and show which.

    A copy of the file is kept beside it.
    """
    cassette_file = CassetteFile.load(file)
    now = _now(cassette_file)
    since = now - days * _UNITS["day"]
    old = [entry for entry in cassette_file.entries if entry.at < since]
    if not old:
        say(f"nothing is older; {_count(len(cassette_file.entries), 'exchange')} left")
        return
    if len(old) == len(cassette_file.entries) and not drop_all:
        count = _count(len(old), "exchange")
        raise CassetteError(
            f"{file}: all {count} are older, and nothing would be left: use --all to drop them"
        )
    dropped = frame(old, {}, now)
    dropped["age"] = dropped["age"].map(_age)
    show(dropped.filter(["method", "path", "query", "age"]), folds=["query"])
    copy = _copy_of(file)
    shutil.copy2(file, copy)
    cassette_file.prune(since)
    left = f"{len(cassette_file.entries):,} left"
    say(f"{_count(len(old), 'exchange')} dropped, {left}; {copy} is the file before")


def _copy_of(file: Path) -> Path:
    """A path beside a file that no file has yet."""
    names = (file.with_name(f"{file.name}.bak{number or ''}") for number in count())
    return next(name for name in names if not name.exists())


def _now(cassette_file: CassetteFile) -> float:
    """The time now by the clock of a recording."""
    return present(cassette_file.header, cassette_file.entries, None)


def _summary(cassette_file: CassetteFile) -> str:
    """A recording in one line."""
    header = cassette_file.header
    world = _WORLDS.get(header.get("world", ""), f"the world {header.get('world')!r}")
    size = f"{cassette_file.path.stat().st_size:,} bytes"
    count = _count(len(cassette_file.entries), "exchange")
    key = pseudonym_key()
    whose = "your" if key and header.get("key") == fingerprint(key) else "another"
    origin = f"{header.get('provider')}, recorded from {world}{_when(cassette_file)}"
    return f"{origin}: {count} in {size}, under {whose} pseudonym key"


def _when(cassette_file: CassetteFile) -> str:
    days = [datetime.fromtimestamp(entry.at, UTC).date() for entry in cassette_file.entries]
    if not days:
        return ""
    return f" on {days[0]}" if days[0] == days[-1] else f" between {days[0]} and {days[-1]}"


def _age(age: timedelta) -> str:
    """An age in its largest unit."""
    seconds = max(0, int(age.total_seconds()))
    unit = next((name for name in _UNITS if seconds >= _UNITS[name]), "second")
    return _count(seconds // _UNITS[unit], unit)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _count_reads(sent: int, skipped: int) -> str:
    reads = f"{_count(sent, 'read')} sent again"
    return f"{reads}, {skipped:,} skipped because they name a person" if skipped else reads


def _redactor_for(reader: CassetteReader) -> Redactor:
    """A redactor that finds secrets and people in a file, even where its header is damaged."""
    provider = reader.header.get("provider")
    # A search in text is the same for every provider.
    known = find(provider if provider in names() else names()[0])
    return Redactor(known, list[str], pseudonym_key() or token_bytes(32), reader.owners)


def _new_redactor(provider: Provider) -> Redactor:
    return Redactor(provider, list[str], ensure_pseudonym_key())
