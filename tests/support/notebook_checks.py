"""What each notebook must show: a few checks of the outputs of its tagged cells, by tag.

A notebook that runs and says something else is as wrong as one that does not run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True)
class Shown:
    """What a cell shows: its text, its HTML, its table as rows by column, and its widgets."""

    text: str
    html: str
    rows: list[dict[str, str]]
    widgets: int


Check = Callable[[Shown], None]


def table(html: str) -> list[dict[str, str]]:
    """The rows of a DataFrame's HTML by column; the names of its index are columns too."""
    found = ElementTree.fromstring(html[html.index("<table") : html.rindex("</table>") + 8])
    head = [_cells(row) for row in found.findall("thead/tr")]
    names = [next(filter(None, reversed(column)), "") for column in zip(*head, strict=True)]
    return [dict(zip(names, _cells(row), strict=True)) for row in found.findall("tbody/tr")]


def _cells(row: ElementTree.Element) -> list[str]:
    return ["".join(cell.itertext()).strip() for cell in row]


def says(*fragments: str) -> Check:
    """The cell's text has each of these in it."""

    def check(shown: Shown) -> None:
        for each in fragments:
            assert each in shown.text

    return check


def has(number: int, **values: str) -> Check:
    """The cell shows a table of so many rows, whose first one holds these values."""

    def check(shown: Shown) -> None:
        assert len(shown.rows) == number
        assert {name: shown.rows[0][name] for name in values} == values

    return check


def names_every_provider(shown: Shown) -> None:
    names = [row["name"] for row in shown.rows]
    assert names == ["digital_onboarding", "privy", "sendblue", "sent"]
    assert all("inferred" in row["evidence"] for row in shown.rows)


def speaks_of_consent(shown: Shown) -> None:
    fields = {(row["provider"], row["field"]) for row in shown.rows}
    assert {("sent", "opt_out"), ("sendblue", "opt_out"), ("privy", "sms_consent")} <= fields
    assert ("digital_onboarding", "sms_opted_in") in fields


def contradict(shown: Shown) -> None:
    assert shown.rows
    for row in shown.rows:
        assert {"no", "yes"} <= {*row.values()}


def who_may_be_texted(shown: Shown) -> None:
    answer = {row["provider"]: row for row in shown.rows}
    assert [row["yes"] == "0" for row in shown.rows] == [False, False, True, True]
    assert {name: row["unknown"] for name, row in answer.items() if row["unknown"] != "0"} == {
        "sent": "1"
    }
    # At Sent everybody has a number, so each of the sixty has one word.
    assert sum(int(answer["sent"][word]) for word in ("no", "nothing", "unknown", "yes")) == 60
    assert all(0 < int(row["may be texted"]) < int(row["no elsewhere"]) for row in shown.rows)
    assert "15 of 69 people may be texted." in shown.text


def a_form_and_its_masked_record(shown: Shown) -> None:
    assert shown.widgets == 1
    assert "Contact at Privy" in shown.html and "Nothing was sent." in shown.html
    assert all(each in shown.html for each in ("O•••", "H•••", "•••34", "subscribed"))
    assert not any(each in shown.html for each in ("Omar", "Haddad", "omar@", "2125550134"))


def an_empty_form(shown: Shown) -> None:
    assert shown.widgets == 1
    assert "Contact at Privy" in shown.html and "no contact yet" in shown.text


def counts_are_alike(shown: Shown) -> None:
    assert len(shown.rows) > 3
    assert all(int(row["recorded"]) == int(row["replayed"]) > 0 for row in shown.rows)


def the_same_frames(shown: Shown) -> None:
    counts_are_alike(shown)
    assert "nothing is sent" in shown.text
    assert "the same contacts: True" in shown.text and "the same dtypes: True" in shown.text


def somebody_else(shown: Shown) -> None:
    seen, kept = shown.rows
    assert seen["first_name"] == "Rosa" and seen["phone_number"] == "+14155552671"
    assert all(seen[name] != kept[name] for name in seen)
    assert kept["phone_number"].startswith("+1") and kept["email"].endswith("@example.com")


def only_what_is_nobodys(shown: Shown) -> None:
    assert [row["is in the file"] for row in shown.rows] == ["False"] * 5 + ["True"]


def a_form_of_a_replay(shown: Shown) -> None:
    assert shown.widgets == 1
    assert "nothing is sent" in shown.html and "Rosa" not in shown.html


def a_miss_that_names_nobody(shown: Shown) -> None:
    assert "has no recorded answer" in shown.text and 'mode="new"' in shown.text
    assert "query phone_number: asked '+1" in shown.text and "4155552671" not in shown.text


def nothing(shown: Shown) -> None:
    assert not shown.text and not shown.html and not shown.widgets


def a_provider_picker(shown: Shown) -> None:
    assert shown.widgets == 1 and not shown.html
    assert "Dropdown(description='Provider'" in shown.text
    assert "('Digital Onboarding', 'Privy', 'Sendblue', 'Sent')" in shown.text


def browsers_without_a_record(shown: Shown) -> None:
    assert shown.widgets == 1 and not shown.html
    assert shown.text.startswith("Stack(children=(Box(")


def views_without_a_record(shown: Shown) -> None:
    assert shown.widgets == 1 and not shown.html
    assert shown.text.startswith("Stack(children=(<contactkit panel: Plan for Digital Onboarding>")


def a_plan_with_refusals_first(shown: Shown) -> None:
    assert "76 planned, 3 refused, 121 unchanged" in shown.text
    assert "the last goes in 1 min 14 s" in shown.text
    first, *rest = (line for line in shown.text.splitlines() if line.strip().startswith("cus_"))
    assert "unsubscribed cannot become single_opt_in" in first and rest


def only_the_won_back(shown: Shown) -> None:
    assert len(shown.rows) == 3
    assert {row["new"] for row in shown.rows} == {"single_opt_in"}


def some_done_and_some_not(shown: Shown) -> None:
    assert "it was cancelled" in shown.text
    counts = dict(re.findall(r"^(\w+) +(\d+)$", shown.text, re.MULTILINE))
    assert counts["skipped"] == "3" and counts["refused"] == "3"
    assert int(counts["updated"]) + int(counts["planned"]) == 73
    assert min(int(counts["updated"]), int(counts["planned"])) > 10


def the_rest(shown: Shown) -> None:
    counts = dict(re.findall(r"^(\w+) +(\d+)$", shown.text, re.MULTILINE))
    assert int(counts["skipped"]) + int(counts["updated"]) == 76
    assert min(int(counts["skipped"]), int(counts["updated"])) > 10


def back_but_for_those_that_cannot(shown: Shown) -> None:
    assert "166 of 200 contacts are as they were" in shown.text
    assert [row["count"] for row in shown.rows] == ["33", "1"]


def a_plan_to_press(shown: Shown) -> None:
    assert shown.widgets == 1
    assert "Plan for Privy" in shown.text


CHECKS: Mapping[str, Mapping[str, Check]] = {
    "00_tour.ipynb": {
        "providers": names_every_provider,
        "connect": says("world: simulator", "api_key=•••"),
        "list": has(5, phone_number="+1234567890"),
        "dtypes": says("string", "category", "boolean", "datetime64[us, UTC]"),
        "get": has(1, phone="+12025550123", first_name="Ada", opt_out="False"),
        "dry-run": has(1, outcome="planned", changed="[opt_out]"),
        "update": has(1, provider="sent", outcome="updated", http_status="200"),
        "refusal": says("400 VALIDATION_001", "read-only", "see https://"),
        "refused-here": says("cannot become single_opt_in", "did you mean 'sms_consent'?"),
        "own-verbs": has(
            4, name="digital_onboarding", **{"its own verbs": "upsert, create_account"}
        ),
        "own-listing": has(1, sms_opted_in="True", sms_unsubscribed="True"),
        "describe": speaks_of_consent,
        "problems": has(1, field="opt_out", raw="perhaps"),
        "awaiting": says("[60, 60, 60, 60]"),
        "by-phone": contradict,
        "who-may-be-texted": who_may_be_texted,
        "carry-over": has(3, key="+12025550123", outcome="updated"),
    },
    "01_edit_one_contact.ipynb": {
        "find": has(1, id="cus_a1b2c3d4e5f60002", last_name="Haddad", sms_consent="subscribed"),
        "form": a_form_and_its_masked_record,
        "given-back": says("0 result rows; the last outcome: []", "Haddad  subscribed"),
        "code": has(1, outcome="updated", changed="[last_name, sms_consent]", http_status="200"),
        "refused": says("unsubscribed cannot become single_opt_in", "is set once"),
        "rehearsal": has(1, operation="update", outcome="planned", changed="[name_last]"),
        "create": an_empty_form,
        "close": has(1, last_name="Hadad", sms_consent="unsubscribed"),
    },
    "02_bulk_update.ipynb": {
        "read": says("unsubscribed        45", "pending             33"),
        "plan": a_plan_with_refusals_first,
        "refused": only_the_won_back,
        "eta": says("76 requests, through at 09:01:14"),
        "few": says("planned    73", "updated     3"),
        "interrupt": some_done_and_some_not,
        "resume": the_rest,
        "timeline": says("requests over time, none answered 429"),
        "journal": says("76 writes"),
        "undo": says(
            "34 refused, 42 planned", "was changed since", "pending is set by Privy alone"
        ),
        "back": back_but_for_those_that_cannot,
        "view": a_plan_to_press,
    },
    "03_offline.ipynb": {
        "client": has(1, first_name="Rosa", phone_number="+14155552671"),
        "record": says("41 contacts, 5 exchanges in privy.jsonl"),
        "tape": has(5, method="GET", path="/v1/contacts", status="200"),
        "replay": says("world: cassette privy.jsonl (replay)", "nothing is sent", "token=•••"),
        "same": the_same_frames,
        "write": has(
            1,
            before="subscribed",
            after="unsubscribed",
            **{"after, when recorded": "unsubscribed"},
        ),
        "redaction": somebody_else,
        "searched": only_what_is_nobodys,
        "joins": counts_are_alike,
        "form": a_form_of_a_replay,
        "override": says("41 contacts", "503 after 4 attempts"),
        "miss": a_miss_that_names_nobody,
        "new": says("6 exchanges", "@example.com"),
        "cleared": says("False"),
    },
    "04_add_a_provider.ipynb": {
        "record": says("'opt_out': ('noMoreCards', 'boolean', 'writable')"),
        "errors": says("{'why': 'moved_away'", "Problem(", "status=None"),
        "provider": has(12, of="contact", field="id", access="key"),
        "connect": says("45 addressees in pages of [20, 20, 5]"),
        "verbs": says("created", "InvalidInputError: postcard", "NotFoundError: postcard", "404"),
        "check": says("wire={'motif': 'sea', 'noMoreCards': False}", "problems=[]"),
        "session": says("{'token': '•••'}"),
        "ask": says("'PATCH'", "https://api.postcard.example/v1/addressees/", "'headers': {}"),
        "flow": says("{'Authorization': '•••'}"),
        "wait": says("Wait(until=", "the same as before: True"),
        "reply": says("'status': 200", '"motif":"sea"'),
        "read": says("NotFoundError(Problem(provider='postcard'", "'noMoreCards': False"),
        "done": says("'attempts': 2, 'doubted': True"),
        "result": has(1, outcome="updated", changed="[motif]", attempts="2"),
        "frame": has(1, motif="sea", opt_out="False"),
        "driver": says("def run(flow", "flow.send(answer)", "Success(reply=Response(status=200)"),
    },
    "dashboard.ipynb": {
        "clients": nothing,
        "provider": a_provider_picker,
        "browsers": browsers_without_a_record,
        "plans": nothing,
        "views": views_without_a_record,
    },
}
