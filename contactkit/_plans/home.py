"""A plan's home: the address, the account and the world that it was made for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contactkit._http.session import Session
from contactkit._http.world import world_kind
from contactkit.errors import ConfigurationError

if TYPE_CHECKING:
    from contactkit._plans.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where a plan is applied.

    `world` is "live", "simulator" (all simulators of a provider are one home), a cassette, or the
    name of another world. `account` is the digest of `Session.account`, "" for a plan that was made
    without credentials; `profile` has the settings that are part of the account and no secret.
    """

    base_url: str
    world: str
    account: str = ""
    profile: str = ""

    @property
    def place(self) -> str:
        """The address and the world, without the account."""
        return f"{self.base_url}, {self.world}"

    def has_place_of(self, other: Home) -> bool:
        """Whether only the account differs, and not because of another profile."""
        return (self.place, self.profile) == (other.place, other.profile)

    def __str__(self) -> str:
        account = f"account {self.account}" if self.account else "no account yet"
        return ", ".join(filter(None, (self.place, account, self.profile)))


UNKNOWN = "unknown: an earlier version of contactkit saved the plan"


def home_of(session: Session) -> Home:
    """Where this session sends its requests."""
    return Home(
        base_url=session.base_url,
        world=world_kind(session.world),
        account=session.account,
        profile=session.profile,
    )


def bound_home(plan: Plan, session: Session) -> Home:
    """The home under which the journal has the plan's entries, or will have them.

    A plan without an account belongs to the one that it was first applied to. At the plan's own
    address, another account is taken for the same one with a new key.
    """
    here, home = home_of(session), plan.home
    if home and home.account:
        return home if home.has_place_of(here) else here
    used = session.plan_journal.accounts(plan.name, session.base_url)
    if not used or here.account in used:
        return here
    return replace(here, account=used[-1], profile="")


def check_home(plan: Plan, session: Session) -> None:
    """ConfigurationError unless the session sends to the plan's home."""
    here, where = home_of(session), f"the client is for {session.provider.title} at"
    meant = "if that is meant, apply it with anyway=True (contactkit apply --anyway)"
    home = plan.home
    if home is None:
        raise ConfigurationError(f"the plan's home is {UNKNOWN}, and {where} {here}; {meant}")
    if not home.account and home.place == here.place:
        home = bound_home(plan, session)
    if (home.place, home.account) != (here.place, here.account):
        raise ConfigurationError(
            f"the plan is for {plan.provider.title} at {home}, but {where} {here}; {meant}"
        )
