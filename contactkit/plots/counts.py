"""What the pictures count: contacts by channel, consent and age, writes by outcome and by time.

Which columns are read follows from the declared record, or from their names where a frame no
longer says whose it is. Nothing here draws, and no provider is known by name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contactkit._providers import find, names
from contactkit.errors import FieldProblem, InvalidInputError
from contactkit.spec.outcome import Outcome
from contactkit.spec.record import fields_of

MOST_BARS = 60
MOST_CHOICES = 12
# Tenths of a second are not quite multiples of a tenth.
_ROUNDING = 1e-6
_SPANS = [
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * each for each in (1, 2, 5, 10, 15, 30)),
    *(3600 * each for each in (1, 2, 3, 6, 12, 24)),
]

_CHANNELS = re.compile(r"(^|_)channels(_|$)"), re.compile(r"(^|_)channel$")
_CONSENT = re.compile(r"consent|(^|_)opt(ed)?_?(in|out)|subscri|verif|authori[sz]ed|suppress")
_CREATED = re.compile(r"(created|inserted)(_at|_on)?")
_NAMED = {
    "phone": re.compile(r"(^|_)(phone|mobile)(_(number|home|mobile|work))?$"),
    "email": re.compile(r"(^|_)e_?mail(_address)?$"),
}
# Whom a contact is assigned to, or who made it, is not reached by writing to the contact.
_ANOTHERS = re.compile(r"(^|_)(to|by|from|owner)(_|$)")


def need_contacts(picture: str, people: Any) -> None:
    """Raise InvalidInputError for what is no contact frame."""
    if not isinstance(people, pd.DataFrame) or {"operation", "outcome"} <= set(people):
        got = "a result frame" if isinstance(people, pd.DataFrame) else type(people).__name__
        raise _refusal(picture, f"needs a contact frame, as contacts.list() makes it, not {got}")


def need_results(picture: str, result: Any) -> None:
    """Raise InvalidInputError for what is no result frame."""
    if not isinstance(result, pd.DataFrame) or "outcome" not in result:
        got = "without one" if isinstance(result, pd.DataFrame) else f"not {type(result).__name__}"
        needed = "a result frame, as every write answers with: a DataFrame with the column outcome"
        raise _refusal(picture, f"needs {needed}, {got}")


def _refusal(picture: str, message: str) -> InvalidInputError:
    return InvalidInputError(f"plots.{picture}", [FieldProblem(field="", message=message)])


def by_channel(people: pd.DataFrame) -> tuple[str, dict[str, int]]:
    """The column about channels and its counts, the commonest first; "" and what is filled in."""
    for like in _CHANNELS:
        for name, column in people.items():
            if like.search(str(name)):
                return str(name), _channels(column)
    return "", _reach(people)


def _channels(column: pd.Series) -> dict[str, int]:
    """Contacts by channel; one that has several counts for each."""
    counts: Counter[str] = Counter()
    for value, count in _counted(column.explode()).items():
        parts = {part.strip() for part in value.split(",")} - {""}
        counts.update(dict.fromkeys(parts or {"none"}, count))
    last = {each: counts.pop(each) for each in ("none", "unknown") if each in counts}
    return dict(counts.most_common()) | last


def _counted(column: pd.Series) -> dict[str, int]:
    """Rows by value: in declared order if there is one, else the commonest first; NA is unknown."""
    declared = isinstance(column.dtype, pd.CategoricalDtype)
    counts = column.value_counts(sort=not declared)
    found = {str(value): int(count) for value, count in zip(counts.index, counts, strict=True)}
    gone = int(column.isna().sum()) + found.pop("unknown", 0)
    return found | ({"unknown": gone} if gone else {})


def _reach(people: pd.DataFrame) -> dict[str, int]:
    """Contacts by which of phone and e-mail is filled in."""
    phone, email = _filled(people, "phone"), _filled(people, "email")
    if phone is not None and email is not None:
        masks = {
            "phone only": phone & ~email,
            "e-mail only": email & ~phone,
            "both": phone & email,
            "neither": ~phone & ~email,
        }
    elif phone is not None:
        masks = {"phone": phone, "no phone": ~phone}
    elif email is not None:
        masks = {"e-mail": email, "no e-mail": ~email}
    else:
        needed = "a column about channels, or one that holds phone numbers or e-mail addresses"
        raise _refusal("channel_mix", f"needs {needed}, such as phone_number or email")
    return {told: int(mask.sum()) for told, mask in masks.items()}


def _filled(people: pd.DataFrame, kind: str) -> np.ndarray | None:
    """Which contacts have a value of this kind in any column; None where there is no column."""
    provider = people.attrs.get("provider")
    declared = fields_of(find(provider).record) if provider in names() else {}
    said = {name for name, each in declared.items() if each.marker.personal == kind}
    said = said & {*people} or {name for name in people if _NAMED[kind].search(str(name))}
    columns = [c for n, c in people.items() if n in said and not _ANOTHERS.search(str(n))]
    filled = [(each.notna() & each.ne("")).to_numpy(bool) for each in columns]
    return np.logical_or.reduce(filled) if filled else None


def by_consent(people: pd.DataFrame) -> dict[str, dict[str, int]]:
    """The counts of each flag and enumeration about consent, by column; NA is unknown."""
    told = {
        str(name): _answers(column)
        for name, column in people.items()
        if _CONSENT.search(str(name)) and not _ANOTHERS.search(str(name)) and _is_choice(column)
    }
    if not told:
        needed = "a flag or an enumeration about consent, such as opt_out or sms_consent"
        raise _refusal("consent", f"needs {needed}; the frame has no such column")
    return told


def _is_choice(column: pd.Series) -> bool:
    """Whether it is a flag or an enumeration, which may have become text on its way."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    few = kind in ("string", "empty", "categorical") and column.nunique() <= MOST_CHOICES
    return few or kind == "boolean"


def _answers(column: pd.Series) -> dict[str, int]:
    counts = _counted(column)
    if pd.api.types.infer_dtype(column, skipna=True) != "boolean":
        return counts
    flags = {"yes": "True", "no": "False", "unknown": "unknown"}
    return {told: counts.get(value, 0) for told, value in flags.items()}


@dataclass(frozen=True, kw_only=True)
class Ages:
    """Contacts by the unit of time in which they were created; `labels` by position."""

    unit: str
    counts: np.ndarray
    labels: dict[int, str]
    untold: int


def by_age(people: pd.DataFrame) -> Ages | None:
    """Contacts by the finest unit that makes no more than 60 bars; None where no time is told."""
    days = _days(people)
    if not len(days):
        return None
    unit, numbers, written = next(each for each in _units(days) if np.ptp(each[1]) < MOST_BARS)
    first = int(numbers.min())
    counts = np.bincount(numbers - first)
    labels = {at: written(first + at) for at in _ticks(unit, first, len(counts))}
    return Ages(unit=unit, counts=counts, labels=labels, untold=len(people) - len(days))


def _days(people: pd.DataFrame) -> np.ndarray:
    """The days on which contacts were created, as far as it is told."""
    found = [column for name, column in people.items() if _CREATED.fullmatch(str(name))]
    if not found:
        needed = "a column with the time of creation, such as created_at"
        raise _refusal("over_time", f"needs {needed}; the frame has none")
    times = [pd.to_datetime(each, utc=True, errors="coerce", format="ISO8601") for each in found]
    # Frames of two providers that were joined have two columns, of which each row fills one.
    first, *others = times
    for each in others:
        first = first.fillna(each)
    return first.dropna().dt.tz_localize(None).to_numpy().astype("datetime64[D]")


def _units(days: np.ndarray) -> Iterator[tuple[str, np.ndarray, Callable[[int], str]]]:
    """Ever coarser units: name, the number of each day's unit, and how a unit is written."""
    number = days.astype(int)
    yield "day", number, lambda n: str(np.datetime64(n, "D"))
    # Day 0 was a Thursday, and weeks begin on Mondays.
    yield "week", (number + 3) // 7, lambda n: str(np.datetime64(n * 7 - 3, "D"))
    yield "month", days.astype("datetime64[M]").astype(int), lambda n: str(np.datetime64(n, "M"))
    year = days.astype("datetime64[Y]").astype(int) + 1970
    yield "year", year, str
    for name, size in {"decade": 10, "century": 100, "millennium": 1000}.items():
        yield name, year // size, lambda n, size=size: str(n * size)


def _ticks(unit: str, first: int, count: int) -> list[int]:
    """Positions to be labelled, seven at most; months at the turn of a year or its parts."""
    strides = {"day": (1, 2, 7, 14), "month": (1, 2, 3, 6, 12)}.get(unit, (1, 2, 5, 10))
    stride = next(each for each in strides if count <= 7 * each)
    start = 0 if unit in ("day", "week") else -first % stride
    return list(range(start, count, stride))


def by_outcome(result: pd.DataFrame) -> dict[str, int]:
    """The rows of a result frame by outcome, in declared order; NA is unknown."""
    found = {name: n for name, n in _counted(pd.Series(result["outcome"])).items() if n}
    return {name: found[name] for name in Outcome if name in found} | found


@dataclass(frozen=True, kw_only=True)
class RequestRate:
    """What an apply sent in equal spans of `seconds` from its start, and what was answered 429.

    `left` has what was left of the rate budget, where it was known, by the second.
    """

    seconds: float
    sent: np.ndarray
    limited: np.ndarray
    left: dict[float, int]


def by_time(result: pd.DataFrame) -> RequestRate | None:
    """What an apply sent, in no more than 60 spans; None where it sent nothing."""
    moments = _moments(result)
    if not moments[:, 1].any():
        return None
    started = moments[:, 0]
    gaps = np.diff(started)
    finest = gaps[gaps > _ROUNDING].min(initial=np.inf) if len(gaps) else np.inf
    seconds = _spans(float(started[-1]), 1.0 if np.isinf(finest) else float(finest))
    at = (started / seconds + _ROUNDING).astype(int).clip(max=MOST_BARS - 1)
    known = moments[~np.isnan(moments[:, 3])]
    return RequestRate(
        seconds=seconds,
        sent=np.bincount(at, moments[:, 1]).astype(int),
        limited=np.bincount(at, moments[:, 2]).astype(int),
        left={float(second): int(left) for second, left in known[:, [0, 3]]},
    )


def _moments(result: pd.DataFrame) -> np.ndarray:
    """Second, requests sent, answers 429 and what is left, a row each, in order of time."""
    told = result.attrs.get("timeline")
    if told is None:
        needed = "the result of plan.apply(), whose attrs have its timeline"
        raise _refusal("timeline", f"needs {needed}; those of this frame have none")
    try:
        moments = np.array([list(each) for each in told], dtype=float).reshape(len(told), 4)
    except (TypeError, ValueError):
        moments = np.array([[np.nan] * 4])
    if not (moments[:, :3] >= 0).all() or np.isinf(moments).any():
        needed = "lists of four numbers: second, requests sent, answers 429, left in the budget"
        raise _refusal("timeline", f"attrs['timeline'] must be {needed}")
    return moments[np.argsort(moments[:, 0], kind="stable")]


def _spans(last: float, finest: float) -> float:
    """The seconds of the shortest span, whole in what was counted, that makes few enough bars."""
    least = finest * max(1, math.ceil((last / finest + 1) / MOST_BARS - _ROUNDING))
    even = [each for each in _SPANS if least <= each <= 2 * least and _is_whole(each / finest)]
    return even[0] if even and least > finest else least


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < _ROUNDING
