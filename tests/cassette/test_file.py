"""The file: written, read, killed and merged without a loss; errors name what is wrong."""

from __future__ import annotations

import gzip
import json
import re
import resource
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contactkit as ck
from contactkit._providers import find
from contactkit.cassette import reader
from contactkit.cassette.audit import audit
from contactkit.cassette.body import dump_json
from contactkit.cassette.exchange import Exchange, RecordedRequest, RecordedResponse
from contactkit.cassette.file import CassetteFile
from contactkit.cassette.format import entry_of, stable_headers
from contactkit.cassette.redaction.redactor import Redactor
from tests.support.exchanges import begun, contact, exchange, page
from tests.support.requests import RawClient

ROOT = Path(__file__).parents[2]
PAGE = exchange(body=page([contact(n) for n in range(100)]))
PAGE_BODY = PAGE.response.body
LOST = exchange(status=None, body=b"", failure="ReadTimeout", sent=False)


@pytest.fixture(params=["cassette.jsonl", "cassette.jsonl.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def exchanges_in(path: Path) -> list[Exchange]:
    """Every exchange of a file."""
    return [entry.exchange for entry in CassetteFile.load(path).entries]


def lines(path: Path) -> list[dict[str, Any]]:
    """Every line of a file, parsed."""
    return [json.loads(line) for line in path.read_text().splitlines()]


TEXTS = st.text(max_size=8)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
ASKED = st.builds(
    RecordedRequest,
    method=st.sampled_from(["GET", "PATCH"]),
    url=TEXTS.map("https://example.com/{}".format),
    query=PAIRS,
    body=st.binary(max_size=20) | st.just(b'{"name":"Zo\\u00eb"}'),
    content_type=TEXTS,
    headers=PAIRS,
)
EXCHANGES = st.builds(
    Exchange,
    request=ASKED,
    response=st.builds(
        RecordedResponse,
        status=st.none() | st.integers(100, 599),
        headers=PAIRS.filter(lambda pairs: stable_headers(pairs) == pairs),
        body=st.binary(max_size=20)
        | st.sampled_from([b'{"a":1}', b'"\\ud800"', b'{"content":{"digest":"0"}}', PAGE_BODY]),
        failure=st.just("ReadTimeout"),
        sent=st.booleans(),
    ),
    at=st.floats(0, 2e11),
    elapsed=st.floats(0, 10),
    epoch=st.integers(0),
)


@given(EXCHANGES)
def test_entry_returns_any_exchange(expected: Exchange) -> None:
    assert entry_of(Path(), expected, lambda line: "id").exchange == expected


def test_load_returns_what_was_appended(path: Path) -> None:
    file = begun(path)
    expected = [exchange(body={"n": n}, at=n / 7) for n in range(5)] + [PAGE, LOST]
    for recorded in expected:
        file.append(recorded)
    assert sorted(exchanges_in(path), key=str) == sorted(expected, key=str)
    assert [entry.id for entry in CassetteFile.load(path).entries] == [
        entry.id for entry in file.entries
    ]


def test_header_names_the_source(tmp_path: Path) -> None:
    begun(tmp_path / "deep" / "cassette.jsonl", created=1.5)
    assert lines(tmp_path / "deep" / "cassette.jsonl") == [
        {
            "kind": "contactkit-cassette",
            "version": 1,
            "provider": "sent",
            "world": "simulator",
            "created": "1970-01-01T00:00:01+00:00",
            "note": "Recorded from the simulator: this proves nothing about the provider.",
        }
    ]
    begun(tmp_path / "live.jsonl", world="live")
    assert "note" not in lines(tmp_path / "live.jsonl")[0]


def test_create_refuses_an_existing_file(path: Path) -> None:
    begun(path).append(PAGE)
    with pytest.raises(ck.CassetteError, match="already"):
        begun(path)
    assert exchanges_in(path) == [PAGE]


def test_fields_have_a_fixed_order(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(headers=(("Content-Type", "text/plain"),), body=b"text"))
    file.append(LOST)
    _, answered, lost = lines(file.path)
    start = ["id", "at", "epoch", "ask", "elapsed"]
    assert list(answered) == [*start, "status", "headers", "content"]
    assert list(lost) == [*start, "failure", "arrived"]


def test_volatile_headers_are_dropped(tmp_path: Path) -> None:
    stays = tuple(
        (name, "1")
        for name in (
            *("Content-Type", "Retry-After", "Idempotent-Replayed"),
            *("X-Sandbox", "X-Dry-Run", "X-Request-Id", "Link"),
        )
    )
    goes = tuple(
        (name, "1")
        for name in (
            *("Content-Encoding", "Content-Length", "Transfer-Encoding"),
            *("Date", "Set-Cookie", "X-RateLimit-Remaining", "X-RateLimit-Limit-Day"),
            *("RateLimit", "RateLimit-Reset", "CF-Ray", "x-amzn-RequestId", "ETag"),
        )
    )
    received = exchange(headers=(*goes, *stays))
    begun(tmp_path / "a.jsonl").append(received)
    assert exchanges_in(tmp_path / "a.jsonl")[0].response.headers == stays


def test_entries_are_in_the_order_of_issue(path: Path) -> None:
    file = begun(path)
    for at in (2.0, 1.0, 3.0, 1.0):
        file.append(exchange(body=len(file.entries), at=at))
    assert [entry.exchange.response.body for entry in file.entries] == [b"1", b"3", b"0", b"2"]
    assert [entry.exchange.response.body for entry in CassetteFile.load(path).entries] == [
        b"1",
        b"3",
        b"0",
        b"2",
    ]


def test_append_keeps_equal_exchanges(path: Path) -> None:
    file = begun(path)
    for _ in range(3):
        file.append(PAGE)
    assert exchanges_in(path) == [PAGE] * 3


def test_append_works_in_threads(path: Path) -> None:
    file = begun(path)

    def record(thread: int) -> None:
        for n in range(20):
            file.append(exchange(f"/{thread}", {"n": n}, at=float(n)))

    threads = [threading.Thread(target=record, args=(n,)) for n in range(8)]
    for worker in threads:
        worker.start()
    for worker in threads:
        worker.join()
    assert len(exchanges_in(path)) == 160


KILLED = """
import os, signal, sys
from tests.cassette.test_file import *
file = begun(Path(sys.argv[1]))
for n in range(6):
    file.append(exchange(body={"n": n}, at=float(n)))
file.append(PAGE)
if sys.argv[2] == "cut":
    data = entry_of(file.path, exchange(body={"n": 8}), lambda line: "cut").data
    data = gzip.compress(data) if file.path.suffix == ".gz" else data
    open(file.path, "ab").write(data[: len(data) // 2])
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path: Path, how: str) -> None:
    """Record seven exchanges in a process that is killed, perhaps within the eighth."""
    command = [sys.executable, "-c", KILLED, str(path), how]
    assert subprocess.run(command, cwd=ROOT).returncode == -9


def test_append_survives_a_kill(path: Path) -> None:
    killed(path, "between")
    assert len(exchanges_in(path)) == 7


def test_load_drops_a_line_cut_by_a_kill(path: Path) -> None:
    killed(path, "cut")
    with pytest.warns(ck.ContactKitWarning, match="is incomplete"):
        file = CassetteFile.load(path)
    assert len(file.entries) == 7
    file.append(exchange(body="after"))
    assert len(exchanges_in(path)) == 8


@pytest.mark.parametrize("cut", [0, 1, 50, 99])
def test_load_drops_a_page_without_its_last_lines(tmp_path: Path, cut: int) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(LOST)
    whole = entry_of(file.path, PAGE, lambda line: "cut").data.splitlines(keepends=True)
    with open(file.path, "ab") as raw:
        raw.write(b"".join(whole[: 100 - cut]))
    with pytest.warns(ck.ContactKitWarning, match="is incomplete"):
        file = CassetteFile.load(file.path)
    file.append(PAGE)
    assert exchanges_in(file.path) == [LOST, PAGE]


def test_load_keeps_a_last_line_without_its_newline(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(PAGE)
    file.path.write_bytes(file.path.read_bytes().rstrip())
    CassetteFile.load(file.path).append(LOST)
    assert exchanges_in(file.path) == [PAGE, LOST]


def test_load_reads_windows_line_ends(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(PAGE)
    file.path.write_bytes(file.path.read_bytes().replace(b"\n", b"\r\n"))
    assert exchanges_in(file.path) == [PAGE]


def merged(tmp_path: Path, base: Path, ours: Path, theirs: Path) -> Path:
    """Two branches' files as `merge=union` leaves them."""
    for place, name in ((ours, "ours"), (theirs, "theirs")):
        (tmp_path / name).write_bytes(place.read_bytes())
    subprocess.run(["git", "merge-file", "--union", "ours", base, "theirs"], cwd=tmp_path)
    (tmp_path / "ours").rename(tmp_path / "merged.jsonl")
    return tmp_path / "merged.jsonl"


def branches(tmp_path: Path) -> list[CassetteFile]:
    """A recording of twenty exchanges, and two copies of it."""
    file = begun(tmp_path / "base.jsonl")
    for n in range(20):
        file.append(exchange(f"/contacts/{n}", contact(n), at=float(n)))
    files = [file]
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(file.path.read_bytes())
        files.append(CassetteFile.load(tmp_path / name))
    return files


def test_merge_of_two_branches_keeps_both_recordings(tmp_path: Path) -> None:
    base, ours, theirs = branches(tmp_path)
    new = [exchange(body=page([contact(n) for n in range(k, 100)]), at=20.0 + k) for k in range(3)]
    for file, number in ((ours, 0), (ours, 2), (theirs, 1), (theirs, 2)):
        file.append(new[number])
    result = exchanges_in(merged(tmp_path, base.path, ours.path, theirs.path))
    assert result == [*(entry.exchange for entry in base.entries), *new]


def test_merge_of_the_same_request_keeps_both_responses(tmp_path: Path) -> None:
    base, ours, theirs = branches(tmp_path)
    ours.append(exchange(body={"state": "PENDING"}, at=30.0))
    theirs.append(exchange(body={"state": "DONE"}, at=30.0))
    assert len(exchanges_in(merged(tmp_path, base.path, ours.path, theirs.path))) == 22


def test_merge_of_two_new_files_keeps_both_recordings(tmp_path: Path) -> None:
    ours, theirs = begun(tmp_path / "a.jsonl", created=1.0), begun(tmp_path / "b.jsonl")
    ours.append(PAGE)
    theirs.append(LOST)
    (tmp_path / "base.jsonl").write_bytes(b"")
    path = merged(tmp_path, tmp_path / "base.jsonl", ours.path, theirs.path)
    assert exchanges_in(path) == [PAGE, LOST]


def test_merge_of_one_exchange_recorded_twice_takes_the_younger(tmp_path: Path) -> None:
    base, _, _ = branches(tmp_path)
    sides = [base.create_successor(), base.create_successor()]
    first = base.entries[0].exchange
    data = [
        side.append(exchange("/contacts/0", contact(7), at=at)).data
        for side, at in zip(sides, (50.0, 40.0), strict=True)
    ]
    base.path.write_bytes(base.path.read_bytes() + b"".join(data))
    by_id = {entry.id: entry.exchange for entry in CassetteFile.load(base.path).entries}
    assert len(by_id) == 20
    assert by_id[base.entries[0].id].at == 50.0 != first.at


def listing(length: int, at: float) -> Exchange:
    """A page of this length in which one contact always changes."""
    contacts = [contact(number) for number in range(length)]
    contacts[5]["opt_out"] = at
    return exchange(body=page(contacts), at=at)


@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("times", [(1.0, 2.0), (2.0, 1.0)])
@pytest.mark.parametrize("lengths", [(30, 30), (20, 40), (40, 20)])
def test_merge_of_one_list_recorded_twice_takes_the_younger(
    tmp_path: Path, lengths: tuple[int, int], times: tuple[float, float], extra: bool
) -> None:
    base = begun(tmp_path / "base.jsonl")
    base.append(listing(30, 0.0))
    sides = [listing(n, at) for n, at in zip(lengths, times, strict=True)]
    paths = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for path, side in zip(paths, sides, strict=True):
        path.write_bytes(base.path.read_bytes())
        file = CassetteFile.load(path)
        again = file.create_successor()
        again.append(side)
        file.rewrite(again.entries)
    if extra:
        CassetteFile.load(paths[0]).append(LOST)
    result = exchanges_in(merged(tmp_path, base.path, *paths))
    younger = max(sides, key=lambda side: side.at)
    assert [side for side in result if side != LOST] == [younger]


def test_append_of_one_changed_contact_is_a_small_diff(tmp_path: Path) -> None:
    answer = RawClient("sent", contacts=100)("GET", "/v3/contacts?page_size=100").json()
    for name, opt_out in (("a.jsonl", False), ("b.jsonl", True)):
        answer["data"]["contacts"][50]["opt_out"] = opt_out
        begun(tmp_path / name).append(exchange(body=dump_json(answer)))
    command = ["git", "diff", "--no-index", "-U0", "a.jsonl", "b.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert b'"opt_out":true' in done.stdout
    assert len(done.stdout) <= 1_300


def test_successor_keeps_the_ids_of_repeated_requests(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    for body in ("PENDING", "DONE"):
        file.append(exchange(body=body))
    file.append(PAGE)
    side = file.create_successor()
    assert side.path.parent == file.path.parent
    again = [exchange(body=body, at=9.0) for body in ("PENDING", "DONE")]
    again.append(exchange("/never/before", at=9.0))
    ids = [side.append(recorded).id for recorded in again]
    assert ids[:2] == [entry.id for entry in file.entries][:2]
    assert len({*ids, *(entry.id for entry in file.entries)}) == 4
    file.rewrite(side.entries)
    assert exchanges_in(file.path) == again


def test_rewrite_keeps_unknown_fields(path: Path) -> None:
    file = begun(path)
    file.append(PAGE)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as raw:
        text = raw.read()
    text = text.replace('"version":1', '"version":1,"mood":"fair"').replace(
        '"elapsed"', '"weather":"rain","elapsed"'
    )
    text = re.sub(r'"item":(7|8),', r'"item":\1,"colour":"red",', text)
    with opened(path, "wt") as raw:
        raw.write(text)
    file = CassetteFile.load(path)
    file.rewrite(file.entries)
    with opened(path, "rt") as raw:
        assert raw.read() == text
    assert exchanges_in(path) == [PAGE]


def test_rewrite_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: Any) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(PAGE)
    before = file.path.read_bytes()

    def fails(*paths: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="no space"):
        file.rewrite([])
    assert file.path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["cassette.jsonl"]


def full(path: Path, room: int) -> None:
    """Append a page and rewrite the file on a disk with `room` free bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, -1))
    file = CassetteFile.load(path)
    for write in (lambda: file.append(PAGE), lambda: file.rewrite(file.entries * 9)):
        try:
            write()
        except ck.CassetteError as error:
            print(error)


FULL = """
import signal, sys
from pathlib import Path
from tests.cassette.test_file import full
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
full(Path(sys.argv[1]), 100)
"""


def test_append_to_a_full_disk_changes_nothing(path: Path) -> None:
    file = begun(path)
    file.append(PAGE)
    before = path.read_bytes()
    command = [sys.executable, "-c", FULL, path]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.count("cannot be written: File too large") == 2
    assert path.read_bytes() == before
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_append_writes_a_deleted_file_again(path: Path) -> None:
    file = begun(path)
    file.append(LOST)
    path.unlink()
    file.append(PAGE)
    assert exchanges_in(path) == [LOST, PAGE]


def test_create_names_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ck.CassetteError, match=r"cassette\.jsonl: cannot be created: "):
        begun(tmp_path / "file" / "cassette.jsonl")


def test_append_writes_nothing_that_the_scan_refuses(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    seen: list[bytes] = []

    def scan(data: bytes) -> None:
        seen.append(data)
        if b"secret" in data:
            raise ck.CassetteError("a secret")

    file.scan = scan
    file.append(LOST)
    before = file.path.read_bytes()
    assert before.endswith(seen[0])
    with pytest.raises(ck.CassetteError):
        file.append(exchange(body="secret"))
    assert file.path.read_bytes() == before
    assert len(file.entries) == 1


GOOD = '{"id":"x","at":0,"epoch":0,"ask":{"method":"GET","url":"https://example.com"}}'


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            '{"id":"x","at":0,"epoch":0,"ask":{"method":"GET","url":"https://exa',
            "is not a complete",
        ),
        ("<<<<<<< ours", "is not a complete"),
        ('{"id":"x"}', "is not a line"),
        (GOOD.replace('"at":0', '"at":0-0'), "is not a line"),
        (GOOD.replace('"at":0', '"at":"soon"'), "is not a line"),
        (GOOD.replace('"at":0', '"at":1e300'), "is not a line"),
        (GOOD.replace('"at":0', '"at":NaN'), "is not a line"),
        ('{"of":"x"}', "is not a line"),
        ("[{}]]}", "is not a line"),
        ('{"of":"y","item":0,"digest":"0","json":{}}', "belongs to exchange y"),
        ('{"kind":"contactkit-cassette","version":2}', "version 1"),
        ('{"kind":"something else","version":1}', "version 1"),
        ('{"kind":"contactkit-cassette","version":1,"provider":"b"}', "another provider"),
    ],
)
def test_load_names_a_wrong_line(tmp_path: Path, line: str, why: str) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    text = file.path.read_text()
    file.path.write_text(f"{text}{GOOD}\n{line}\n{GOOD.replace('x', 'z', 1)}\n")
    with pytest.raises(ck.CassetteError, match=rf"cassette\.jsonl, line 3: .*{why}"):
        CassetteFile.load(file.path)


@pytest.mark.parametrize(("versions", "line"), [((b"true",), 103), ((b"true", b"null"), 104)])
def test_load_names_two_versions_of_an_item(
    tmp_path: Path, versions: tuple[bytes, ...], line: int
) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    entry = file.append(PAGE)
    with open(file.path, "ab") as raw:
        raw.writelines(entry.items[7].replace(b"false", version) + b"\n" for version in versions)
    with pytest.raises(ck.CassetteError, match=f"line {line}: is another item 7"):
        CassetteFile.load(file.path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"opt_out":false', '"opt_out":true'),
        ('"page":1', '"page":2'),
        ('"items":100', '"items":99'),
        ('"digest":"', '"digest":"0'),
        ('"elapsed"', '"elapsed'),
        ('"ask":{"method":"GET"', '"ask":{"method":"GET","query":7'),
        ('"json":{"data"', '"yaml":{"data"'),
    ],
)
def test_exchange_that_was_changed_is_named(tmp_path: Path, old: str, new: str) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(PAGE)
    *lines, last = file.path.read_text().splitlines()
    text = "\n".join([*lines, last.replace(old, new, 1)])
    file.path.write_text((text if old in last else text.replace(old, new, 1)) + "\n")
    entry = CassetteFile.load(file.path).entries[0]
    with pytest.raises(ck.CassetteError, match=r"cassette\.jsonl, line 102: "):
        _ = entry.exchange


def test_request_that_was_changed_is_named(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(asks=b'{"opt_out":true}', method="PATCH"))
    file.path.write_text(file.path.read_text().replace("true", "false"))
    with pytest.raises(ck.CassetteError, match="line 2: its content does not match its digest"):
        _ = CassetteFile.load(file.path).entries[0].request


def test_load_reads_a_file_written_by_hand(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(PAGE)
    file.path.write_text("\n\n".join(json.dumps(line) for line in lines(file.path)) + "\n")
    assert exchanges_in(file.path) == [PAGE]


@pytest.mark.parametrize("content", [b"", b"\n", GOOD.encode() + b"\n"])
def test_load_refuses_a_file_without_a_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cassette.jsonl").write_bytes(content)
    with pytest.raises(ck.CassetteError, match="line 1: "):
        CassetteFile.load(tmp_path / "cassette.jsonl")


def test_load_refuses_a_missing_or_uncompressed_file(tmp_path: Path) -> None:
    with pytest.raises(ck.CassetteError, match="no such file"):
        CassetteFile.load(tmp_path / "cassette.jsonl")
    (tmp_path / "cassette.jsonl.gz").write_text("{}")
    with pytest.raises(ck.CassetteError, match=r"cassette\.jsonl\.gz, line 1: cannot be read"):
        CassetteFile.load(tmp_path / "cassette.jsonl.gz")


def test_errors_and_reprs_show_no_personal_values(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange("/contacts/+12025550123", contact(23)))
    assert "5550123" not in repr(file.entries[0])
    file.path.write_text(file.path.read_text().replace("(202)", "(303)"))
    with pytest.raises(ck.CassetteError) as caught:
        _ = CassetteFile.load(file.path).entries[0].exchange
    assert "555" not in str(caught.value)


def test_append_keeps_lone_surrogates_and_line_separators(path: Path) -> None:
    expected = exchange(body=b'{"a":"\\ud800"}', asks='{"b":"\u2028\x85"}'.encode())
    begun(path).append(expected)
    assert exchanges_in(path) == [expected]


def test_load_parses_no_exchange(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(body=dump_json("x")))
    file.path.write_text(file.path.read_text().replace('"status":200', '"status":2 0 0'))
    assert len(CassetteFile.load(file.path).entries) == 1


def test_append_writes_owners_with_the_first_exchange(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(), {"+12025550101": "a" * 16, "Tofira": "b" * 16})
    file.append(exchange("/contacts/1"), {"+12025550101": "a" * 16, "+12025550102": "c" * 16})
    again = CassetteFile.load(file.path)
    assert again.owners == {"+12025550101": "a" * 16, "Tofira": "b" * 16, "+12025550102": "c" * 16}
    assert [len(entry.owners) for entry in again.entries] == [2, 1]
    again.rewrite(again.entries)
    assert again.path.read_bytes() == file.path.read_bytes()


def test_load_drops_owners_without_their_exchange(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange())
    whole = file.path.read_bytes()
    file.append(exchange("/contacts/1"), {"Tofira": "b" * 16})
    file.path.write_bytes(file.path.read_bytes().rpartition(b'{"id"')[0])
    with pytest.warns(ck.ContactKitWarning, match="is incomplete"):
        again = CassetteFile.load(file.path)
    again.append(exchange("/contacts/2"))
    assert again.path.read_bytes().startswith(whole + b'{"id"')


def test_successor_repeats_the_owners(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(), {"Tofira": "b" * 16})
    side = file.create_successor()
    side.append(exchange(), {"Tofira": "b" * 16})
    before = file.path.read_bytes()
    file.rewrite(side.entries)
    assert file.path.read_bytes() == before


def test_prune_keeps_the_owners(tmp_path: Path) -> None:
    file = begun(tmp_path / "cassette.jsonl")
    file.append(exchange(at=1.0), {"Tofira": "b" * 16})
    file.append(exchange("/contacts/1", at=2.0), {"Tofira": "b" * 16, "Kemalo": "c" * 16})
    assert file.prune(2.0) == 1
    again = CassetteFile.load(file.path)
    assert [entry.url[-2:] for entry in again.entries] == ["/1"]
    assert again.owners == {"Tofira": "b" * 16, "Kemalo": "c" * 16}
    assert (again.prune(2.0), again.prune(3.0), CassetteFile.load(file.path).owners) == (0, 1, {})


BOMBS = {
    "one long line": b'{"kind":"' + bytes(1 << 20),
    "many lines": b"\n" * (1 << 20),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_load_and_audit_refuse_what_expands_too_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: str
) -> None:
    monkeypatch.setattr(reader, "MOST_UNPACKED", 2 << 20)
    monkeypatch.setattr(reader, "_MOST_TIMES", 0)
    path, unit = tmp_path / "cassette.jsonl.gz", BOMBS[bomb]
    with gzip.open(path, "wb") as file:
        for _ in range(100):
            file.write(unit)
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    with pytest.raises(ck.CassetteError, match=r"gz: expands to more than 2,097,152 bytes"):
        CassetteFile.load(path)
    with pytest.raises(ck.CassetteError, match="decompress it yourself"):
        audit(path, Redactor(find("sent"), list, b"key"))
    assert tracemalloc.get_traced_memory()[1] < 3 * reader.MOST_UNPACKED
    tracemalloc.stop()


def test_load_reads_a_compressed_file_up_to_the_bound(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(path).append(PAGE)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        size = len(file.read())
    monkeypatch.setattr(reader, "_MOST_TIMES", 0)
    monkeypatch.setattr(reader, "MOST_UNPACKED", size)
    assert exchanges_in(path)
    monkeypatch.setattr(reader, "MOST_UNPACKED", size - 1)
    if path.suffix == ".gz":
        with pytest.raises(ck.CassetteError, match="expands to more than"):
            CassetteFile.load(path)
    else:
        assert exchanges_in(path)
