"""The suppression list: a deleted contact that had opted out is known as long as the journal is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import contactkit as ck
from contactkit._http.request import build_operation
from contactkit._journal.store import Journal
from contactkit._journal.suppression import Address
from contactkit._journal.write import journaled
from tests.journal.test_store import ended, intent

PHONE: Address = ("phone", "+12025550123")
EMAIL: Address = ("email", "Zoë@Example.com")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path)) as journal:
        yield journal


def delete(journal: Journal, *addresses: Address, **more: Any) -> int:
    """Record the deletion of a contact with these addresses."""
    wrote = intent(operation="delete", suppress=addresses, changes={}, **more)
    (id,) = journal.begin([wrote])
    assert id
    return id


def files(path: Path) -> bytes:
    """All that is on disk, but for the key."""
    names = path.parent.glob(f"{path.name}*")
    return b"".join(file.read_bytes() for file in names if file.is_file() and file != key_of(path))


def key_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-key")


def test_address_is_found_however_it_is_written(journal):
    delete(journal, PHONE, EMAIL)
    same: list[Address] = [
        ("phone", "+1 (202) 555-0123"),
        ("email", " zoe\u0308@example.COM "),
    ]
    others: list[Address] = [("phone", "+12025550124"), ("email", "zoe@example.com")]
    assert journal.suppression.find("sent", [*same, *others]) == {*same}
    assert journal.suppression.find("privy", same) == set()


SAME_NUMBER = [
    "+12025550123",
    "1 202 555 0123",
    "001-202-555-0123",
    "(202) 555-0123",
    "202.555.0123",
]
SAME_ADDRESS = ["jo.doe@gmail.com", "JoDoe+news@googlemail.com", "<jodoe@gmail.com>"]
SAME_DOMAIN = ["jo@bücher.example", "jo@xn--bcher-kva.example", "Jo@BÜCHER.example."]


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [("phone", SAME_NUMBER), ("email", SAME_ADDRESS), ("email", SAME_DOMAIN)],
)
def test_each_spelling_of_an_address_is_found_by_each_other(path, kind, spellings):
    for number, kept in enumerate(spellings):
        with closing(Journal(path.with_name(f"{number}.sqlite3"))) as journal:
            delete(journal, (kind, kept))
            wanted: list[Address] = [(kind, each) for each in spellings]
            assert journal.suppression.find("sent", wanted) == {*wanted}
            journal.suppression.remove("sent", [kept])
            assert journal.suppression.find("sent", wanted) == set()


def test_number_of_another_country_is_not_that_of_the_list(journal):
    delete(journal, ("phone", "+442025550123"), ("phone", "0303 555 0124"))
    others: list[Address] = [
        ("phone", "+12025550123"),
        ("phone", "+13035550125"),
        ("email", "2025550123@example.com"),
    ]
    assert journal.suppression.find("sent", others) == set()
    same: list[Address] = [("phone", "02025550123"), ("phone", "+13035550124")]
    assert journal.suppression.find("sent", same) == {*same}


def test_list_is_kept_with_the_intent(journal):
    id = delete(journal, PHONE)
    assert journal.suppression.find("sent", [PHONE]) == {PHONE}
    journal.end({id: ended("failed")})
    assert journal.suppression.find("sent", [PHONE]) == {PHONE}


def test_empty_list_needs_no_key(journal, path):
    journal.begin([intent()])
    assert journal.suppression.find("sent", [PHONE]) == set()
    assert not key_of(path).exists()


def test_prune_leaves_the_list(journal, path):
    id = delete(journal, PHONE, before={"phone_number": PHONE[1]})
    journal.end({id: ended("deleted")})
    assert ck.journal.prune(timedelta(0), path=path) == 1
    assert journal.suppression.find("sent", [PHONE]) == {PHONE}
    assert PHONE[1].encode() not in files(path)


def test_forget_removes_the_values_of_a_contact_and_leaves_the_list(journal, path):
    before = {"id": "k1", "phone_number": PHONE[1], "emails": ["zoë@example.com"]}
    ids = [
        *journal.begin([intent(1, key="k1", before=None, changes={"first_name": "Zenobia"})]),
        delete(journal, PHONE, key="k1", before=before),
        *journal.begin([intent(2, key="k2", changes={"phone_number": "+12025550124"})]),
    ]
    journal.end({id: ended(after=None, message="for Zenobia") for id in ids})
    (open,) = journal.begin([intent(3, key="k1", changes={"first_name": "Zenobia"})])
    assert ck.journal.forget("+1 202 555 0123", path=path) == 2
    frame = ck.journal(path).set_index("id")
    assert frame["key"].isna().tolist() == [True, True, False, False]
    assert frame["operation"].tolist() == ["update", "delete", "update", "update"]
    assert frame.loc[open, "changes"] == {"first_name": "Zenobia"}
    journal.end({open: ended()})
    assert ck.journal.forget("ZOË@example.com", path=path) == 0
    assert ck.journal.forget("+12025550124", path=path) == 1
    assert journal.suppression.find("sent", [PHONE]) == {PHONE}


def test_forgotten_values_are_on_no_page_of_the_file(journal, path):
    (id,) = journal.begin(
        [intent(key=PHONE[1], changes={"note": "Zenobia"}, before={"a": "Quill"})]
    )
    journal.end({id: ended(after={"note": "Zenobia"})})
    assert b"Zenobia" in files(path)
    assert ck.journal.forget(PHONE[1], path=path) == 1
    assert not any(word in files(path) for word in (b"Zenobia", b"Quill", b"2025550123"))


@pytest.mark.parametrize("address", ["", "Zenobia", "2025550123", None, 7])
def test_forget_takes_only_an_address(path, address):
    with pytest.raises(ck.InvalidInputError, match="address: must be an e-mail"):
        ck.journal.forget(address, path=path)


# Consent given later


@pytest.mark.parametrize(
    ("opt_in", "outcome", "stays"),
    [(True, "created", False), (True, "unknown", True), (False, "created", True)],
)
def test_contact_created_with_consent_leaves_the_list(journal, opt_in, outcome, stays):
    delete(journal, PHONE)
    new = intent(operation="create", key="", changes={"phone_number": PHONE[1]}, opt_in=opt_in)
    (id,) = journal.begin([new])
    journal.end({id: ended(outcome, after={"id": "k", "phone_number": PHONE[1]})})
    assert bool(journal.suppression.find("sent", [PHONE])) is stays


@pytest.mark.parametrize("named", [True, False])
def test_world_without_a_journal_has_a_list_too(path, named, name):
    with ck.connect(name, via=ck.Simulator(seed=3), journal=path if named else None) as client:
        session = client._session
        operation = build_operation(session, session.provider.endpoint("delete"), key="k")

        def write(outcome: str = "deleted", effect: str = "delete", **more: Any) -> None:
            def sending() -> Any:
                return [{"after": None, **ended(outcome)}]
                yield

            one = intent(provider=name, operation=effect, **more)
            with pytest.raises(StopIteration):
                next(journaled(session, operation, [one], sending()))

        find = session.plan_journal.suppression.find
        write(suppress=[PHONE])
        assert find(name, [PHONE]) == {PHONE}
        write(changes={"phone": PHONE[1]})
        assert find(name, [PHONE]) == {PHONE}
        write(changes={"phone": PHONE[1]}, opt_in=True)
        assert find(name, [PHONE]) == {PHONE}
        write("created", "create", changes={"phone": PHONE[1]}, opt_in=True)
        assert find(name, [PHONE]) == set()


def test_frame_says_whether_consent_was_stated(journal, path):
    journal.begin([intent(), intent(opt_in=True)])
    assert ck.journal(path)["opt_in"].tolist() == [False, True]


# The key


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has modes")
def test_key_is_private_and_in_no_other_file(journal, path):
    delete(journal, PHONE)
    key = ck.journal.show_key(path)
    assert key_of(path).stat().st_mode & 0o077 == 0
    assert key_of(path).read_text() == key
    assert key.encode() not in files(path)


def test_digests_of_two_journals_differ(tmp_path):
    for name in ("a", "b"):
        with closing(Journal(tmp_path / name)) as journal:
            delete(journal, PHONE)
    rows = [
        sqlite3.connect(tmp_path / name).execute("SELECT digest FROM suppressed").fetchall()
        for name in ("a", "b")
    ]
    assert rows[0] != rows[1]


@pytest.mark.parametrize("key", ["another key of theirs", None])
def test_wrong_or_missing_key_is_an_error_and_never_no_match(journal, path, key):
    delete(journal, PHONE)
    key_of(path).unlink()
    if key:
        key_of(path).write_text(key)
    for act in (
        lambda: journal.suppression.find("sent", [("phone", "+12025550199")]),
        lambda: delete(journal, EMAIL),
    ):
        with pytest.raises(ck.ConfigurationError, match="suppression list") as caught:
            act()
        assert not key or key not in str(caught.value)
    assert len(journal.entries()) == 1
    # Consent that cannot be looked up changes nothing and breaks nothing.
    (id,) = journal.begin([intent(operation="create", opt_in=True)])
    journal.end({id: ended("created")})


def test_exported_key_opens_the_list_again(journal, path, tmp_path):
    delete(journal, PHONE)
    ck.journal.export_key(tmp_path / "kept.key", path=path)
    assert (tmp_path / "kept.key").stat().st_mode & 0o077 == 0
    key_of(path).unlink()
    ck.journal.import_key(tmp_path / "kept.key", path=path)
    assert journal.suppression.find("sent", [PHONE]) == {PHONE}


def test_key_is_not_replaced_by_another(journal, path, tmp_path):
    other = tmp_path / "other.key"
    other.write_text("another key of theirs")
    ck.journal.show_key(path)
    with pytest.raises(ck.ConfigurationError, match="it is not replaced"):
        ck.journal.import_key(other, path=path)
    with pytest.raises(ck.ConfigurationError, match="it is not replaced"):
        ck.journal.export_key(other, path=path)
    delete(journal, PHONE)
    key_of(path).unlink()
    with pytest.raises(ck.ConfigurationError, match="under the key"):
        ck.journal.import_key(other, path=path)
    with pytest.raises(ck.ConfigurationError, match="does not exist"):
        ck.journal.import_key(tmp_path / "none", path=path)
    assert other.read_text() == "another key of theirs"
