"""The rate budgets of this process: clients of one account share one, whatever their profile."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakValueDictionary

from contactkit._http.rate_limits import Budget
from contactkit._http.session import Session

_budgets: WeakValueDictionary[tuple[Any, ...], Budget] = WeakValueDictionary()
# Those that still count requests, so that a client knows what one before it has sent.
_spent: dict[tuple[Any, ...], Budget] = {}
_lock = threading.Lock()
_MOST_IDLE = 100


def share_budget(session: Session, limits: object) -> None:
    """Use the budget of another session of the account, if there is one with these limits.

    A budget lasts as long as any session uses it, and that of the provider itself as long as its
    limits count what was sent.
    """
    # A session keeps its world, so that no other world has this id while the budget is in use.
    world = 0 if session.world.real else id(session.world)
    with _lock:
        key = world, session.whole_account, limits
        session.budget = _budgets.setdefault(key, session.budget)
        if session.world.real:
            _spent[key] = session.budget
            _forget_idle(session.uptime())


def _forget_idle(now: float) -> None:
    if len(_spent) > _MOST_IDLE:
        for key in [key for key, budget in _spent.items() if budget.is_idle(now)]:
            del _spent[key]
