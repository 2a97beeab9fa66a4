"""The pytest plugin: a fixture that gives each test its own cassette, beside its file.

Every pytest run imports this module, so only the fixture imports what is slow to import.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterator
from dataclasses import KW_ONLY, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    import pluggy
    import respx

    from contactkit._http.world import World
    from contactkit.cassette.cassette import Cassette

_RULES = ("ignore", "warn", "fail")
_LONGEST = 100
_PASSED = pytest.StashKey[bool]()


@dataclass(frozen=True)
class CassetteOptions:
    """The marker's arguments; `path` is relative to the test's file, "" for the test's own.

    When a replayed test has passed, exchanges that it did not replay are treated as `unused` says,
    and those that are older than `expires` as `expired` says: "ignore", "warn" or "fail".
    """

    path: str | Path = ""
    _: KW_ONLY
    mode: str = "replay"
    world: World | None = None
    overrides: respx.Router | None = None
    unused: str = "ignore"
    expires: timedelta | None = None
    expired: str = "warn"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("contactkit").addoption(
        "--contactkit-mode",
        metavar="MODE",
        help="mode of every contactkit_cassette: replay (the default, unless a marker names "
        "another), once, new, refresh, verify or off",
    )


def pytest_configure(config: pytest.Config) -> None:
    names = ", ".join(_keywords())
    config.addinivalue_line(
        "markers",
        f"contactkit_cassette(path, *, {names}): the cassette that contactkit_cassette replays",
    )


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pluggy.Result[pytest.TestReport], None]:
    outcome = yield
    report = outcome.get_result()
    item.stash[_PASSED] = report.when == "call" and report.passed


@pytest.fixture
def contactkit_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """The test's cassette, for `contactkit.connect(name, via=contactkit_cassette)`.

    It is `cassettes/<module>/<test>.jsonl` beside the test file, or the path in the marker of the
    same name, and is replayed by default. A recording ends with the test, not with a client; in
    mode `refresh` it replaces the older one only if the test has passed.
    """
    options = _options(request.node)
    mode = request.config.getoption("--contactkit-mode") or options.mode
    cassette = _open(_path(request.node, options), mode, options)
    cassette.hold_open()
    yield cassette
    passed = request.node.stash.get(_PASSED, False)
    cassette.close(clean=passed)
    if passed and cassette.mode == "replay":
        _check(request.node, cassette, options)


def _keywords() -> list[str]:
    return [field.name for field in fields(CassetteOptions) if field.kw_only]


def _options(node: pytest.Item) -> CassetteOptions:
    marker = node.get_closest_marker("contactkit_cassette")
    if marker is None:
        return CassetteOptions()
    if mistake := _mistake(marker):
        pytest.fail(f"{node.nodeid}: @pytest.mark.contactkit_cassette: {mistake}", pytrace=False)
    return CassetteOptions(*marker.args, **marker.kwargs)


def _mistake(marker: pytest.Mark) -> str:
    if len(marker.args) > 1:
        return "takes one path before its keywords"
    for name, value in marker.kwargs.items():
        if name not in _keywords():
            return f"takes no {name}=; allowed: {', '.join(_keywords())}"
        if name in ("unused", "expired") and value not in _RULES:
            return f"{name}={value!r} must be one of {', '.join(_RULES)}"
    return ""


def _path(node: pytest.Item, options: CassetteOptions) -> Path:
    if options.path:
        return node.path.parent / options.path
    classes = [item.name for item in node.listchain() if isinstance(item, pytest.Class)]
    name = file_name(".".join([*classes, node.name]))
    return node.path.parent / "cassettes" / node.path.stem / f"{name}.jsonl"


def file_name(test: str) -> str:
    """The file name of a test, which no other test has.

    A hash distinguishes names that differ only in characters a file name cannot have, or in case,
    which some file systems ignore.
    """
    function, bracket, rest = test.partition("[")
    plain = f"{function}-{rest.removesuffix(']')}" if bracket else function
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", plain)
    if name == plain and len(name) <= _LONGEST and rest == rest.lower():
        return name
    hashed = hashlib.sha256(test.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9]}-{hashed}"


def _open(path: Path, mode: str, options: CassetteOptions) -> Cassette:
    from contactkit.cassette.cassette import Cassette
    from contactkit.cassette.reader import is_recorded
    from contactkit.errors import CassetteError

    try:
        return Cassette(
            path, mode, world=options.world, overrides=options.overrides, exhausted="error"
        )
    except CassetteError as error:
        if is_recorded(path):
            raise
        message = f"{error}; run this test with --contactkit-mode once to record it"
        raise CassetteError(message) from None


def _check(node: pytest.Item, cassette: Cassette, options: CassetteOptions) -> None:
    """Warn about unused or expired exchanges, or fail the test."""
    from contactkit.errors import ContactKitWarning

    complaints = list(_complaints(cassette, options))
    if failed := [message for rule, message in complaints if rule == "fail"]:
        pytest.fail("\n".join(failed), pytrace=False)
    for rule, message in complaints:
        if rule == "warn":
            node.warn(ContactKitWarning(message))


def _complaints(cassette: Cassette, options: CassetteOptions) -> Iterator[tuple[str, str]]:
    rows: list[dict[str, Any]] = cast("Any", cassette.frame()).to_dict("records")
    unused = [row for row in rows if not row["hits"]]
    expired = [row for row in rows if options.expires is not None and row["age"] > options.expires]
    for rule, complaint, some in (
        (options.unused, "were not used", unused),
        (options.expired, "have expired", expired),
    ):
        if some:
            requests = dict.fromkeys(f"  {row['method']} {row['path']}" for row in some)
            count = f"{len(some):,} of its {len(rows):,} exchanges {complaint}"
            yield rule, "\n".join([f"{cassette.path}: {count}:", *requests])
