"""The checks of each notebook: what the output of a tagged cell must contain, by tag."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True)
class Output:
    """The output of a cell: text, HTML, the rows of its table by column, the number of widgets."""

    text: str
    html: str
    rows: list[dict[str, str]]
    widgets: int


Check = Callable[[Output], None]


def table(html: str) -> list[dict[str, str]]:
    """The rows of a DataFrame's HTML by column; the names of its index are columns too."""
    tree = ElementTree.fromstring(html[html.index("<table") : html.rindex("</table>") + 8])
    head = [_cells(row) for row in tree.findall("thead/tr")]
    names = [next(filter(None, reversed(column)), "") for column in zip(*head, strict=True)]
    return [dict(zip(names, _cells(row), strict=True)) for row in tree.findall("tbody/tr")]


def _cells(row: ElementTree.Element) -> list[str]:
    return ["".join(cell.itertext()).strip() for cell in row]


def says(*fragments: str) -> Check:
    """Check that the text contains each of these fragments."""

    def check(output: Output) -> None:
        for fragment in fragments:
            assert fragment in output.text

    return check


def has(number: int, **values: str) -> Check:
    """Check the number of rows in the table, and these values of the first row."""

    def check(output: Output) -> None:
        assert len(output.rows) == number
        assert {name: output.rows[0][name] for name in values} == values

    return check


def lists_every_provider(output: Output) -> None:
    names = [row["name"] for row in output.rows]
    assert names == ["digital_onboarding", "privy", "sendblue", "sent"]
    assert all("inferred" in row["evidence"] for row in output.rows)


def sums_writes(output: Output) -> None:
    assert {row["name"] for row in output.rows} == {"acme", "birch", "cedar", "dahlia"}
    assert sum(int(row["writes"]) for row in output.rows) > 10


def lists_consent_fields(output: Output) -> None:
    fields = {(row["provider"], row["field"]) for row in output.rows}
    assert {("sent", "opt_out"), ("sendblue", "opt_out"), ("privy", "sms_consent")} <= fields
    assert ("digital_onboarding", "sms_opted_in") in fields


def shows_form_and_masked_record(output: Output) -> None:
    assert output.widgets == 1
    assert "Contact at Privy" in output.html and "Nothing was sent." in output.html
    assert all(text in output.html for text in ("O•••", "H•••", "•••34", "subscribed"))
    assert not any(text in output.html for text in ("Omar", "Haddad", "omar@", "2125550134"))


def shows_empty_form(output: Output) -> None:
    assert output.widgets == 1
    assert "Contact at Privy" in output.html and "no contact yet" in output.text


def counts_agree(output: Output) -> None:
    assert len(output.rows) > 3
    assert all(int(row["recorded"]) == int(row["replayed"]) > 0 for row in output.rows)


def frames_agree(output: Output) -> None:
    counts_agree(output)
    assert "nothing is sent" in output.text
    assert "the same contacts: True" in output.text and "the same dtypes: True" in output.text


def contact_is_pseudonymised(output: Output) -> None:
    real, recorded = output.rows
    assert real["first_name"] == "Rosa" and real["phone_number"] == "+14155552671"
    assert all(real[name] != recorded[name] for name in real)
    assert recorded["phone_number"].startswith("+1") and recorded["email"].endswith("@example.com")


def only_the_fictional_number_is_left(output: Output) -> None:
    assert [row["is in the file"] for row in output.rows] == ["False"] * 5 + ["True"]


def shows_form_of_replay(output: Output) -> None:
    assert output.widgets == 1
    assert "nothing is sent" in output.html and "Rosa" not in output.html


def miss_hides_the_number(output: Output) -> None:
    assert "has no recorded response" in output.text and 'mode="new"' in output.text
    assert "query phone_number: requested '+1" in output.text and "4155552671" not in output.text


def is_empty(output: Output) -> None:
    assert not output.text and not output.html and not output.widgets


def guard_counts_add_up(output: Output) -> None:
    kept, all_rows = map(int, re.findall(r"(\d+) of (\d+) may be texted", output.text)[0])
    left_out = {row[""]: int(row["left out"]) for row in output.rows}
    assert {*left_out} == {"denied", "no yes", "stranger", "unreadable"}
    assert kept + sum(left_out.values()) == all_rows == 664


def shows_provider_picker(output: Output) -> None:
    assert output.widgets == 1 and not output.html
    assert "Dropdown(description='Provider'" in output.text
    assert "('Digital Onboarding', 'Privy', 'Sendblue', 'Sent')" in output.text


def shows_people_view(output: Output) -> None:
    assert output.widgets == 1 and not output.html
    assert "<contactkit widget: Consent at all sources>" in output.text


def shows_browsers(output: Output) -> None:
    assert output.widgets == 1 and not output.html
    assert output.text.startswith("Stack(children=(Box(")


def shows_plan_views(output: Output) -> None:
    assert output.widgets == 1 and not output.html
    assert output.text.startswith(
        "Stack(children=(<contactkit widget: Plan for Digital Onboarding>"
    )


def plan_shows_refusals_first(output: Output) -> None:
    assert "72 planned, 7 refused, 121 unchanged" in output.text
    assert "the last is sent in 1 min 10 s" in output.text
    first, *rest = (line for line in output.text.splitlines() if line.strip().startswith("cus_"))
    assert "unsubscribed cannot become single_opt_in" in first and rest


def refused_rows_have_reasons(output: Output) -> None:
    opt_ins, suppressed = output.rows[:3], output.rows[3:]
    assert {row["new"] for row in opt_ins} == {"single_opt_in"}
    assert [row["field"] for row in suppressed] == ["tags"] * 4
    reason = "cannot be written: the contact is compliance_s"
    assert all(row["refused_because"].startswith(reason) for row in suppressed)


def interrupt_leaves_rows_planned(output: Output) -> None:
    assert "cancelled" in output.text
    counts = dict(re.findall(r"^(\w+) +(\d+)$", output.text, re.MULTILINE))
    # The plan refuses seven, and Privy five more once it gets them.
    assert counts["skipped"] == "2" and 7 < int(counts["refused"]) < 12
    assert sum(map(int, counts.values())) == 79
    assert min(int(counts["updated"]), int(counts["planned"])) > 10


def resume_finishes_the_rest(output: Output) -> None:
    counts = dict(re.findall(r"^(\w+) +(\d+)$", output.text, re.MULTILINE))
    assert int(counts["skipped"]) + int(counts["updated"]) == 67 and counts["refused"] == "12"
    assert min(int(counts["skipped"]), int(counts["updated"])) > 10


def undo_restores_most(output: Output) -> None:
    assert "171 of 200 contacts are as they were" in output.text
    assert [row["count"] for row in output.rows] == ["28", "1"]


def shows_plan_view_to_apply(output: Output) -> None:
    assert output.widgets == 1
    assert "Plan for Privy" in output.text
    assert "8 refused, 43 planned, 149 unchanged" in output.html
    assert "changed since it was read" in output.html


CHECKS: Mapping[str, Mapping[str, Check]] = {
    "00_tour.ipynb": {
        "providers": lists_every_provider,
        "connect": says("world: simulator", "api_key=•••"),
        "list": has(5, phone_number="+16375550131"),
        "dtypes": says("string", "category", "boolean", "datetime64[us, UTC]"),
        "get": has(1, phone="+16695550162", first_name="Ada", opt_out="False"),
        "dry-run": has(1, outcome="planned", changed="[opt_out]"),
        "update": has(1, provider="sent", outcome="updated", http_status="200"),
        "refusal": says("400 VALIDATION_001", "read-only", "see https://"),
        "refused-here": says("cannot become single_opt_in", "did you mean 'sms_consent'?"),
        "own-verbs": has(
            4, name="digital_onboarding", **{"its own verbs": "upsert, create_account"}
        ),
        "own-listing": has(3, sms_opted_in="True", sms_unsubscribed="True"),
        "describe": lists_consent_fields,
        "problems": has(1, field="opt_out", raw="perhaps"),
        "async": says("[657, 662, 669, 715]"),
        "consent": has(6, kind="stuck", channel="text", people="3"),
        "ada": says("says opt_out=True", "is denied too: it shares +16695550162 with sent"),
        "carry-over": has(6, source="digital_onboarding", outcome="updated", contacts="25"),
    },
    "01_edit_one_contact.ipynb": {
        "find": has(1, id="cus_a1b2c3d4e5f60002", last_name="Haddad", sms_consent="subscribed"),
        "form": shows_form_and_masked_record,
        "given-back": says("0 result rows; the last outcome: []", "Haddad  subscribed"),
        "code": has(1, outcome="updated", changed="[last_name, sms_consent]", http_status="200"),
        "refused": says("unsubscribed cannot become single_opt_in", "can be set only once"),
        "rehearsal": has(1, operation="update", outcome="planned", changed="[name_last]"),
        "create": shows_empty_form,
        "close": has(1, last_name="Hadad", sms_consent="unsubscribed"),
    },
    "02_bulk_update.ipynb": {
        "read": says("unsubscribed        45", "pending             33"),
        "plan": plan_shows_refusals_first,
        "refused": refused_rows_have_reasons,
        "eta": says("72 requests, the last at 09:01:10"),
        "few": says("planned    69", "refused     8", "updated     2"),
        "interrupt": interrupt_leaves_rows_planned,
        "resume": resume_finishes_the_rest,
        "timeline": says("requests over time, none answered 429"),
        "journal": says("72 writes"),
        "undo": says("29 refused, 38 planned", "was changed since", "only Privy sets pending"),
        "back": undo_restores_most,
        "view": shows_plan_view_to_apply,
    },
    "03_offline.ipynb": {
        "client": has(1, first_name="Rosa", phone_number="+14155552671"),
        "record": says("41 contacts, 5 exchanges in privy.jsonl"),
        "tape": has(5, method="GET", path="/v1/contacts", status="200"),
        "replay": says("world: cassette privy.jsonl (replay)", "nothing is sent", "token=•••"),
        "same": frames_agree,
        "write": has(
            1,
            before="subscribed",
            after="unsubscribed",
            **{"after, when recorded": "unsubscribed"},
        ),
        "redaction": contact_is_pseudonymised,
        "searched": only_the_fictional_number_is_left,
        "joins": counts_agree,
        "form": shows_form_of_replay,
        "override": says("41 contacts", "503 after 4 attempts"),
        "miss": miss_hides_the_number,
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
        "operation": says(
            "'PATCH'", "https://api.postcard.example/v1/addressees/", "'headers': {}"
        ),
        "flow": says("{'Authorization': '•••'}"),
        "wait": says("Wait(until=", "the same as before: True"),
        "reply": says("'status': 200", '"motif":"sea"'),
        "read": says("NotFoundError(Problem(provider='postcard'", "'noMoreCards': False"),
        "done": says("'attempts': 2, 'doubted': True"),
        "result": has(1, outcome="updated", changed="[motif]", attempts="2"),
        "frame": has(1, motif="sea", opt_out="False"),
        "driver": says(
            "def run(flow",
            "flow.send, answer",
            "case Wait():",
            "Success(response=Response(status=200)",
        ),
    },
    "05_consent.ipynb": {
        "read": says("people: 821", "61 denied_elsewhere", "unreadable: 6 cells"),
        "conflicts": has(6, kind="stuck", channel="text", people="3"),
        "matrix": says("64 people said no and are still sent to"),
        "explain": says("says sms_consent=unsubscribed", "is denied too: it shares +"),
        "plans": says(
            "contactkit plans", "sent: 3 refused, 9 planned", "This contact is read-only"
        ),
        "summary": has(4, source="digital_onboarding", planned="24", refused="0", requests="48"),
        "apply": has(6, source="digital_onboarding", outcome="updated", contacts="24"),
        "again": has(6, kind="stuck"),
        "guard": guard_counts_add_up,
        "verdicts": has(3, may="False", because="denied"),
        "links": has(8, source="digital_onboarding"),
        "undo": has(1, source="sendblue", changed="[opt_out]"),
        "start": has(4, source="digital_onboarding", planned="0", refused="24"),
        "proved": has(1, source="sendblue", changed="[opt_out]"),
        "history": has(4, source="sendblue", was="allowed", now="denied", by="propagated"),
        "suppress": has(1, may="False", because="denied"),
        "end": is_empty,
    },
    "06_fleet.ipynb": {
        "accounts": says("'provider': 'sent'", "'api_key': '$ACME_API_KEY'"),
        "fleet": says("accounts: 4", "Dask: 2 workers with 8 threads", "api_key=$ACME_API_KEY"),
        "literal": says("api_key= must be the name of an environment variable", "'$ACME_KEY'"),
        "check": has(4, account="acme", provider="sent", outcome="done", requests="1"),
        "export": has(4, account="acme", outcome="done", rows="60", files="1", requests="1"),
        "folders": says("_SUCCESS", "account=acme", "account=dahlia"),
        "plan": has(4, account="acme", outcome="done"),
        "apply": has(4, account="acme", outcome="done", skipped="0"),
        "again": has(4, account="acme", outcome="done", updated="0", requests="0"),
        "journal": sums_writes,
        "failed": has(1, account="elm", outcome="failed"),
    },
    "dashboard.ipynb": {
        "clients": is_empty,
        "people": shows_people_view,
        "provider": shows_provider_picker,
        "browsers": shows_browsers,
        "plans": is_empty,
        "views": shows_plan_views,
    },
}
