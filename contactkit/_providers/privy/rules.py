"""Privy's rules across fields: which consent may follow which, and what it sends then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contactkit.errors import FieldProblem
from contactkit.spec import JSON, Undo, phones

_NO_TEXTS = ("sms_consent", "unsubscribed")
_ONLY_NO = ", so only sms_consent='unsubscribed' is sent, by itself"


def rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> Sequence[FieldProblem]:
    """What is refused before it is sent; a no to texts is sent, since only Privy can refuse it."""
    names = [name for name, value in changes.items() if (name, value) != _NO_TEXTS]
    problems = suppression_problems(current, names, hint=_ONLY_NO)
    return [*problems, *field_rules(current, changes)]


def suppression_problems(
    current: Mapping[str, JSON] | None, names: Iterable[str], hint: str = ""
) -> list[FieldProblem]:
    """Why these fields of a compliance-suppressed contact cannot be written.

    https://help.privy.com/docs/api-reference/update-contact
    """
    if (current or {}).get("email_consent") != "compliance_suppressed":
        return []
    message = f"cannot be written: the contact is compliance_suppressed{hint}"
    return [_no(field=name, message=message) for name in names]


def field_rules(
    current: Mapping[str, JSON] | None, changes: Mapping[str, JSON]
) -> list[FieldProblem]:
    """An address, and SMS consent; fields are applied before consent."""
    after = {**(current or {}), **changes}
    problems: list[FieldProblem] = []
    if current is None and not after.get("email") and not after.get("phone_number"):
        problems.append(_no(field="", message="needs an email or a phone_number"))
    if "sms_consent" in changes:
        problems += _sms_problems(current, str(after["sms_consent"]), after.get("phone_number"))
    return problems


def _no(field: str, message: str) -> FieldProblem:
    return FieldProblem(field=field, message=message, code="rule")


def _sms_problems(
    current: Mapping[str, JSON] | None, wanted: str, phone: str | None
) -> list[FieldProblem]:
    """https://help.privy.com/docs/learn/compliance/understand-sms-consent"""
    before = (current or {}).get("sms_consent")
    if wanted == "never_subscribed":
        return []
    if not phone:
        return [_no("sms_consent", f"{wanted} needs the contact to have a phone_number")]
    if wanted == "unsubscribed":
        message = "a new contact has no consent to revoke; allowed: never_subscribed"
        return [_no("sms_consent", message)] if current is None else []
    if phones.region(phone) not in ("US", "CA"):
        return [_no("sms_consent", f"{wanted} needs a phone_number in the US or Canada")]
    if wanted == "single_opt_in" and before in ("pending", "subscribed", "unsubscribed"):
        return [_no("sms_consent", f"{before} cannot become single_opt_in")]
    return []


def undo(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> Undo:
    """A welcome text cannot be unsent, and restoring a consent must not send another.

    https://help.privy.com/docs/api-reference/update-contact
    """
    if "sms_consent" not in changes:
        return Undo()
    texted = welcomes(before, changes, options)
    remains = "a welcome text may have been sent" if texted else ""
    return Undo(options={"send_welcome_sms": False}, remains=remains)


def welcomes(
    before: Mapping[str, JSON], changes: Mapping[str, JSON], options: Mapping[str, JSON]
) -> bool:
    """Whether Privy sends the text that the law requires after a newly confirmed SMS consent.

    https://help.privy.com/docs/api-reference/update-contact; none for single_opt_in is inferred.
    """
    confirmed = changes.get("sms_consent") == "subscribed" != before.get("sms_consent")
    return confirmed and options.get("send_welcome_sms") is not False
