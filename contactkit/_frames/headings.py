"""The field names of a frame's or a file's columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from contactkit._frames.known_headings import about_consent, suggest_rename
from contactkit.errors import InvalidInputError, warn
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
            warn(f"{provider.title}: name the column {name} instead of {text}", DeprecationWarning)
    return names


def rename_columns(
    where: str, labels: Iterable[str], rename: Mapping[str, str | None]
) -> dict[str, str]:
    """The name of each column that stays, by its heading; a column that becomes None does not.

    InvalidInputError if `rename` is no such mapping, if a column to rename is not there, or if two
    get one name.
    """
    labels = list(labels)
    if not isinstance(rename, Mapping) or not all(
        isinstance(name, str | None) for name in rename.values()
    ):
        message = "must be a mapping of columns to fields, or to None to leave them out"
        raise InvalidInputError.one(where, "rename", message)
    if missing := [repr(old) for old in rename if old not in labels]:
        message = f"there is no column {', '.join(missing)}; there are: {', '.join(labels)}"
        raise InvalidInputError.one(where, "rename", message)
    kept: dict[str, str] = {}
    for label in labels:
        name = rename.get(label, label)
        if name in kept.values():
            both = " and ".join(repr(old) for old in labels if rename.get(old, old) == name)
            raise InvalidInputError.one(where, "rename", f"{both} have the name {name}")
        if name is not None:
            kept[label] = name
    return kept


def unknown_columns(
    provider: Provider, names: Sequence[str], renamed: Mapping[str, str | None]
) -> str:
    """Which columns a provider has no field for, and how to read the file; "" if there are none.

    `renamed` is what the caller renamed already.
    """
    declared = fields_of(provider.record)
    unknown = [name for name in names if name not in declared]
    if not unknown:
        return ""
    lines = [f"{provider.title} has no field {', '.join(unknown)}; allowed: {', '.join(declared)}"]
    own = [name for name in unknown if name not in renamed.values()]
    suggested = suggest_rename(provider, own, (name for name in names if name in declared))
    lines.append(
        f"to read it, pass rename={dict(renamed, **suggested)}, where None leaves a column out"
        if suggested
        else "pass rename={'column': 'field'}, or None instead of a field to leave the column out"
    )
    if consent := about_consent(unknown if suggested else ()):
        lines.append(f"no field is suggested for what may be consent: {', '.join(consent)}")
    return "\n".join(lines)
