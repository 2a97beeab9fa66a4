"""Converts cassettes and HTTP archives: contactkit's and vcrpy's format, and HAR.

Recordings of other tools contain secrets and personal values, and are redacted on the way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from contactkit._frames.paths import reason_of
from contactkit._providers import find, names
from contactkit.cassette.convert.common import Found, Malformed, exchanges_of, host_of
from contactkit.cassette.convert.har import read_har, to_har
from contactkit.cassette.convert.vcr import read_vcr
from contactkit.cassette.exchange import Exchange
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import json_line
from contactkit.cassette.matching import Matcher, WriteEpochs
from contactkit.cassette.reader import check_place, is_recorded
from contactkit.cassette.recorder import redact_exchange, refuse_leaks, refuse_unsearchable
from contactkit.cassette.redaction.media import media_types
from contactkit.cassette.redaction.redactor import Redactor
from contactkit.cassette.redaction.text import unreadable
from contactkit.errors import CassetteError, warn
from contactkit.spec.auth import ClientCredentials
from contactkit.spec.provider import Provider

_OURS = (".jsonl", ".jsonl.gz")
_READERS: Mapping[str, Callable[[Path], list[Found]]] = {
    ".yaml": read_vcr,
    ".yml": read_vcr,
    ".json": read_vcr,
    ".har": read_har,
}


def convert(
    source: Path,
    target: Path,
    provider: Provider | None,
    redactor_for: Callable[[Provider], Redactor],
    created: float,
    allow: Collection[str] = (),
) -> CassetteFile | None:
    """Write a cassette in the format that the target's name ends in; None for an HTTP archive.

    The provider of another tool's recording is found by its hosts; `provider` names it if they do
    not show it, or if there are several. Its bodies are refused as in a recording, but for the
    media types in `allow`.
    """
    ending = _ending(source, (*_OURS, *_READERS))
    is_archive = _ending(target, (*_OURS, ".har")) == ".har"
    check_place(source)
    if is_recorded(target):
        raise CassetteError(f"{target}: the file already exists")
    with _replacing(target) as path:
        if ending in _OURS:
            file = CassetteFile.load(source)
        else:
            create = partial(CassetteFile.create, path.with_name("redacted.jsonl"), created=created)
            found = _READERS[ending](source)
            file = _redact(source, found, provider, redactor_for, create, media_types(allow))
        _write(file, path, is_archive)
    return None if is_archive else CassetteFile.load(target)


def _ending(path: Path, allowed: Iterable[str]) -> str:
    for ending in allowed:
        if path.name.endswith(ending):
            return ending
    raise CassetteError(f"{path}: its name must end in one of {', '.join(allowed)}")


@contextmanager
def _replacing(target: Path) -> Generator[Path]:
    """A file that becomes the target when no error occurs."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=".convert-") as folder:
            path = Path(folder) / target.name
            yield path
            os.replace(path, target)
    except OSError as error:
        raise CassetteError(f"{target}: cannot be written: {reason_of(error)}") from None


def _write(file: CassetteFile, path: Path, is_archive: bool) -> None:
    if is_archive:
        text = json_line(to_har(file.entries)) + b"\n"
        file.scan(text)
        path.write_bytes(text)
    else:
        copy = CassetteFile(path, file.header)
        copy.scan = file.scan
        copy.rewrite(file.entries)


def _redact(
    source: Path,
    found: list[Found],
    provider: Provider | None,
    redactor_for: Callable[[Provider], Redactor],
    create: Callable[..., CassetteFile],
    allow: Collection[str],
) -> CassetteFile:
    """A file of another tool's exchanges with the provider, redacted."""
    provider = provider or _provider_of(source, found)
    exchanges, world = _with_provider(source, found, provider)
    _refuse_unreadable(source, exchanges, allow)
    redactor = redactor_for(provider)
    # A first pass, so that a name from a later exchange is found in an earlier one too.
    for exchange in exchanges:
        redact_exchange(exchange, provider, redactor)
    scan = partial(refuse_leaks, redactor, f"{source}: not converted, because it would contain")
    file = create(provider=provider.name, world=world, key=redactor.fingerprint, scan=scan)
    redacted = (redact_exchange(exchange, provider, redactor) for exchange in exchanges)
    for exchange in _in_epochs(provider, redacted):
        file.append(exchange, redactor.owners())
    return file


def _in_epochs(provider: Provider, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    matcher, epochs = Matcher(provider), WriteEpochs()
    for exchange in exchanges:
        match = matcher.read(exchange.request)
        yield replace(exchange, epoch=epochs.of(match))
        epochs.note(match, exchange)


def _refuse_unreadable(source: Path, exchanges: list[Exchange], allow: Collection[str]) -> None:
    """Refuse a body that cannot be searched for secrets and personal values."""
    for number, exchange in enumerate(exchanges, 1):
        if any(
            unreadable(part.headers, part.body) for part in (exchange.request, exchange.response)
        ):
            raise CassetteError(
                f"{source}, exchange {number} with the provider: its content is compressed in a "
                "way that is not supported; allowed are gzip, deflate and none"
            )
        try:
            refuse_unsearchable(exchange, allow)
        except CassetteError as error:
            raise CassetteError(f"{source}, exchange {number} with the provider: {error}") from None


def _with_provider(
    source: Path, found: list[Found], provider: Provider
) -> tuple[list[Exchange], str]:
    """The exchanges with the provider, and the world they come from; others may be malformed."""
    hosts, known = _hosts(found), _provider_hosts(provider)
    # The provider may have another address, for example behind a proxy.
    chosen = known & hosts or (hosts if len(hosts) == 1 else set[str]())
    if not chosen:
        exchanges_of(found)
        places = ", ".join(sorted(known))
        raise CassetteError(f"{source}: contains no exchange with {provider.name} ({places})")
    matching = [each for each in found if _host(each) in chosen]
    exchanges = exchanges_of(matching)
    if dropped := len(found) - len(matching):
        warn(f"{source}: exchanges with other hosts are left out: {dropped}")
    return exchanges, "live" if chosen <= known else "unknown"


def _provider_of(source: Path, found: list[Found]) -> Provider:
    hosts, providers = _hosts(found), list(map(find, names()))
    matching = [provider for provider in providers if _provider_hosts(provider) & hosts]
    if len(matching) == 1:
        return matching[0]
    if matching:
        several = " and ".join(provider.name for provider in matching)
        raise CassetteError(
            f"{source}: contains exchanges with {several}: name the provider to keep"
        )
    exchanges_of(found)
    places = ", ".join(sorted(set[str]().union(*map(_provider_hosts, providers))))
    raise CassetteError(f"{source}: contains no exchange with {places}: name the provider")


def _hosts(found: list[Found]) -> set[str]:
    return set(map(_host, found))


def _host(found: Found) -> str:
    return host_of(found.url if isinstance(found, Malformed) else found.request.url)


def _provider_hosts(provider: Provider) -> set[str]:
    ways = [way for way in provider.auth if isinstance(way, ClientCredentials)]
    return {host_of(url) for url in (provider.base_url, *(way.token_url for way in ways))}
