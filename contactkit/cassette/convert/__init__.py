"""Recordings from one form into another: ours, vcrpy's and HTTP archives.

What others recorded is redacted on its way, for it holds secrets and people; what is ours was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from contactkit._providers import find, names
from contactkit.cassette.convert.har import har, read_har
from contactkit.cassette.convert.vcr import read_vcr
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import written
from contactkit.cassette.matching import Matcher, WriteEpochs
from contactkit.cassette.redaction.exchange import redact_exchange, unreadable
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.errors import CassetteError, warn
from contactkit.spec.provider import ClientCredentials, Provider

_OURS = (".jsonl", ".jsonl.gz")
_READERS: Mapping[str, Callable[[Path], list[Exchange]]] = {
    ".yaml": read_vcr,
    ".yml": read_vcr,
    ".json": read_vcr,
    ".har": read_har,
}


def convert(
    source: Path,
    target: Path,
    provider: Provider | None,
    redaction_of: Callable[[Provider], Redactor],
    created: float,
) -> CassetteFile | None:
    """Write a recording in another form, by the names of the files; None for an HTTP archive.

    The provider of others' recordings is the one that was asked, by the hosts of the declarations;
    `provider` says it where they do not, or where there are several.
    """
    kind = _ending(source, (*_OURS, *_READERS))
    archive = _ending(target, (*_OURS, ".har")) == ".har"
    if target.exists():
        raise CassetteError(f"{target}: there is a file already")
    with _beside(target) as made:
        if kind in _OURS:
            tape = CassetteFile.load(source)
        else:
            begin = partial(CassetteFile.create, made.with_name("heard.jsonl"), created=created)
            tape = _taken(source, _READERS[kind](source), provider, redaction_of, begin)
        _write(tape, made, archive)
    return None if archive else CassetteFile.load(target)


def _ending(path: Path, allowed: Iterable[str]) -> str:
    for ending in allowed:
        if path.name.endswith(ending):
            return ending
    raise CassetteError(f"{path}: its name must end in one of {', '.join(allowed)}")


@contextmanager
def _beside(target: Path) -> Generator[Path]:
    """A file that takes the target's place when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".convert-") as folder:
        made = Path(folder) / target.name
        yield made
        os.replace(made, target)


def _write(tape: CassetteFile, made: Path, archive: bool) -> None:
    if archive:
        text = written(har(tape.entries)) + b"\n"
        tape.scan(text)
        made.write_bytes(text)
    else:
        whole = CassetteFile(made, tape.header)
        whole.scan = tape.scan
        whole.rewrite(tape.entries)


def _taken(
    source: Path,
    heard: list[Exchange],
    provider: Provider | None,
    redaction_of: Callable[[Provider], Redactor],
    begin: Callable[..., CassetteFile],
) -> CassetteFile:
    """What is kept of others' recording."""
    provider = provider or _asked(source, heard)
    heard, world = _chosen(source, heard, provider)
    _see_through(source, heard)
    redaction = redaction_of(provider)
    # Once before it counts: a name that a later exchange marks is found in an earlier one too.
    for each in heard:
        redact_exchange(each, provider, redaction)
    tape = begin(provider=provider.name, world=world, key=redaction.fingerprint)
    tape.scan = partial(_refuse, source, redaction)
    redacted = (redact_exchange(exchange, provider, redaction) for exchange in heard)
    for exchange in _in_epochs(provider, redacted):
        tape.append(exchange, redaction.owners())
    return tape


def _in_epochs(provider: Provider, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    questions, epochs = Matcher(provider), WriteEpochs()
    for each in exchanges:
        question = questions.read(each.request)
        yield replace(each, epoch=epochs.of(question))
        epochs.note(question, each)


def _refuse(source: Path, redaction: Redactor, kept: bytes) -> None:
    if found := redaction.scan(kept):
        raise CassetteError(f"{source}: not converted, it would hold {'; '.join(found[:5])}")


def _see_through(source: Path, heard: list[Exchange]) -> None:
    """Refuse what cannot be searched for secrets and people."""
    for number, each in enumerate(heard, 1):
        if any(unreadable(part.headers, part.body) for part in (each.request, each.response)):
            raise CassetteError(
                f"{source}, exchange {number} with the provider: its content is compressed in a "
                "way that cannot be undone here; allowed are gzip, deflate and none"
            )


def _chosen(source: Path, heard: list[Exchange], provider: Provider) -> tuple[list[Exchange], str]:
    """The exchanges with the provider, and the world they are from."""
    asked, known = _asked_hosts(heard), _hosts(provider)
    # It may have been asked at another address, as through a proxy.
    kept = known & asked or (asked if len(asked) == 1 else set[str]())
    if not kept:
        places = ", ".join(sorted(known))
        raise CassetteError(f"{source}: holds no exchange with {provider.name} ({places})")
    found = [each for each in heard if _host(each.request.url) in kept]
    if left := len(heard) - len(found):
        warn(f"{source}: exchanges with other hosts are left out: {left}")
    return found, "live" if kept <= known else "unknown"


def _asked(source: Path, heard: list[Exchange]) -> Provider:
    asked, known = _asked_hosts(heard), list(map(find, names()))
    found = [each for each in known if _hosts(each) & asked]
    if len(found) == 1:
        return found[0]
    if found:
        several = " and ".join(each.name for each in found)
        raise CassetteError(f"{source}: holds exchanges with {several}: say which to keep")
    places = ", ".join(sorted(set[str]().union(*map(_hosts, known))))
    raise CassetteError(f"{source}: holds no exchange with {places}: say which provider it is of")


def _asked_hosts(heard: list[Exchange]) -> set[str]:
    return {_host(each.request.url) for each in heard}


def _hosts(provider: Provider) -> set[str]:
    ways = [each for each in provider.auth if isinstance(each, ClientCredentials)]
    return {_host(url) for url in (provider.base_url, *(way.token_url for way in ways))}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
