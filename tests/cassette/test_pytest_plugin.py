"""The plugin: what a test records and replays, in which file, and when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.pytest_plugin import file_name

# The runs inside these tests end with what was loaded before, and pandas cannot be loaded twice.
LOADED = ck.Cassette, ck.connect("sent", via=ck.Simulator()).contacts.list()

HEAD = """
import os
from datetime import timedelta
import pytest, respx
import contactkit as ck

SIMULATOR = ck.Simulator(contacts=int(os.environ.get("PEOPLE", 3)), seed=7)
marked = pytest.mark.contactkit_cassette

def connect(cassette):
    return ck.connect("sent", via=cassette)
"""
LISTS = """
@marked(world=SIMULATOR)
def test_lists(contactkit_cassette):
    assert len(connect(contactkit_cassette).contacts.list()) == int(os.environ.get("PEOPLE", 3))
"""
STRICT = (
    "[pytest]\naddopts = -p no:randomly -p no:asyncio --strict-markers\nfilterwarnings = error\n"
)


@pytest.fixture
def suite(pytester: pytest.Pytester):
    """Runs source as the tests of a project, in this process."""
    pytester.makeini(STRICT)

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_people=HEAD + source)
        return pytester.runpytest_inprocess(*options)

    return run


@pytest.fixture
def cassettes(pytester: pytest.Pytester) -> Path:
    return pytester.path / "cassettes" / "test_people"


def recorded(suite, source: str) -> None:
    suite(source, "--contactkit-mode=once").assert_outcomes(passed=1)


def people(path: Path) -> list[int]:
    """How many each recorded listing holds."""
    answers = [entry.exchange.response for entry in CassetteFile.load(path).entries]
    bodies = [json.loads(answer.body) for answer in answers if answer.status == 200]
    return [len(body["data"]["contacts"]) for body in bodies]


def test_fixture_replays_what_was_recorded(suite, cassettes, monkeypatch):
    recorded(suite, LISTS)
    assert [child.name for child in cassettes.iterdir()] == ["test_lists.jsonl"]
    monkeypatch.setenv("CI", "true")
    suite(LISTS.replace("world=SIMULATOR", "")).assert_outcomes(passed=1)


def test_fixture_without_a_marker_repeats_no_response(suite):
    recorded(suite, LISTS)
    twice = """
def test_lists(contactkit_cassette):
    assert isinstance(contactkit_cassette, ck.Cassette)
    connect(contactkit_cassette).contacts.list()
    with pytest.raises(ck.UnrecordedRequestError):
        connect(contactkit_cassette).contacts.list()
"""
    suite(twice).assert_outcomes(passed=1)


def test_missing_cassette_error_names_the_option(suite, cassettes):
    ran = suite(LISTS)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*CassetteError: *test_lists.jsonl*--contactkit-mode once*"])
    assert not cassettes.exists()


def test_option_refuses_an_unknown_mode(suite):
    ran = suite(LISTS, "--contactkit-mode=twice")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*mode='twice' must be one of replay, once*"])


def test_option_goes_before_the_marker(suite, cassettes):
    once = LISTS.replace("world=", 'mode="once", world=')
    suite(once, "--contactkit-mode=replay").assert_outcomes(errors=1)
    suite(once).assert_outcomes(passed=1)
    assert people(cassettes / "test_lists.jsonl") == [3]


ENDS = {
    "nobody": "client.contacts.list()",
    "the client": "with client: client.contacts.list()",
    "an error": "with pytest.raises(ck.NotFoundError), client:\n"
    "        client.contacts.list()\n"
    "        client.contacts.get('6ba7b810-9dad-11d1-80b4-000000000000')",
}


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_refresh_replaces_the_cassette_of_a_passed_test(end, passes, suite, cassettes, monkeypatch):
    recorded(suite, LISTS)
    monkeypatch.setenv("PEOPLE", "4")
    again = f"""
@marked(world=SIMULATOR)
def test_lists(contactkit_cassette):
    client = connect(contactkit_cassette)
    {ENDS[end]}
    assert {passes}
"""
    ran = suite(again, "--contactkit-mode=refresh")
    ran.assert_outcomes(passed=int(passes), failed=int(not passes))
    assert people(cassettes / "test_lists.jsonl") == [4 if passes else 3]
    assert [child.name for child in cassettes.iterdir()] == ["test_lists.jsonl"]


@pytest.mark.parametrize("reason", ["pytest.skip()", "pytest.xfail()", "1 / 0"])
def test_refresh_of_a_test_that_did_not_pass_changes_nothing(reason, suite, cassettes):
    recorded(suite, LISTS)
    before = (cassettes / "test_lists.jsonl").read_bytes()
    suite(LISTS.rstrip() + f"\n    {reason}\n", "--contactkit-mode=refresh")
    assert (cassettes / "test_lists.jsonl").read_bytes() == before


BOTH = """
@marked("both.jsonl", {arguments})
def test_both(contactkit_cassette):
    people = connect(contactkit_cassette).contacts
    {asks}
"""
WHOLE = BOTH.format(arguments="world=SIMULATOR", asks="people.list(); people.list(channel='sms')")


def only_one(arguments: str, asks: str = "people.list()") -> str:
    return BOTH.format(arguments=arguments, asks=asks)


UNUSED = "*both.jsonl: 1 of its 2 exchanges were not used:"


def test_unused_exchanges_fail_a_test(suite, pytester):
    recorded(suite, WHOLE)
    assert (pytester.path / "both.jsonl").exists()
    ran = suite(only_one('unused="fail"'))
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines([UNUSED, "  GET /v3/contacts"])
    suite(WHOLE.replace("world=SIMULATOR", 'unused="fail"')).assert_outcomes(passed=1)


def test_unused_exchanges_are_warned_about_or_ignored(suite):
    recorded(suite, WHOLE)
    ran = suite(only_one('unused="warn"'), "-W", "default")
    ran.assert_outcomes(passed=1, warnings=1)
    ran.stdout.fnmatch_lines(["test_people.py:*", "*ContactKitWarning: " + UNUSED])
    suite(only_one("")).assert_outcomes(passed=1)


def test_unused_exchanges_of_a_failed_test_are_ignored(suite):
    recorded(suite, WHOLE)
    suite(only_one('unused="fail"', "1 / 0")).assert_outcomes(failed=1)


def test_unused_exchanges_are_counted_after_other_fixtures(suite):
    source = """
@pytest.fixture
def people(contactkit_cassette):
    people = connect(contactkit_cassette).contacts
    yield people
    people.list(channel="sms")

@marked(world=SIMULATOR, unused="fail")
def test_it(people):
    people.list()
"""
    recorded(suite, source)
    suite(source).assert_outcomes(passed=1)


def test_expired_exchanges_are_warned_about_or_fail(suite, pytester):
    recorded(suite, WHOLE)
    for path in pytester.path.rglob("*.jsonl"):
        # Only a recording of a provider ages by the wall clock.
        path.write_bytes(path.read_bytes().replace(b'"world":"simulator"', b'"world":"live"'))
    for arguments in ("expires=timedelta(days=99_999)", 'expired="fail"', "expires=timedelta(0)"):
        warned = int(arguments == "expires=timedelta(0)")
        ran = suite(only_one(arguments), "-W", "default")
        ran.assert_outcomes(passed=1, warnings=warned)
    ran.stdout.fnmatch_lines(["*ContactKitWarning: *2 of its 2 exchanges have expired:"])
    ran = suite(only_one('expires=timedelta(0), expired="fail", unused="fail"'))
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines([UNUSED, "*2 of its 2 exchanges have expired:"])


def test_override_goes_first(suite):
    recorded(suite, WHOLE)
    source = """
router = respx.Router(base_url="https://api.sent.dm")
router.get("/v3/contacts").respond(404, json={"success": False})
""" + only_one("overrides=router", "pytest.raises(ck.NotFoundError, people.list)")
    suite(source).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("expire=1", "*takes no expire=; allowed: mode, world, overrides, unused, expires, ex*"),
        ('unused="error"', "*unused='error' must be one of ignore, warn, fail"),
        ('"more.jsonl"', "*takes one path before its keywords"),
    ],
)
def test_marker_refuses_unknown_arguments(arguments, message, suite):
    ran = suite(only_one(arguments))
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([message])


PATHS = """
class TestIt:
    @pytest.mark.parametrize("value", ["US", "us", "a/b", "a-b", "a b", "é" * 300, "x" * 300])
    @marked(mode="once", world=SIMULATOR)
    def test_one(self, value, contactkit_cassette):
        connect(contactkit_cassette).contacts.list()
        print("is", contactkit_cassette.path)

@marked(mode="once", world=SIMULATOR)
def test_one(contactkit_cassette):
    connect(contactkit_cassette).contacts.list()
    print("is", contactkit_cassette.path)
"""


def test_file_name_is_the_same_from_any_directory(suite, pytester, cassettes, monkeypatch):
    def paths(*options: str) -> list[str]:
        lines = suite(PATHS, "-s", *options).outlines
        return sorted(line.rpartition("is ")[2] for line in lines if line.endswith(".jsonl"))

    first = paths()
    assert len({name.lower() for name in first}) == 8
    own = {str(cassettes / f"{name}.jsonl") for name in ("test_one", "TestIt.test_one-us")}
    assert own < set(first)
    assert {Path(name) for name in first} == set(cassettes.iterdir())
    monkeypatch.chdir(pytester.mkdir("elsewhere"))
    tests = str(pytester.path / "test_people.py")
    assert paths("--rootdir=.", "--import-mode=importlib", tests) == first


TESTS = st.tuples(
    st.from_regex(r"test_[a-zé]{0,20}", fullmatch=True),
    st.none() | st.text(st.characters(codec="ascii"), max_size=120),
).map(lambda each: each[0] if each[1] is None else f"{each[0]}[{each[1]}]")


@given(st.lists(TESTS, unique=True, min_size=2))
def test_file_name_is_unique_and_short(tests):
    names = [file_name(test) for test in tests]
    assert len({name.lower() for name in names}) == len(tests)
    assert max(map(len, names)) <= 100
    assert all(name.isascii() and not set(name) & set(' /\\:*?"<>|[]') for name in names)


def test_plugin_imports_nothing_slow():
    code = "import sys, contactkit.cassette.pytest_plugin; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {module.partition(".")[0] for module in ran.stdout.split()}
    assert not loaded & {"pandas", "numpy", "httpx", "respx", "pydantic", "platformdirs"}
    ours = {module for module in ran.stdout.split() if module.startswith("contactkit")}
    assert ours == {
        "contactkit",
        "contactkit.cassette",
        "contactkit.cassette.pytest_plugin",
    }


def test_plugin_can_be_disabled(suite):
    suite("def test_it(): pass", "-p", "no:contactkit").assert_outcomes(passed=1)
    ran = suite(LISTS.replace("@marked(world=SIMULATOR)", ""), "-p", "no:contactkit")
    ran.stdout.fnmatch_lines(["*fixture 'contactkit_cassette' not found"])


def test_example_of_the_guide_runs(suite):
    page = (Path(__file__).parents[2] / "notebooks" / "guide" / "testing.md").read_text()
    source = next(block for block in page.split("```") if "import pytest" in block)
    source = source.removeprefix("python\n")
    recorded(suite, source)
    suite(source).assert_outcomes(passed=1)
