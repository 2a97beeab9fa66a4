"""Proofs of consent: which noes they set aside, and what makes a proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contactkit as ck
from contactkit._people.people import People
from contactkit._people.proof import read_proofs, with_proofs
from contactkit._providers import find
from contactkit.spec.record import last_change_of
from tests.support.examples import examples
from tests.support.people_reference import Contact, Given, Reference
from tests.support.people_worlds import EMAILS, PHONES, people_of, worlds

PHONE, OTHER, WORK = "+12025550123", "+12025550124", "+12025550199"
MAY = datetime(2026, 5, 1, tzinfo=UTC)
PROOF = {"address": PHONE, "channel": "text", "given_at": MAY, "how": "web form 17"}


def sent(*rows: tuple[str, str, bool, datetime | None], at: datetime | None = None) -> pd.DataFrame:
    columns = ["id", "phone_number", "opt_out", "updated_at"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    frame.attrs |= {"provider": "sent", "at": at and at.isoformat()}
    return frame


def proofs(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([PROOF | row for row in rows])


def prove(people: People, *rows: dict[str, Any]) -> People:
    return with_proofs(people, read_proofs(proofs(*rows), people.sources))


def denied(people: People) -> dict[str, bool]:
    return people.contacts.set_index("key")["text_denied"].to_dict()


@pytest.mark.parametrize(
    ("changed_at", "still_denied"),
    [
        (MAY - timedelta(seconds=1), False),
        (MAY, False),
        (MAY + timedelta(seconds=1), True),
        (None, True),
    ],
)
def test_a_proof_sets_aside_only_a_no_that_is_not_later(
    changed_at: datetime | None, still_denied: bool
) -> None:
    frame = sent(("a", PHONE, True, changed_at), ("b", PHONE, False, None))
    people = prove(ck.people(sent=frame), {})
    assert denied(people) == {"a": still_denied, "b": still_denied}


def test_a_no_of_unknown_time_is_no_later_than_its_reading() -> None:
    rows = [("a", PHONE, True, None), ("b", PHONE, False, None)]
    read_before = ck.people(sent=sent(*rows, at=MAY - timedelta(days=1)))
    read_after = ck.people(sent=sent(*rows, at=MAY + timedelta(days=1)))
    assert denied(prove(read_before, {})) == {"a": False, "b": False}
    assert denied(prove(read_after, {})) == {"a": True, "b": True}


def test_a_proof_is_about_its_person_and_channel_alone() -> None:
    old = MAY - timedelta(days=1)
    frame = sent(("a", PHONE, True, old), ("b", OTHER, True, old), ("c", OTHER, False, None))
    people = ck.people(sent=frame)
    assert denied(prove(people, {})) == {"a": False, "b": True, "c": True}
    assert denied(prove(people, {"channel": "email"})) == denied(people)
    assert denied(prove(people, {"address": "+12025550100"})) == denied(people)


def test_a_contact_whose_no_is_set_aside_is_not_textable_by_that() -> None:
    people = prove(ck.people(sent=sent(("a", PHONE, True, MAY))), {})
    assert people.contacts["text"].tolist() == ["denied"]
    assert people.rows[["text", "textable"]].iloc[0].tolist() == ["unknown", False]
    campaign = pd.DataFrame({"to": [PHONE]})
    verdict = people.verdicts(campaign, "text", max_age=None)
    assert verdict["because"].tolist() == ["no yes"]


def test_a_lock_is_never_set_aside() -> None:
    frame = pd.DataFrame(
        {
            "id": ["a"],
            "email": ["p@example.com"],
            "phone_number": [None],
            "sms_consent": ["never_subscribed"],
            "email_consent": ["compliance_suppressed"],
            "updated_at": [MAY],
        }
    )
    people = ck.people(privy=frame)
    after = prove(people, {"address": "p@example.com", "channel": "email"})
    assert after.contacts["email_denied"].tolist() == [True]


def test_the_no_of_a_line_needs_a_proof_for_that_line() -> None:
    old = MAY - timedelta(days=1)
    flags = {f"{c}_{f}": [False] for c in ("sms", "email") for f in ("opted_in", "authorized")}
    flags |= {f"{channel}_unsubscribed": [False] for channel in ("sms", "email")}
    frame = pd.DataFrame({"id": ["x"], "phone_mobile": [PHONE], "phone_work": [WORK], **flags})
    people = ck.people(digital_onboarding=frame, sent=sent(("line", WORK, True, old)), apart=[WORK])
    assert denied(people) == {"x": True, "line": True}
    assert denied(prove(people, {})) == {"x": True, "line": True}
    assert denied(prove(people, {"address": WORK})) == {"x": False, "line": False}


def test_a_proof_by_email_does_not_open_the_line_of_a_colleague() -> None:
    frame = pd.DataFrame(
        {
            "id": ["a", "b"],
            "phone_number": [WORK, PHONE],
            "email": ["p@example.com"] * 2,
            "sms_consent": ["unsubscribed"] * 2,
            "email_consent": ["subscribed"] * 2,
            "updated_at": [MAY] * 2,
        }
    )
    people = ck.people(privy=frame, apart=[WORK])
    assert denied(prove(people, {"address": "p@example.com"})) == {"a": True, "b": False}


@pytest.mark.parametrize(("since", "still_denied"), [("2026-04-01T00:00Z", False), ("", True)])
def test_a_suppression_without_a_time_is_never_set_aside(
    tmp_path: Path, since: str, still_denied: bool
) -> None:
    path = tmp_path / "dnc.csv"
    path.write_text(f"address,since\n{PHONE},{since}\n")
    people = ck.people(sent=sent(("a", PHONE, False, None)), suppression=path)
    assert prove(people, {}).contacts["text_denied"].tolist() == [still_denied] * 2


def test_a_proof_is_kept_as_it_was_given() -> None:
    (proof,) = read_proofs(proofs({"address": "+1 (202) 555-0123"}), ())
    assert proof.as_json() == PROOF | {"given_at": "2026-05-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"how": ""}, "row 1, how: must be text that is not empty"),
        ({"how": None}, "row 1, how: must be text that is not empty"),
        ({"given_at": None}, "row 1, given_at: must be a time with its offset"),
        ({"given_at": datetime(2026, 5, 1)}, "row 1, given_at: must be a time with its offset"),
        ({"given_at": "soon"}, "row 1, given_at: must be a time with its offset"),
        ({"given_at": "2199-01-01T00:00Z"}, "row 1, given_at: must not be in the future"),
        ({"channel": "fax"}, "row 1, channel: must be text or email"),
        ({"channel": None}, "row 1, channel: must be text or email"),
        ({"address": "555-0123"}, "row 1, address: must be a phone number with its country code"),
        ({"address": 12025550123}, "row 1, address: must be a phone number with its country code"),
        ({"address": None}, "row 1, address: must be a phone number with its country code"),
    ],
)
def test_what_is_no_proof_names_its_row_and_column(row: dict[str, Any], message: str) -> None:
    with pytest.raises(ck.InvalidInputError, match=message) as caught:
        read_proofs(proofs({}, row), ())
    assert "0123" not in str(caught.value)


def test_every_bad_cell_is_named() -> None:
    with pytest.raises(ck.InvalidInputError) as caught:
        read_proofs(proofs({"how": "", "channel": "fax"}, {"address": "x"}), ())
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["row 0, channel", "row 0, how", "row 1, address"]


@pytest.mark.parametrize("column", PROOF)
def test_a_proof_has_all_columns(column: str) -> None:
    with pytest.raises(ck.InvalidInputError, match=f"people given: {column}: is missing"):
        read_proofs(proofs({}).drop(columns=column), ())


def test_a_column_that_is_there_twice_is_refused() -> None:
    frame = proofs(PROOF)
    twice = pd.concat([frame, frame[["given_at"]]], axis=1)
    with pytest.raises(ck.InvalidInputError, match="people given: given_at: is there twice"):
        read_proofs(twice, ())


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ck.InvalidInputError, match="must be a frame or a file of proofs, not dict"):
        read_proofs(PROOF, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["proofs.csv", "proofs.parquet", "arrow"])
def test_proofs_are_read_from_files_and_tables(tmp_path: Path, name: str) -> None:
    import pyarrow as pa

    frame, path = proofs({}), tmp_path / name
    expected = read_proofs(frame, ())
    if name == "arrow":
        assert read_proofs(pa.Table.from_pandas(frame), ()) == expected
    else:
        frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
        assert read_proofs(path, ()) == read_proofs(str(path), ()) == expected


def test_the_future_is_that_of_the_sources_clocks() -> None:
    with ck.connect("sent", via=ck.Simulator()) as client:
        people, clock = ck.people(sent=client), client.world.clock
        tomorrow = datetime.fromtimestamp(clock.now(), UTC) + timedelta(days=1)
        with pytest.raises(ck.InvalidInputError, match="must not be in the future: it is 2026-10"):
            prove(people, {"given_at": tomorrow})
        clock.sleep(tomorrow.timestamp())
        assert prove(people, {"given_at": tomorrow}).network is people.network


times = st.sampled_from([None, *(MAY + timedelta(days=n) for n in range(4))])
given_proofs = st.lists(
    st.builds(
        Given,
        st.sampled_from(PHONES + EMAILS[:5]),
        st.sampled_from(["text", "email"]),
        times.filter(lambda time: time is not None),
    ),
    max_size=4,
)


@settings(max_examples=examples(50))
@given(world=worlds, proofs=given_proofs, read_at=times, data=st.data())
def test_verdicts_with_proofs_are_those_of_the_rule(
    world: dict[str, list[Contact]],
    proofs: list[Given],
    read_at: datetime | None,
    data: st.DataObject,
) -> None:
    dated = {name: [_dated(c, data.draw(times), read_at) for c in world[name]] for name in world}
    every = [contact for each in dated.values() for contact in each]
    people = people_of(dated, read_at=read_at)
    frame = pd.DataFrame(
        [vars(proof) | {"how": "form"} for proof in proofs],
        columns=["address", "channel", "given_at", "how"],
    )
    table = with_proofs(people, read_proofs(frame, people.sources)).contacts
    reference = Reference(every, 3, given=proofs)
    for channel in ("text", "email"):
        assert table[channel].tolist() == people.contacts[channel].tolist()
        expected = [reference.denied(contact, channel) for contact in every]
        assert table[f"{channel}_denied"].tolist() == expected


def _dated(contact: Contact, time: datetime | None, read_at: datetime | None) -> Contact:
    """The contact with a time of its last change, where its provider has one."""
    changed = last_change_of(find(contact.provider).record)
    values = dict(contact.values) | ({changed.name: time} if changed else {})
    return Contact(contact.source, contact.provider, contact.key, values, read_at)
