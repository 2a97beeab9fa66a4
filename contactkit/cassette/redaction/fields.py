"""Which names, and which part of a path, contain personal values or secrets at a provider.

It reads the provider's declaration, and knows a few common names that no declaration has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from contactkit.cassette.redaction.pseudonyms import Kind
from contactkit.cassette.redaction.usual import normalise, usual_container, usual_kind
from contactkit.errors import FieldProblem, Problem
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import JSON, Provider, as_list, as_object
from contactkit.spec.record import Record, RecordField, fields_of, key_of

_CALENDAR = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec January February March April June July August "
    "September October November December Mon Tue Wed Thu Fri Sat Sun Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday"
)
# Words that messages and our own files have; as a name they are found only as they were written.
_MESSAGES = (
    "about above account accept access action add address after again all allowed already also "
    "and any app application april are array art as ask asked at august author back bad ball "
    "banks base before begin bell bill bin body bond boolean both box branch brand bridge brooks "
    "brown bush but by call can cannot case cash chance change channel chase check church city "
    "clay client close code cole coma comma company conflict contact contacts content cook count "
    "country create created crystal customer data date dawn day dean default delete deleted "
    "details digest digit digits does don drew duplicate each early earl email empty end english "
    "enter error errors event exists expected faith failed false field fields file first fish "
    "for ford forest found fox free french from frost full get given glass good grace grant gray "
    "green group guy had hall hand has hash have header headers heath heather her hidden high "
    "hill him his holiday holly home honor hope host hour house how hunter hyphen id if image in "
    "info input internal invalid iris is it item items ivy jack jade jasmine jewel join joy json "
    "judge june junior just justice key king kind knight label land language last law lake lane "
    "length less letter letters like lily limit line link list little live long love low mail "
    "main major make many mark marsh mason matches max may mercy merit message messages method "
    "miles miller min minute missing month more most must my name names new next nick no none "
    "norm not null number numbers of off old olive only on opal open optional or order other out "
    "owner page pages park parameter part pass path patience patient pay pearl penny phone "
    "pierce plain pool post price prince private process provider public queen query rain ray "
    "read reason record records red reed region request requests required resource response rest "
    "rich river rob rob rocky root rose ruby rule rush sage sandy save search second server "
    "service set sharp she short should signal single size sky small some son sound spring star "
    "state status still stone store string strong subject such summer sunny sure tag tags temple "
    "text than that the their them then there they this time title to token too total town true "
    "try type under unique unknown until up update updated url use used user valid value values "
    "version violet wait walk wall was way we web week well were west when where which white who "
    "why will win winter wise with without wolf wood word would wrong year yes york you young "
    "your zone json xml html utf get put patch head options item of ask at epoch elapsed headers "
    "content pseudonym owner arrived failure marks application charset com net org example test "
    "invalid success page_size"
)


class PersonalFields:
    """The personal fields of one provider, and the personal key in its paths."""

    def __init__(self, provider: Provider) -> None:
        self._declared: dict[str, Kind] = dict(_declared_kinds(provider))
        self._ordinary = frozenset(_ordinary_names(provider)) - self._declared.keys()
        self._refusal = frozenset(_refusal_places(provider))
        keys = [(endpoint, provider.key_field(endpoint)) for endpoint in provider.routes]
        self._keyed: list[tuple[Endpoint, Kind]] = [
            (endpoint, field_kind(key))
            for endpoint, key in keys
            if "{key}" in endpoint.path and key.marker.personal
        ]
        self._fixed = tuple(e.path for e in provider.routes if "{key}" not in e.path)

    def declared(self, name: str) -> Kind | None:
        """The kind of a declared field, in snake, camel or kebab case."""
        return self._declared.get(normalise(name))

    def usual(self, name: str) -> Kind | None:
        """The kind of a field that usually has this name, unless it is declared otherwise."""
        return None if self.is_ordinary(name) else usual_kind(name)

    def inside(self, names: tuple[str, ...]) -> Kind | None:
        """The kind of a value by its own name or that of the object that it is in."""
        if not names or self.is_ordinary(names[-1]):
            return None
        return usual_kind(names[-1]) or usual_container(names)

    def is_ordinary(self, name: str) -> bool:
        """Whether a name is that of a declared field that is not personal."""
        return normalise(name) in self._ordinary

    def is_field(self, name: str) -> bool:
        """Whether a text is the name of a field, rather than the value of one."""
        plain = normalise(name)
        return plain in self._declared or plain in self._ordinary or usual_kind(name) is not None

    def in_refusal(self, names: tuple[str, ...]) -> bool:
        """Whether a provider's refusals have a text of their own at this place."""
        return any(
            len(place) == len(names)
            and all(want in (_ANY, name) for want, name in zip(place, names, strict=True))
            for place in self._refusal
        )

    def parameter(self, name: str) -> Kind | None:
        """The kind of a query parameter; its name may contain a field's, as `filter[email][in]`."""
        parts = re.findall(r"\w+", name)
        kinds: Iterator[Kind | None] = (self.declared(part) or self.usual(part) for part in parts)
        return next(filter(None, kinds), None)

    def key_span(self, path: str) -> tuple[Kind, int, int] | None:
        """The kind of a contact's key, if it is personal, and its place in a path."""
        if path.endswith(self._fixed):
            return None
        for endpoint, kind in self._keyed:
            if match := endpoint.match(path):
                start, end = match.span("key")
                return kind, start, end
        return None


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
    """Words that any response may have: names of fields, choices, codes, days and months."""
    fields = [field for record in _records(provider) for field in fields_of(record).values()]
    choices = {choice for field in fields for choice in field.choices}
    codes = {word for code in provider.errors.catalogue for word in (code, *code.split("_"))}
    return frozenset({*choices, *codes, *(field.wire for field in fields), *_CALENDAR.split()})


def secret_names(provider: Provider) -> Iterator[str]:
    """The names under which requests carry this provider's credentials."""
    for credential in provider.credentials:
        if credential.secret:
            yield from filter(None, (credential.name, credential.header))


_ANY = "*"


def _ordinary_names(provider: Provider) -> Iterator[str]:
    """The declared names whose values are not personal."""
    for record in _records(provider):
        for name, field in fields_of(record).items():
            for spelling in () if field.marker.personal else (name, *field.spellings):
                yield normalise(spelling)


def _refusal_places(provider: Provider) -> Iterator[tuple[str, ...]]:
    """Where a refusal of this provider has a text, by the names around it."""
    problem = Problem(
        provider=provider.name,
        status=422,
        code=_ANY,
        message=_ANY,
        request_id=_ANY,
        docs=_ANY,
        existing_key=_ANY,
        fields=(FieldProblem(field=_ANY, message=_ANY),),
    )
    yield from _places(provider.errors.write(problem, datetime.now(UTC)), ())


def _places(value: JSON, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in as_object(value).items():
            yield from _places(inner, (*names, name))
    elif isinstance(value, list):
        for inner in as_list(value):
            yield from _places(inner, names)
    elif isinstance(value, str):
        yield names


def common_words(provider: Provider) -> frozenset[str]:
    """Words in lower case that messages have, so that a name which is one needs its capitals."""
    codes = " ".join(provider.errors.catalogue)
    declared = " ".join(ordinary_words(provider))
    paths = " ".join(endpoint.path for endpoint in provider.routes)
    words = re.findall(r"[^\W_]+", f"{_MESSAGES} {codes} {declared} {paths}".lower())
    return frozenset(words)


def _records(provider: Provider) -> Iterator[type[Record]]:
    yield provider.record
    for endpoint in provider.routes:
        yield from (endpoint.params, *filter(None, [endpoint.record]))


def _declared_kinds(provider: Provider) -> Iterator[tuple[str, Kind]]:
    for record in reversed(list(_records(provider))):
        for name, field in fields_of(record).items():
            for spelling in (name, *field.spellings) if field.marker.personal else ():
                yield normalise(spelling), field_kind(field)
    key = key_of(provider.record)
    for endpoint in provider.endpoints if key.marker.personal else ():
        if endpoint.key_wire:
            yield normalise(endpoint.key_wire), field_kind(key)
        if endpoint.bulk and endpoint.bulk.name and not endpoint.fields:
            yield normalise(endpoint.bulk.name), field_kind(key)
