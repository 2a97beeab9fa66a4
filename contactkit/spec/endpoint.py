"""One operation of a provider: its request and its response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from contactkit.spec.record import Evidence, Record

if TYPE_CHECKING:
    from contactkit.spec.provider import JSON, Place


class NoParams(Record):
    """The parameters of an endpoint that has none of its own."""


BulkItem: TypeAlias = "tuple[str, JSON, str]"
"""The outcome for one contact of many, the contact in the response or None, and a message."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """A request with many contacts.

    `name` is the body's name for their list, "" if the body is the list. `read(status, body, sent)`
    returns one item per contact, in the order they were sent. `unclear` says what the response does
    not report, which is why a plan sends one request per contact instead.
    """

    name: str
    unclear: str
    read: Callable[[int, JSON, Sequence[JSON]], Sequence[BulkItem]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint:
    """One operation of a provider.

    `effect` is "" for reads. With `fields` the body takes all record fields except those in
    `omits`; the parameters of a read are in its query. A `repeatable` write has the same effect
    when it is sent twice; if that depends on the body, it is a function of the body. `keyed_by` is
    the contact's field that identifies it here, if that is not its key, and `key_wire` the name for
    it where it is not in the path. `confirm` are headers that the provider requires, and `flags`
    options that its flag header has. A "whole" response is the record itself, without an envelope;
    one of "rows" has several records, at the place `rows`. `writes` maps a parameter to the
    contact's field that it changes; `texts` means that the contact gets a text. `required` are the
    body's names that the documentation demands although a body without them is inferred to do; a
    whole update has them all.
    """

    verb: str
    method: str
    path: str
    help: str
    answer: Literal["page", "record", "whole", "rows", "nothing"] = "record"
    rows: Place = ()
    record: type[Record] | None = None
    params: type[Record] = NoParams
    effect: Literal["", "create", "update", "delete"] = ""
    fields: bool = False
    omits: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    keyed_by: str = ""
    key_wire: str = ""
    flags: type[Record] = NoParams
    writes: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: bool = False
    bulk: Bulk | None = None
    repeatable: bool | Callable[[Mapping[str, JSON]], bool] = False
    keyed: bool = False
    dry_run: bool = False
    confirm: Mapping[str, str] = field(default_factory=dict[str, str])
    scope: str = ""
    deprecated: str = ""
    docs: str = ""
    evidence: Evidence = "documented"

    @cached_property
    def takes_key(self) -> bool:
        """Whether it takes the key of one existing contact."""
        return "{key}" in self.path or bool(self.key_wire and not self.fields)

    @cached_property
    def takes_opt_in(self) -> bool:
        """Whether it may opt in a contact who opted out, where the caller says so."""
        return self.fields or bool(self.writes)

    @cached_property
    def subject(self) -> str:
        """The name of a verb's positional argument: key, contacts, keys, or "" for none."""
        if self.bulk:
            return "contacts" if self.fields else "keys"
        return "key" if self.takes_key else ""

    @cached_property
    def takes_list(self) -> bool:
        """Whether its body is a list rather than an object."""
        return self.bulk is not None and not self.bulk.name

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.path).replace(r"\{key\}", "(?P<key>[^/]+)") + r"\Z")

    def match(self, path: str) -> re.Match[str] | None:
        """Match a URL's path, with any path of the base URL before the endpoint's.

        The group `key` is the contact's key, still quoted, if the path has one.
        """
        return self._pattern.search(path)

    def is_repeatable(self, body: Mapping[str, JSON]) -> bool:
        """Whether a write with this body has the same effect when it is sent twice."""
        return self.repeatable(body) if callable(self.repeatable) else self.repeatable


# The five endpoints that nearly every provider has; keywords set what differs.
list_contacts = partial(
    Endpoint, verb="list", method="GET", help="Read contacts, all pages.", answer="page"
)
get_contact = partial(Endpoint, verb="get", method="GET", help="Read one contact.")
create_contact = partial(
    Endpoint, verb="create", method="POST", help="Create a contact.", effect="create", fields=True
)
update_contact = partial(
    Endpoint,
    verb="update",
    method="PATCH",
    help="Change the given fields of a contact.",
    effect="update",
    fields=True,
    repeatable=True,
)
delete_contact = partial(
    Endpoint,
    verb="delete",
    method="DELETE",
    help="Delete a contact.",
    answer="nothing",
    effect="delete",
)
