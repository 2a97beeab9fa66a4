"""`show`: what a frame looks like in a cell, in a saved notebook and in a terminal."""

from __future__ import annotations

import re
import time
from datetime import datetime
from html.parser import HTMLParser

import pandas as pd
import pytest

import contactkit as ck
from contactkit._providers import find
from contactkit.spec.record import key_of

BERLIN = datetime(2026, 10, 1, 11, tzinfo=datetime.strptime("+0200", "%z").tzinfo)
SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tables of some HTML as lists of cells, and all of its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._is_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_cell &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._is_cell:
            self.tables[-1][-1][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(frame: object) -> Page:
    return Page(ck.show(frame)._repr_html_())


def cells_of(frame: object) -> list[list[str]]:
    """The rows of the first table, without its head."""
    return page_of(frame).tables[0][1:]


@pytest.fixture
def people(name: str) -> pd.DataFrame:
    return ck.connect(name, via=ck.Simulator(contacts=45, seed=7)).contacts.list()


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_contacts_begin_with_who_and_consent_and_end_with_their_key(people, name):
    provider = find(name)
    head = page_of(people).tables[0][0]
    key = key_of(provider.record)
    last = [key.name] if not key.marker.personal else []
    assert head[-1:] == last or key.marker.personal
    consent = [head.index(field) for field in provider.consent.fields]
    addresses = [head.index(field) for field in provider.consent.address_fields if field in head]
    assert min(addresses) < min(consent)
    assert max(consent) <= len(provider.consent.fields) + len(addresses) + 3
    assert not {*head} & {name for name in people if people[name].isna().all()}


def test_result_begins_with_outcome_key_and_message(name, example):
    client = ck.connect(name, via=ck.Simulator())
    done = client.contacts.update(example.key, **example.update)
    head = page_of(done).tables[0][0]
    assert head[:2] == ["outcome", "key"] and not {"before", "after"} & {*head}
    assert page_of(done.assign(message="why")).tables[0][0][:3] == ["outcome", "key", "message"]


def test_world_is_a_badge(people):
    assert "simulator" in page_of(people).texts
    [badge] = page_of(people).attributes("span")
    assert "border" in (badge["style"] or "")
    assert not page_of(pd.DataFrame({"a": [1]})).attributes("span")


def test_simulated_and_recorded_times_are_marked(people):
    note = "Simulated time, not this machine's."
    assert note in page_of(people).texts
    for world, marked in (("live", False), ("cassette a.jsonl (replay)", True)):
        people.attrs["world"] = world
        assert ("Recorded time, not this machine's." in page_of(people).texts) == marked
        assert note not in page_of(people).texts
    people.attrs["world"] = "simulator"
    assert note not in page_of(people[people.columns[:1]]).texts


def test_notice_of_a_recording_is_shown(people):
    people.attrs["notice"] = "recorded yesterday"
    assert "recorded yesterday" in page_of(people).texts


def test_cells_are_left_aligned_and_empty_for_na():
    frame = pd.DataFrame({"n": pd.array([1, pd.NA], "Int64"), "t": ["a", None], "x": [1.5, None]})
    page = page_of(frame)
    assert page.tables == [[["n", "t", "x"], ["1", "a", "1.5"], ["", "", ""]]]
    cells = [*page.attributes("td"), *page.attributes("th")]
    assert cells and all(cell["style"] == "text-align:left" for cell in cells)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (["a", True, 2], "a, yes, 2"),
        ({"size": 3, "of": ["x"]}, "size: 3, of: x"),
        (pd.Timestamp("2026-10-01 09:00", tz="UTC"), "2026-10-01 09:00 UTC"),
        (pd.Timestamp("2026-10-01"), "2026-10-01"),
        (pd.NaT, ""),
        ("two\nlines\x1b[31m", "two\\nlines\\x1b[31m"),
        ("x" * 300, "x" * 199 + "…"),
        ("日本語 👋 \u200f", "日本語 👋 \\u200f"),
    ],
)
def test_cell_is_readable_text(value, text):
    frame = pd.DataFrame({"a": pd.Series([value, "."], dtype=object)})
    assert cells_of(frame)[0] == [text]
    assert text in repr(ck.show(frame))


def test_times_are_in_the_readers_zone_with_utc_beside(in_berlin):
    frame = pd.DataFrame({"a": [pd.Timestamp(BERLIN), pd.Timestamp(BERLIN).tz_convert("UTC")]})
    assert cells_of(frame) == [["2026-10-01 11:00+02:00 (2026-10-01 09:00 UTC)"]] * 2


def test_everything_is_escaped():
    frame = pd.DataFrame({SCRIPT: [SCRIPT]}, index=pd.Index([SCRIPT], name=SCRIPT))
    frame.attrs |= {"world": SCRIPT, "notice": SCRIPT}
    html = ck.show(frame)._repr_html_()
    assert "<script" not in html and html.count("&lt;script&gt;") == 6


def test_long_frame_has_pages_of_which_one_is_open():
    frame = pd.DataFrame({"a": range(45)})
    page = page_of(frame)
    assert [len(table) - 1 for table in page.tables] == [20, 20, 5]
    opened = ["open" in each for each in page.attributes("details")]
    assert opened == [True, False, False]
    assert len({each["name"] for each in page.attributes("details")}) == 1
    assert [text for text in page.texts if text.startswith("Rows")] == [
        "Rows 1 to 20",
        "Rows 21 to 40",
        "Rows 41 to 45",
    ]
    assert "and 25 more rows" in repr(ck.show(frame))


def test_very_long_frame_says_how_to_see_the_rest():
    frame = pd.DataFrame({"a": range(100_000)})
    page = page_of(frame)
    assert sum(len(table) - 1 for table in page.tables) == 200
    note = "Rows 1 to 200 of 100,000; show(frame[200:]) has those after."
    assert note in page.texts and note in repr(ck.show(frame))
    assert cells_of(frame[200:])[0] == ["200"]


def test_labels_are_shown_unless_they_are_only_numbered():
    frame = pd.DataFrame({"a": ["x", "", "y"]})
    assert cells_of(frame) == [["x"], [""], ["y"]]
    assert cells_of(frame[frame["a"] != ""]) == [["0", "x"], ["2", "y"]]
    named = page_of(frame.set_index(pd.Index([*"klm"], name="id"))).tables[0]
    assert named == [["id", "a"], ["k", "x"], ["l", ""], ["m", "y"]]


def test_levels_of_columns_are_joined():
    columns = pd.MultiIndex.from_tuples([("sent", "phone"), ("privy", "phone")])
    assert page_of(pd.DataFrame([["1", "2"]], columns=columns)).tables[0][0] == [
        "sent phone",
        "privy phone",
    ]


def test_columns_of_the_same_name_are_both_shown():
    assert cells_of(pd.DataFrame([[1, 2]], columns=["a", "a"])) == [["1", "2"]]


def test_frame_without_rows_or_columns_is_shown(people):
    assert page_of(people.iloc[:0]).tables[0][0][-1] in people.columns
    assert page_of(pd.DataFrame()).texts == ["0 rows", " "]
    assert repr(ck.show(pd.DataFrame())) == "0 rows\n"


def test_table_of_another_library_is_shown():
    pa = pytest.importorskip("pyarrow")
    assert cells_of(pa.table({"a": [1]})) == [["1"]]


@pytest.mark.parametrize("value", [None, [1], pd.Series([1]), {"a": 1}])
def test_anything_else_is_refused(value):
    with pytest.raises(ck.InvalidInputError, match="frame: must be a frame, not"):
        ck.show(value)


def test_pictures_of_client_contacts_and_plan_have_the_badge(name, example):
    client = ck.connect(name, via=ck.Simulator())
    row = client.contacts.get(example.key)
    plan = client.contacts.plan(row.assign(**example.update), row)
    for drawn in (client, client.contacts, plan):
        assert re.search(r"</strong> <span [^>]+>simulator</span></caption>", drawn._repr_html_())
    assert "<script" not in plan._repr_html_()
