"""The control of a field, and conversions between its value and the control's content.

The content is "raw": text, a list of rows of text, or None if the browser has an incomplete entry.
Nothing here knows a widget.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from contactkit.spec.provider import JSON, as_list, as_object
from contactkit.spec.record import RecordField, parse_time

ControlName = Literal[
    "text", "long", "number", "choice", "flag", "date", "time", "tags", "pairs", "json"
]
Raw: TypeAlias = JSON

FLAGS = {"yes": True, "no": False}
_LONGEST = 60
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,300})(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)


def control_of(field: RecordField, value: JSON = None) -> ControlName:
    """The control for a field; long text and text with line breaks get several lines."""
    match field.kind:
        case "category":
            return "choice"
        case "boolean":
            return "flag"
        case "Int64":
            return "number"
        case "date":
            return "date"
        case "datetime":
            return "time"
        case "list":
            return "tags" if field.accepts([""]) else "json"
        case "dict":
            return "pairs"
        case "string":
            long = isinstance(value, str) and (len(value) > _LONGEST or not value.isprintable())
            return "long" if long else "text"


def raw_of(field: RecordField, value: JSON) -> Raw:
    """The content of a field's control for a value; None is an empty control."""
    control = control_of(field, value)
    if value is None:
        return [] if control in ("tags", "pairs") else ""
    match control:
        case "flag":
            return "yes" if value else "no"
        case "time":
            return parse_time(value).replace(tzinfo=None).isoformat(timespec="seconds")
        case "tags":
            return [[str(item)] for item in as_list(value)]
        case "pairs":
            return [[str(name), *_raw_part(part)] for name, part in as_object(value).items()]
        case "json":
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _raw_part(value: JSON) -> tuple[str, str]:
    """The kind of a value in a mapping, and its text."""
    match value:
        case str():
            return "text", value
        case bool():
            return "flag", "yes" if value else "no"
        case None:
            return "empty", ""
        case int() | float():
            return "number", json.dumps(value)
        case _:
            return "json", json.dumps(value, ensure_ascii=False)


def value_of(field: RecordField, raw: Raw) -> JSON:
    """The value of a control's content, None if it is empty; ValueError says what is wrong.

    Whether the value may be written is for `spec.validate` to say.
    """
    if raw is None:
        raise ValueError("is incomplete")
    control = control_of(field)
    has_rows = control in ("tags", "pairs")
    if not (_are_rows(raw, 1 if control == "tags" else 3) if has_rows else isinstance(raw, str)):
        raise ValueError("is not a value for this control")
    match control:
        case "flag":
            return _flag(raw)
        case "number":
            return _number(raw)
        case "time":
            return _time(raw)
        case "tags":
            return [row[0] for row in raw]
        case "pairs":
            return _mapping(raw)
        case "json":
            return _json(raw)
        case _:
            return raw or None


def _are_rows(raw: Raw, parts: int) -> bool:
    rows = [as_list(row) for row in as_list(raw)]
    return isinstance(raw, list) and all(
        len(row) == parts and all(isinstance(part, str) for part in row) for row in rows
    )


def _flag(raw: str) -> JSON:
    if raw and raw not in FLAGS:
        raise ValueError("must be yes or no")
    return FLAGS.get(raw)


def _number(raw: str) -> JSON:
    text = raw.strip()
    if text and not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise ValueError("must be a whole number")
    return int(text) if text else None


def _time(raw: str) -> JSON:
    """Times on the screen are in UTC."""
    if not raw:
        return None
    try:
        return datetime.fromisoformat(raw).isoformat() + "+00:00"
    except ValueError:
        raise ValueError("must be a time, such as 2026-03-01T12:00:00") from None


def _json(raw: str) -> JSON:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        raise ValueError("must be JSON") from None


def _mapping(rows: Sequence[Sequence[str]]) -> JSON:
    pairs: dict[str, JSON] = {}
    for name, kind, text in rows:
        if not name:
            raise ValueError("has a value without a name")
        if name in pairs:
            raise ValueError(f"has {name} twice")
        pairs[name] = _part(name, kind, text)
    return pairs


def _part(name: str, kind: str, text: str) -> JSON:
    match kind:
        case "text":
            return text
        case "empty" if not text:
            return None
        case "flag" if text in FLAGS:
            return FLAGS[text]
        case "number" if _NUMBER.fullmatch(text):
            return json.loads(text)
        case "json":
            return _json_part(name, text)
        case _:
            allowed = {"empty": "empty, without a value", "flag": "yes or no", "number": "a number"}
            raise ValueError(f"{name} must be {allowed.get(kind, 'of a kind in the list')}")


def _json_part(name: str, text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f'{name} must be JSON, such as {{"a": [1, 2]}}') from None


def kinds_of(field: RecordField) -> Mapping[str, str]:
    """The kinds of values that a mapping accepts, with their labels; text comes first."""
    samples: dict[str, tuple[str, JSON]] = {
        "text": ("text", ""),
        "number": ("number", 0),
        "flag": ("yes or no", True),
        "empty": ("empty", None),
        "json": ("JSON", {"": []}),
    }
    kinds = {kind: label for kind, (label, value) in samples.items() if field.accepts({"": value})}
    # A mapping with fixed names rejects all of these, whatever kinds of values it accepts.
    return kinds or {kind: label for kind, (label, _) in samples.items()}
