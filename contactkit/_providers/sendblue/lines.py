"""What Sendblue says of an account's lines and users, besides its contacts.

https://docs.sendblue.com/api/resources/lines/methods/get_contact_status
https://docs.sendblue.com/api/resources/v2/subresources/seats
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import JsonValue

from contactkit.spec import Record, Time, key, option, phones, read_only


class Line(Record):
    """The options of `contact_status`."""

    sendblue_number: Annotated[
        str, option("Your Sendblue number (E.164).", required=True, check=phones.check)
    ]


class ContactStatus(Record):
    """Whether a number is known on a line, by its messages there; it need not be a contact."""

    phone: Annotated[str, key("The number.", wire="number", personal="phone")]
    sendblue_number: Annotated[str, read_only("The line.")]
    classification: Annotated[
        Literal["known", "new", "not_applicable", "unavailable"],
        read_only("What it is for the limits of new contacts; unavailable if Sendblue cannot say."),
    ]
    known_contact: Annotated[
        bool | None, read_only("Whether it is known; NA if that does not apply or is unavailable.")
    ] = None
    new_contact_lookback_days: Annotated[
        int | None, read_only("Days without a message after which it is new again.")
    ] = None
    sampled_at: Annotated[Time, read_only("When this was so.")]
    pacing: Annotated[
        dict[str, JsonValue] | None, read_only("Advice on how fast to send to it, if there is any.")
    ] = None
    status: Annotated[str, read_only("Always OK.")]


class ListSeats(Record):
    """Filters of `seats`."""

    email: Annotated[str | None, option("The one user with this address.", personal="email")] = None
    limit: Annotated[int | None, option("At most so many; the default is not documented.")] = None
    offset: Annotated[int | None, option("How many to leave out at the start.")] = None


class Seat(Record):
    """A user of the account, to whom contacts may be assigned."""

    seat_id: Annotated[str, key("The user's id.")]
    email: Annotated[str | None, read_only("E-mail address.", personal="email")] = None
    first_name: Annotated[str | None, read_only("First name.", personal="name")] = None
    last_name: Annotated[str | None, read_only("Last name.", personal="name")] = None
    forwarding_number: Annotated[
        str | None, read_only("Number that calls are forwarded to.", personal="phone")
    ] = None
    account: Annotated[str | None, read_only("Name of the account.")] = None
    created_at: Annotated[Time | None, read_only("When the user was added.")] = None
