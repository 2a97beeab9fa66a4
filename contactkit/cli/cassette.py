"""`contactkit cassette`: what a recording holds, and what may be done with it, in the terminal."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Annotated

import typer

from contactkit._client.connect import connect
from contactkit._providers import find, names
from contactkit.cassette.convert import convert as converted
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.frame import audit as audited
from contactkit.cassette.frame import frame
from contactkit.cassette.reader import CassetteReader
from contactkit.cassette.redaction.key import fingerprint, made_pseudonym_key, pseudonym_key
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cli.output import say, show
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import Provider

app = typer.Typer(help="Look at recordings, check, convert and prune them.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A recording: .jsonl or .jsonl.gz.", metavar="FILE")]
_WORLDS = {"live": "the provider", "simulator": "the simulator", "unknown": "an unknown world"}
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


@app.command("show")
def show_tape(file: File) -> None:
    """Show what a recording is of, and its exchanges."""
    tape = CassetteFile.load(file)
    say(_summary(tape))
    held = frame(tape.entries, {}, time.time())
    held["status"] = held["status"].astype("string").fillna(held["failure"])
    held["age"] = held["age"].map(_age)
    shown = ["method", "path", "query", "status", "bytes", "age"]
    show(held.filter(shown), folds=["path", "query"])


@app.command()
def audit(file: File) -> None:
    """Look for secrets and personal values in a file; status 1 when there are any."""
    reading, broken = CassetteReader(file), None
    try:
        reading.run()
    except CassetteError as error:
        broken = error
    found = audited(file, _redaction(reading))
    if broken:
        warn(f"{broken}; its lines are audited all the same")
    if found.empty:
        say("nothing found")
        return
    where = "byte " + found["byte"].astype("string")
    hidden = "in " + found["hidden"]
    found["place"] = (hidden + ", " + where).fillna(hidden).fillna(where)
    show(found.filter(["line", "kind", "place"]))
    raise typer.Exit(1)


@app.command()
def verify(
    file: File,
    base_url: Annotated[
        str | None, typer.Option(help="Ask this address, not the provider's own.")
    ] = None,
) -> None:
    """Send the recorded reads again and show what has changed; status 1 when something has.

    Writes are never sent. Credentials come from the environment.
    """
    # Only this command needs what recordings are played with.
    from contactkit.cassette.cassette import Cassette

    cassette = Cassette(file, "verify")
    with connect(CassetteFile.load(file).header["provider"], via=cassette, base_url=base_url):
        drift = cassette.verify()
    if len(drift):
        show(drift, folds=["path", "field", "recorded", "live"])
    changed = "" if len(drift) else "; nothing has changed"
    say(_asked(drift.attrs["asked"], drift.attrs["skipped"]) + changed)
    if len(drift):
        raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Ours, vcrpy's or an HTTP archive.")],
    target: Annotated[Path, typer.Argument(help="Its name ends in .jsonl, .jsonl.gz or .har.")],
    provider: Annotated[
        str | None, typer.Option(help="Whose exchanges to keep, where the hosts do not say it.")
    ] = None,
) -> None:
    """Write a recording in another form, by the names of the files.

    What others recorded is redacted on its way.
    """
    known = find(provider) if provider else None
    tape = converted(source, target, known, _own_redaction, time.time())
    said = _summary(tape) if tape else f"an HTTP archive of {target.stat().st_size:,} bytes"
    say(f"{target}: {said}")


@app.command()
def prune(
    file: File,
    days: Annotated[int, typer.Option(min=0, help="The age in days that is still kept.")],
) -> None:
    """Drop the exchanges of a recording that are older than so many days."""
    tape = CassetteFile.load(file)
    dropped = tape.prune(time.time() - days * _UNITS["day"])
    say(f"{_count(dropped, 'exchange')} dropped, {len(tape.entries):,} left")


def _summary(tape: CassetteFile) -> str:
    """What a recording is, in one line."""
    header = tape.header
    world = _WORLDS.get(header.get("world", ""), f"the world {header.get('world')!r}")
    held = f"{_count(len(tape.entries), 'exchange')} in {tape.path.stat().st_size:,} bytes"
    key = pseudonym_key()
    whose = "your" if key and header.get("key") == fingerprint(key) else "another"
    told = f"{header.get('provider')}, recorded from {world}{_when(tape)}: {held}"
    return f"{told}, under {whose} key of pseudonyms"


def _when(tape: CassetteFile) -> str:
    days = [datetime.fromtimestamp(each.at, UTC).date() for each in tape.entries]
    if not days:
        return ""
    return f" on {days[0]}" if days[0] == days[-1] else f" between {days[0]} and {days[-1]}"


def _age(age: timedelta) -> str:
    """An age in its largest unit."""
    seconds = max(0, int(age.total_seconds()))
    unit = next((each for each in _UNITS if seconds >= _UNITS[each]), "second")
    return _count(seconds // _UNITS[unit], unit)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _asked(asked: int, skipped: int) -> str:
    told = f"{_count(asked, 'read')} sent again"
    return f"{told}, skipped because they name somebody: {skipped:,}" if skipped else told


def _redaction(reading: CassetteReader) -> Redactor:
    """What finds secrets and people in a file, whichever way its header says it was made."""
    provider = reading.header.get("provider")
    # What is searched for in a text is the same whatever the provider.
    known = find(provider if provider in names() else names()[0])
    return Redactor(known, list[str], pseudonym_key() or token_bytes(32), reading.owners)


def _own_redaction(provider: Provider) -> Redactor:
    return Redactor(provider, list[str], made_pseudonym_key())
