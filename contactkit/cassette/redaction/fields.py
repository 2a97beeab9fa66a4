"""Where a declaration says that personal values stand: under which names, and in which paths."""

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
# Providers say more than they document; whoever else has such a name is a person too.
_USUAL: dict[str, Kind] = {
    **dict.fromkeys("firstname givenname namefirst forename".split(), "first"),
    **dict.fromkeys("lastname familyname surname namelast maidenname".split(), "last"),
    **dict.fromkeys("fullname middlename birthdate birthday dateofbirth dob".split(), "free"),
    **dict.fromkeys("street streetaddress addressline1 addressline2".split(), "free"),
    **dict.fromkeys("phone phonenumber mobile cellphone telephone msisdn".split(), "phone"),
}


class Places:
    """What the names and paths of one provider hold."""

    def __init__(self, provider: Provider) -> None:
        self._kinds: dict[str, Kind] = dict(_kinds(provider))
        key = key_of(provider.record)
        self._key: Kind | None = kind_of(key) if key.marker.personal else None
        paths = [each.path for each in provider.endpoints]
        self._fixed = tuple(path for path in paths if "{key}" not in path)
        keyed = (re.escape(p).replace(r"\{key\}", "([^/]+)") for p in paths if "{key}" in p)
        self._keyed = [re.compile(f"{each}$") for each in keyed]

    def kind(self, name: str) -> Kind | None:
        """What stands under a name, however its words are joined."""
        return self._kinds.get(_folded(name))

    def usual(self, name: str) -> Kind | None:
        """What stands under a name that no declaration has."""
        return _USUAL.get(_folded(name))

    def asked(self, name: str) -> Kind | None:
        """The same for a query's name, which may hold a field's, as `filter[email][in]`."""
        parts = re.findall(r"\w+", name)
        kinds: Iterator[Kind | None] = (self.kind(part) or self.usual(part) for part in parts)
        return next(filter(None, kinds), None)

    def segment(self, path: str) -> tuple[Kind, int, int] | None:
        """Where a path has a contact's key, if that is personal, and its kind."""
        if self._key is None or path.endswith(self._fixed):
            return None
        found = next((found for each in self._keyed if (found := each.search(path))), None)
        return (self._key, *found.span(1)) if found else None


def kind_of(field: RecordField) -> Kind:
    """What a personal field holds."""
    match field.marker.personal:
        case "phone":
            return "phone"
        case "email":
            return "email"
        case "name" if "first" in field.name:
            return "first"
        case "name" if "last" in field.name:
            return "last"
        case _:
            return "free"


def ordinary(provider: Provider) -> frozenset[str]:
    """Words that stand in answers and in dates whoever they are about."""
    fields = [each for record in _records(provider) for each in fields_of(record).values()]
    choices = {choice for each in fields for choice in each.choices}
    return frozenset({*choices, *(each.wire for each in fields), *_CALENDAR.split()})


def secret_names(provider: Provider) -> Iterator[str]:
    """The names under which requests carry this provider's credentials."""
    for credential in provider.credentials:
        if credential.secret:
            yield from filter(None, (credential.name, credential.header))


def _records(provider: Provider) -> Iterator[type[Record]]:
    yield provider.record
    for each in provider.endpoints:
        yield from (each.params, *filter(None, [each.record]))


def _kinds(provider: Provider) -> Iterator[tuple[str, Kind]]:
    for record in reversed(list(_records(provider))):
        for name, field in fields_of(record).items():
            for each in (name, *field.spellings) if field.marker.personal else ():
                yield _folded(each), kind_of(field)
    key = key_of(provider.record)
    for each in provider.endpoints if key.marker.personal else ():
        if each.key_wire:
            yield _folded(each.key_wire), kind_of(key)
        if each.bulk and each.bulk.name and not each.fields:
            yield _folded(each.bulk.name), kind_of(key)


def _folded(name: str) -> str:
    return re.sub(r"[_\-\s]", "", name).lower()
