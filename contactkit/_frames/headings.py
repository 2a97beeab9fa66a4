"""The field names of a frame's or a file's columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from contactkit.errors import warn
from contactkit.spec.provider import Provider
from contactkit.spec.record import Record, fields_of


def field_names(record: type[Record], labels: Iterable[Hashable]) -> list[str]:
    """The field's name for each label, which may be an older name; others are unchanged."""
    declared = fields_of(record)
    older = {old: name for name, each in declared.items() for old in each.marker.deprecated}
    texts = map(str, labels)
    return [text if text in declared else older.get(text, text) for text in texts]


def name_fields(provider: Provider, labels: Iterable[Hashable]) -> list[str]:
    """`field_names`, with a warning for an older name; ValueError if a field is there twice."""
    texts = list(map(str, labels))
    names = field_names(provider.record, texts)
    seen: set[str] = set()
    for text, name in zip(texts, names, strict=True):
        if name in seen:
            raise ValueError(f"has the column {name} twice")
        seen.add(name)
        if name != text:
            warn(
                f"{provider.title}: name the column {name} instead of {text}",
                DeprecationWarning,
            )
    return names
