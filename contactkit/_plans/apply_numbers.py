"""The numbers among the options of an apply, checked before anything is sent."""

from __future__ import annotations

from typing import Any

from contactkit.errors import InvalidInputError
from contactkit.spec.validate import to_python


def whole_number(where: str, name: str, number: Any, most: int | None = None) -> int:
    """A whole number from 1."""
    value = to_python(number)
    if type(value) is not int or value < 1 or (most and value > most):
        span = f"from 1 to {most}" if most else "above 0"
        raise InvalidInputError.one(where, name, f"must be a whole number {span}")
    return value


def number_or_share(where: str, number: Any) -> float | None:
    """A number of contacts, or a share of them; None for neither."""
    value = to_python(number)
    if value is None or (type(value) is int and value >= 1):
        return value
    if type(value) is not float or not 0 < value < 1:
        message = "must be a whole number above 0, or a share between 0 and 1, such as 0.05"
        raise InvalidInputError.one(where, "stop_after_failures", message)
    return value


def seconds(where: str, number: Any) -> float:
    """A time in seconds."""
    value = to_python(number)
    if type(value) not in (int, float) or not value >= 0:
        raise InvalidInputError.one(where, "patience", "must be a number of seconds, at least 0")
    return float(value)
