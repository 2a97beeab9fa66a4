"""The error tree, `Problem` as text, and redaction."""

from __future__ import annotations

import builtins
import pickle
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactkit import errors
from contactkit._redact import redact
from contactkit.errors import ContactKitError, FieldProblem, Problem

PROBLEM = Problem(
    provider="sent",
    operation="update",
    status=404,
    code="RESOURCE_001",
    message="Contact not found",
    fields=(FieldProblem(field="id", message="is unknown", code="unknown"),),
    request_id="req_1",
    docs="https://docs.example.com/errors",
    existing_key="c1",
)


def drawn_tree() -> dict[str, str]:
    """Each class in the module's drawing, with the class it hangs from."""
    stack = [(4, "ContactKitError")]
    parents: dict[str, str] = {}
    for line in str(errors.__doc__).splitlines():
        names = re.findall(r"[├└]── (\w+)", line)
        if names:
            depth = re.search("[├└]", line).start()
            while stack[-1][0] >= depth and len(stack) > 1:
                stack.pop()
            parents |= dict.fromkeys(names, stack[-1][1])
            stack.append((depth, names[-1]))
    return parents


def below(kind: type[ContactKitError]) -> list[type[ContactKitError]]:
    """Every error class of the module below `kind`."""
    own = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    return [found for each in own for found in (each, *below(each))]


def made(kind: type[ContactKitError]) -> ContactKitError:
    """An error of this class with all its fields filled."""
    if issubclass(kind, errors.RateLimitError):
        return kind(PROBLEM, datetime(2026, 4, 1, tzinfo=UTC))
    if issubclass(kind, errors.ApiError):
        return kind(PROBLEM)
    if issubclass(kind, errors.InvalidInputError):
        return kind("sent update", PROBLEM.fields)
    if issubclass(kind, errors.TransportError):
        return kind("no answer", sent=True)
    return kind("what happened")


def test_error_tree_is_drawn_as_it_is() -> None:
    real = {each.__name__: str(each.__bases__[0].__name__) for each in below(ContactKitError)}
    assert drawn_tree() == real


def test_error_tree_shows_real_builtin_bases() -> None:
    noted = re.findall(r"── (\w+) \((\w+Error)\)", str(errors.__doc__))
    assert ("InvalidInputError", "ValueError") in noted
    assert ("UnrecordedRequestError", "LookupError") in noted
    for name, base in noted:
        assert issubclass(getattr(errors, name), getattr(builtins, base))


@pytest.mark.parametrize("kind", [ContactKitError, *below(ContactKitError)])
def test_every_error_pickles_and_keeps_its_fields(kind: type[ContactKitError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.args, vars(again), str(again)) == (error.args, vars(error), str(error))


def test_problem_says_everything_it_knows() -> None:
    assert str(PROBLEM).splitlines() == [
        "sent update: 404 RESOURCE_001: Contact not found",
        "  id: is unknown",
        "  existing contact: c1",
        "  request: req_1",
        "  see https://docs.example.com/errors",
    ]


def test_problem_says_only_what_it_knows() -> None:
    assert str(Problem(provider="sent", message="no")) == "sent: no"
    assert str(Problem(status=500)) == "500"
    assert str(Problem()) == ""


def test_problem_without_a_field_is_its_message() -> None:
    assert str(FieldProblem(field="", message="nothing to change")) == "nothing to change"


def test_one_field_problem_is_one_line() -> None:
    error = errors.InvalidInputError("sent update", [FieldProblem(field="a", message="is bad")])
    assert str(error) == "sent update: a: is bad"


def test_several_field_problems_are_a_line_each() -> None:
    problems = [FieldProblem(field=name, message="is bad") for name in "ab"]
    error = errors.InvalidInputError("sent update", iter(problems))
    assert str(error).splitlines() == ["sent update:", "  a: is bad", "  b: is bad"]


def test_rate_limit_error_says_when_to_resume() -> None:
    assert str(made(errors.RateLimitError)).endswith("resume at 2026-04-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (418, errors.InvalidRequestError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (599, errors.ServerError),
        (302, errors.ApiError),
    ],
)
def test_error_for_status_gives_its_class(status: int, kind: type[errors.ApiError]) -> None:
    assert errors.error_for_status(status) is kind


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6)


@given(SECRETS, st.text(), st.text())
def test_redact_removes_secrets_plain_and_encoded(secret: str, before: str, after: str) -> None:
    encoded = quote(secret, safe="")
    shown = redact(f"{before} {secret} {encoded} {after}", [secret])
    assert secret not in shown
    assert encoded not in shown


def test_redact_removes_a_secret_that_contains_another() -> None:
    assert redact("key-abc-def", ["key-abc", "key-abc-def", ""]) == "•••"


@pytest.mark.parametrize(
    "personal",
    [
        "janet@example.com",
        "janet.o+tag@mail.example.com",
        "janet%40example.com",
        "janet%2Btag%40example.com",
        "+12025550123",
        "%2B12025550123",
        "+1 (202) 555-0123",
        "202.555.0123",
    ],
)
def test_redact_removes_addresses_and_phones(personal: str) -> None:
    assert redact(f"to {personal}, today", []) == "to …, today"


def test_redact_leaves_other_text_alone() -> None:
    said = "RESOURCE_007: 12 contacts, see https://docs.sent.dm/errors"
    assert redact(said, []) == said


def test_redact_is_quick_on_a_long_word() -> None:
    assert redact("a" * 1_000_000, []) == "a" * 1_000_000
