"""Which names, and which part of a path, contain personal values or secrets at a provider.

It reads the provider's declaration, and knows a few common names that no declaration has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from contactkit.cassette.redaction.pseudonyms import Kind
from contactkit.spec.provider import Provider
from contactkit.spec.record import Record, RecordField, fields_of, key_of

_CALENDAR = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec January February March April June July August "
    "September October November December Mon Tue Wed Thu Fri Sat Sun Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday"
)
# Providers send more than they document.
_USUAL: dict[str, Kind] = {
    **dict.fromkeys("firstname givenname namefirst forename".split(), "first"),
    **dict.fromkeys("lastname familyname surname namelast maidenname".split(), "last"),
    **dict.fromkeys("fullname middlename birthdate birthday dateofbirth dob".split(), "free"),
    **dict.fromkeys("street streetaddress addressline1 addressline2".split(), "free"),
    **dict.fromkeys("phone phonenumber mobile cellphone telephone msisdn".split(), "phone"),
}


class PersonalFields:
    """The personal fields of one provider, and the personal key in its paths."""

    def __init__(self, provider: Provider) -> None:
        self._declared: dict[str, Kind] = dict(_declared_kinds(provider))
        key = key_of(provider.record)
        self._key: Kind | None = field_kind(key) if key.marker.personal else None
        endpoints = provider.endpoints
        self._keyed = [endpoint for endpoint in endpoints if "{key}" in endpoint.path]
        self._fixed = tuple(e.path for e in endpoints if "{key}" not in e.path)

    def declared(self, name: str) -> Kind | None:
        """The kind of a declared field, in snake, camel or kebab case."""
        return self._declared.get(_normalise(name))

    def usual(self, name: str) -> Kind | None:
        """The kind of a field that usually has this name, declared or not."""
        return _USUAL.get(_normalise(name))

    def parameter(self, name: str) -> Kind | None:
        """The kind of a query parameter; its name may contain a field's, as `filter[email][in]`."""
        parts = re.findall(r"\w+", name)
        kinds: Iterator[Kind | None] = (self.declared(part) or self.usual(part) for part in parts)
        return next(filter(None, kinds), None)

    def key_span(self, path: str) -> tuple[Kind, int, int] | None:
        """The kind of a contact's key, if it is personal, and its place in a path."""
        if self._key is None or path.endswith(self._fixed):
            return None
        matches = filter(None, (endpoint.match(path) for endpoint in self._keyed))
        match = next(matches, None)
        return (self._key, *match.span("key")) if match else None


def field_kind(field: RecordField) -> Kind:
    """What a personal field contains."""
    match field.marker.personal:
        case "phone" | "email" as kind:
            return kind
        case "name" if "first" in field.name:
            return "first"
        case "name" if "last" in field.name:
            return "last"
        case _:
            return "free"


def ordinary_words(provider: Provider) -> frozenset[str]:
    """Words that any response may have: names of fields, choices, days and months."""
    fields = [field for record in _records(provider) for field in fields_of(record).values()]
    choices = {choice for field in fields for choice in field.choices}
    return frozenset({*choices, *(field.wire for field in fields), *_CALENDAR.split()})


def secret_names(provider: Provider) -> Iterator[str]:
    """The names under which requests carry this provider's credentials."""
    for credential in provider.credentials:
        if credential.secret:
            yield from filter(None, (credential.name, credential.header))


def _records(provider: Provider) -> Iterator[type[Record]]:
    yield provider.record
    for endpoint in provider.endpoints:
        yield from (endpoint.params, *filter(None, [endpoint.record]))


def _declared_kinds(provider: Provider) -> Iterator[tuple[str, Kind]]:
    for record in reversed(list(_records(provider))):
        for name, field in fields_of(record).items():
            for spelling in (name, *field.spellings) if field.marker.personal else ():
                yield _normalise(spelling), field_kind(field)
    key = key_of(provider.record)
    for endpoint in provider.endpoints if key.marker.personal else ():
        if endpoint.key_wire:
            yield _normalise(endpoint.key_wire), field_kind(key)
        if endpoint.bulk and endpoint.bulk.name and not endpoint.fields:
            yield _normalise(endpoint.bulk.name), field_kind(key)


def _normalise(name: str) -> str:
    return re.sub(r"[_\-\s]", "", name).lower()
