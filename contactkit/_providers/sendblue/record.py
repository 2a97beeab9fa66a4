"""What a contact is at Sendblue, and the options and responses of its verbs.

The wire spells some names in two ways, and calls the number `phone` or `number`; the user sees one
plain name for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from contactkit._providers.sendblue.bulk import NUMBER_NAMES
from contactkit.spec import Record, Time, emails, key, option, phones, read_only, writable


class Contact(Record):
    """Any field except the number may be missing from a response."""

    phone: Annotated[
        str,
        key(
            "Phone number (E.164): the contact's key.",
            required=True,
            personal="phone",
            check=phones.check,
            unique=True,
            deprecated=NUMBER_NAMES[1:],
        ),
    ]
    contact_id: Annotated[str | None, read_only("Permanent id; only listings include it.")] = None
    first_name: Annotated[
        str | None, writable("First name.", personal="name", deprecated=("firstName",))
    ] = None
    last_name: Annotated[
        str | None, writable("Last name.", personal="name", deprecated=("lastName",))
    ] = None
    company_name: Annotated[
        str | None,
        writable(
            "Company; Sendblue may fill in the account's own.",
            deprecated=("companyName", "company"),
        ),
    ] = None
    assigned_to_email: Annotated[
        str | None,
        writable(
            "E-mail address of the user it is assigned to.",
            personal="email",
            check=emails.check,
            deprecated=("assignedToEmail",),
            suggested_by=("seats", "email"),
        ),
    ] = None
    sendblue_number: Annotated[
        str | None,
        writable(
            "Your Sendblue number that messages the contact (E.164).",
            check=phones.check,
            deprecated=("sendblueNumber",),
        ),
    ] = None
    tags: Annotated[
        list[str] | None,
        writable(
            "Labels; what you send replaces the whole list.",
            collection="replace",
            evidence="inferred",
        ),
    ] = None
    custom_variables: Annotated[
        dict[str, str] | None,
        writable(
            "Text by label; what you send is merged with the current text.",
            collection="merge",
            personal="free",
            deprecated=("customVariables",),
        ),
    ] = None
    opt_out: Annotated[
        bool | None, writable("Blocks every message to the number.", deprecated=("optOut",))
    ] = None
    verified: Annotated[bool | None, read_only("Whether the number is verified.")] = None
    created_at: Annotated[
        Time | None, read_only("When the contact was created.", deprecated=("createdAt",))
    ] = None


_ORDERS = {"first_name": "firstName", "last_name": "lastName"}


class ListContacts(Record):
    """Filters and order of `list`."""

    phone: Annotated[
        str | None,
        option(
            "The one contact with this number.",
            wire="phone_number",
            deprecated=("phone_number", "number"),
            personal="phone",
            check=phones.check,
        ),
    ] = None
    contact_id: Annotated[
        str | None, option("The contact with this permanent id.", wire="cid", deprecated=("cid",))
    ] = None
    created_at_gte: Annotated[
        Time | None, option("Created then or later.", label="Created since")
    ] = None
    order_by: Annotated[
        Literal["created_at", "first_name", "last_name", "phone"] | None,
        option(
            "Oldest first if neither this nor order_direction is given.",
            label="Sorted by",
            orders=True,
        ),
    ] = None
    order_direction: Annotated[
        Literal["asc", "desc"] | None,
        option(
            "desc by default. In an order that you choose, Sendblue lists 11,000 at most.",
            orders=True,
            evidence="inferred",
        ),
    ] = None

    @classmethod
    def to_query(cls, values: Mapping[str, Any]) -> dict[str, str]:
        query = super().to_query(values)
        return {name: _ORDERS.get(value, value) for name, value in query.items()}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> dict[str, Any]:
        orders = {camel: snake for snake, camel in _ORDERS.items()}
        by = query.get("order_by", "")
        return super().from_query({**query, **({"order_by": orders.get(by, by)} if by else {})})


class Upsert(Record):
    """The options of `create`."""

    update_if_exists: Annotated[
        bool | None,
        option(
            "Change the contact if it exists, instead of refusing. The outcome is then 'updated' "
            "in both cases, because Sendblue does not say which it was."
        ),
    ] = None


class OptOut(Record):
    """The options of `opt_out`: opted_out=False opts the number in again."""

    opted_out: Annotated[bool, option("False to opt the number in again.")] = True


class OptOutState(Record):
    """The response of `opt_out`."""

    phone: Annotated[str, key("The number.", wire="number", personal="phone")]
    opted_out: Annotated[bool, read_only("Whether it is opted out now.")]


class Count(Record):
    """The response of `count`."""

    count: Annotated[int, read_only("Contacts of the account.")]
