"""The pytest plugin: each test that asks for one has a recording of its own, beside its file.

Every pytest run imports this, whatever it tests; so the fixture alone imports what is heavy.
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
    """What the marker says; `path` is from the folder of the test's file, "" for the test's own.

    When a replayed test has passed, `unused` says what becomes of exchanges that it did not ask
    for, and `expired` of those that are older than `expires`: "ignore", "warn" or "fail".
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
        help="mode of every contactkit_cassette: replay (the default, but where a marker names "
        "another), once, new, refresh, verify or off",
    )


def pytest_configure(config: pytest.Config) -> None:
    names = ", ".join(_keywords())
    config.addinivalue_line(
        "markers",
        f"contactkit_cassette(path, *, {names}): the recording that contactkit_cassette replays",
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
    """A recording for `contactkit.connect(name, via=contactkit_cassette)`, replayed.

    It is `cassettes/<module>/<test>.jsonl` beside the test's file, or what the marker of the same
    name says. Where it is recorded, it ends with the test and not with a client; one that is
    recorded anew takes the older one's place only if the test has passed.
    """
    terms = _terms(request.node)
    mode = request.config.getoption("--contactkit-mode") or terms.mode
    cassette = _opened(_path(request.node, terms), mode, terms)
    cassette.hold_open()
    yield cassette
    passed = request.node.stash.get(_PASSED, False)
    cassette.close(clean=passed)
    if passed and cassette.mode == "replay":
        _settle(request.node, cassette, terms)


def _keywords() -> list[str]:
    return [each.name for each in fields(CassetteOptions) if each.kw_only]


def _terms(node: pytest.Item) -> CassetteOptions:
    marker = node.get_closest_marker("contactkit_cassette")
    if marker is None:
        return CassetteOptions()
    if wrong := _wrong(marker):
        pytest.fail(f"{node.nodeid}: @pytest.mark.contactkit_cassette: {wrong}", pytrace=False)
    return CassetteOptions(*marker.args, **marker.kwargs)


def _wrong(marker: pytest.Mark) -> str:
    if len(marker.args) > 1:
        return "before its keywords it takes one path"
    for name, value in marker.kwargs.items():
        if name not in _keywords():
            return f"it takes no {name}=; allowed: {', '.join(_keywords())}"
        if name in ("unused", "expired") and value not in _RULES:
            return f"{name}={value!r} must be one of {', '.join(_RULES)}"
    return ""


def _path(node: pytest.Item, terms: CassetteOptions) -> Path:
    if terms.path:
        return node.path.parent / terms.path
    classes = [each.name for each in node.listchain() if isinstance(each, pytest.Class)]
    name = file_name(".".join([*classes, node.name]))
    return node.path.parent / "cassettes" / node.path.stem / f"{name}.jsonl"


def file_name(test: str) -> str:
    """A test's name as a file's, and never that of another test.

    What no file's name may hold, or may hold only in vain (capitals, where a file system knows
    none), is told apart by a hash.
    """
    function, bracket, rest = test.partition("[")
    plain = f"{function}-{rest.removesuffix(']')}" if bracket else function
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", plain)
    if name == plain and len(name) <= _LONGEST and rest == rest.lower():
        return name
    own = hashlib.sha256(test.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9]}-{own}"


def _opened(path: Path, mode: str, terms: CassetteOptions) -> Cassette:
    from contactkit.cassette.cassette import Cassette
    from contactkit.errors import CassetteError

    try:
        return Cassette(path, mode, world=terms.world, overrides=terms.overrides, exhausted="error")
    except CassetteError as error:
        if path.exists():
            raise
        message = f"{error}; run this test with --contactkit-mode once to record it"
        raise CassetteError(message) from None


def _settle(node: pytest.Item, cassette: Cassette, terms: CassetteOptions) -> None:
    """Warn of what is unused or expired, or fail for it."""
    from contactkit.errors import ContactKitWarning

    said = list(_complaints(cassette, terms))
    if failed := [message for rule, message in said if rule == "fail"]:
        pytest.fail("\n".join(failed), pytrace=False)
    for rule, message in said:
        if rule == "warn":
            node.warn(ContactKitWarning(message))


def _complaints(cassette: Cassette, terms: CassetteOptions) -> Iterator[tuple[str, str]]:
    rows: list[dict[str, Any]] = cast("Any", cassette.frame()).to_dict("records")
    unused = [row for row in rows if not row["hits"]]
    expired = [row for row in rows if terms.expires is not None and row["age"] > terms.expires]
    for rule, what, some in (
        (terms.unused, "were not used", unused),
        (terms.expired, "have expired", expired),
    ):
        if some:
            asked = dict.fromkeys(f"  {row['method']} {row['path']}" for row in some)
            held = f"{len(some):,} of its {len(rows):,} exchanges {what}"
            yield rule, "\n".join([f"{cassette.path}: {held}:", *asked])
