"""Counts for pictures: contacts by channel, consent and creation, writes by outcome and time.

Columns are found by their names and dtypes. Nothing here draws, and no provider is known by name.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from contactkit.errors import InvalidInputError
from contactkit.spec.outcome import Outcome

MOST_BARS = 60
MOST_CHOICES = 12

_CHANNELS = re.compile(r"(^|_)channels(_|$)"), re.compile(r"(^|_)channel$")
_CONSENT = re.compile(r"consent|(^|_)opt(ed)?_?(in|out)|subscri|verif|authori[sz]ed|suppress")
_CREATED = re.compile(r"(created|inserted)(_at|_on)?")
_PHONE = re.compile(r"(^|_)(phone|mobile)(_(number|home|mobile|work))?$")
_EMAIL = re.compile(r"(^|_)e_?mail(_address)?$")
# An owner's or author's address does not reach the contact, and is not the contact's consent.
_OTHER_PERSON = re.compile(r"(^|_)(to|by|from|owner)(_|$)")
_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}


def need_contacts(picture: str, people: Any) -> None:
    """Raise InvalidInputError for anything but a contact frame."""
    if not isinstance(people, pd.DataFrame) or {"operation", "outcome"} <= set(people):
        got = "a result frame" if isinstance(people, pd.DataFrame) else type(people).__name__
        raise refusal(picture, f"needs a contact frame, such as contacts.list() returns, not {got}")


def need_results(picture: str, result: Any) -> None:
    """Raise InvalidInputError for anything but a result frame."""
    if not isinstance(result, pd.DataFrame) or "outcome" not in result:
        got = "without one" if isinstance(result, pd.DataFrame) else f"not {type(result).__name__}"
        needed = "a result frame, such as every write returns: a DataFrame with the column outcome"
        raise refusal(picture, f"needs {needed}, {got}")


def refusal(picture: str, message: str) -> InvalidInputError:
    """The error for a frame that a picture cannot be drawn from."""
    return InvalidInputError.one(f"plots.{picture}", "", message)


def by_channel(people: pd.DataFrame) -> tuple[str, dict[str, int]]:
    """The column about channels and its counts, most common first.

    Without such a column: "", and contacts by whether phone and e-mail are filled in.
    """
    for pattern in _CHANNELS:
        for name, column in people.items():
            if pattern.search(str(name)):
                return str(name), _channels(column)
    return "", _addresses(people)


def _channels(column: pd.Series) -> dict[str, int]:
    """Contacts by channel; a contact counts once for each of its channels."""
    counts: Counter[str] = Counter()
    for value, count in _value_counts(column.explode()).items():
        channels = {channel.strip() for channel in value.split(",")} - {""}
        counts.update(dict.fromkeys(channels or {"none"}, count))
    last = {name: counts.pop(name) for name in ("none", "unknown") if name in counts}
    return dict(counts.most_common()) | last


def _addresses(people: pd.DataFrame) -> dict[str, int]:
    phones, emails = _matching(people, _PHONE), _matching(people, _EMAIL)
    if phones.empty and emails.empty:
        needed = "a column of channels, phone numbers or e-mail addresses"
        raise refusal("channel_mix", f"needs {needed}, such as phone_number or email")
    phone, email = ((part.notna() & part.ne("")).any(axis=1) for part in (phones, emails))
    counts = {
        "phone only": phone & ~email,
        "e-mail only": email & ~phone,
        "both": phone & email,
        "neither": ~phone & ~email,
    }
    return {label: int(contacts.sum()) for label, contacts in counts.items() if contacts.any()}


def by_consent(people: pd.DataFrame) -> dict[str, dict[str, int]]:
    """The counts of each flag and enumeration about consent, by column; NA is unknown."""
    columns = _matching(people, _CONSENT)
    counts = {str(name): _answers(column) for name, column in columns.items() if _is_choice(column)}
    if not counts:
        needed = "a flag or an enumeration about consent, such as opt_out or sms_consent"
        raise refusal("consent", f"needs {needed}; the frame has no such column")
    return counts


def _matching(people: pd.DataFrame, pattern: re.Pattern[str]) -> pd.DataFrame:
    """The columns with matching names that do not concern another person."""
    names = [str(name) for name in people]
    return people.loc[:, [bool(pattern.search(n)) and not _OTHER_PERSON.search(n) for n in names]]


def _is_choice(column: pd.Series) -> bool:
    """Whether it is a flag or an enumeration, which a file may have turned into text."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    few = kind in ("string", "empty", "categorical") and column.nunique() <= MOST_CHOICES
    return few or kind == "boolean"


def _answers(column: pd.Series) -> dict[str, int]:
    counts = _value_counts(column)
    if pd.api.types.infer_dtype(column, skipna=True) != "boolean":
        return counts
    flags = {"yes": "True", "no": "False", "unknown": "unknown"}
    return {label: counts.get(value, 0) for label, value in flags.items()}


def _value_counts(column: pd.Series) -> dict[str, int]:
    """Rows by value, categories in their order, others most common first; NA is unknown."""
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    values = column.value_counts(sort=not is_category)
    counts = {str(value): int(count) for value, count in values.items()}
    missing = int(column.isna().sum()) + counts.pop("unknown", 0)
    return counts | ({"unknown": missing} if missing else {})


def by_creation(people: pd.DataFrame) -> tuple[str, pd.Series]:
    """The smallest unit (day, week, month or year) with at most 60 bars, and contacts by it.

    Contacts without a time of creation are left out; the Series is empty if none has one.
    """
    days = _creation_times(people).dropna().dt.tz_localize(None)
    if days.empty:
        return "day", pd.Series(dtype="int64")
    periods = {unit: days.dt.to_period(frequency) for unit, frequency in _UNITS.items()}
    fitting = (u for u, days in periods.items() if (days.max() - days.min()).n < MOST_BARS)
    unit = next(fitting, "year")
    whole = pd.period_range(periods[unit].min(), periods[unit].max())
    counts = periods[unit].value_counts().reindex(whole, fill_value=0)
    # A week is shown as its Monday.
    return unit, counts.set_axis([str(period)[:10] for period in whole])


def _creation_times(people: pd.DataFrame) -> pd.Series:
    columns = [column for name, column in people.items() if _CREATED.fullmatch(str(name))]
    if not columns:
        needed = "a column with the time of creation, such as created_at"
        raise refusal("over_time", f"needs {needed}; the frame has none")
    times = [pd.to_datetime(c, utc=True, errors="coerce", format="ISO8601") for c in columns]
    # Joined frames of two providers have two such columns; each row has a value in one of them.
    first, *others = times
    for other in others:
        first = first.fillna(other)
    return first


def by_outcome(result: pd.DataFrame) -> dict[str, int]:
    """The rows of a result frame by outcome, in declared order; NA is unknown."""
    counts = _value_counts(pd.Series(result["outcome"]))
    return {name: counts[name] for name in dict.fromkeys([*Outcome, *counts]) if counts.get(name)}


def by_time(result: pd.DataFrame) -> np.ndarray:
    """The timeline of an apply: rows of seconds, requests sent, 429s, and requests left."""
    timeline = result.attrs.get("timeline")
    if timeline is None:
        needed = "the result of plan.apply(), with a timeline in its attrs"
        raise refusal("timeline", f"needs {needed}; this frame has none")
    try:
        moments = np.array([[*moment] for moment in timeline], dtype=float).reshape(-1, 4)
    except (TypeError, ValueError):
        moments = np.full((1, 4), np.nan)
    if not (moments[:, :3] >= 0).all():
        needed = "lists of four numbers: second, requests sent, 429 responses, requests left"
        raise refusal("timeline", f"attrs['timeline'] must be {needed}")
    return moments[moments[:, 0].argsort()].T
