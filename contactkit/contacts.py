"""The verbs on a provider's contacts: checked here, carried out by flows, answered in frames.

`list pages get create update delete` are written out; whatever else a provider declares becomes
a method of the same name. Every method shows the provider's own fields as its signature.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, TypeVar, cast

import pandas as pd
from tqdm import tqdm

from contactkit.answers import picked, undocumented
from contactkit.calls import Ask, Done, Flow, Session, prepare
from contactkit.checks import check, clean, expected, is_na, plain, settable
from contactkit.columns import Columns, named, read_rows
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.flow import Page, Pages, perform
from contactkit.frames import result_frame, rows_of, to_frame
from contactkit.record import fields_of, key_of
from contactkit.signatures import signed
from contactkit.spec import JSON, Endpoint

OneT = TypeVar("OneT", covariant=True)
ManyT = TypeVar("ManyT", covariant=True)
ToFrame = Callable[[Page], pd.DataFrame]

_LONGEST_FILTER = 1000
_OUTCOMES = {"create": "created", "update": "updated", "delete": "deleted"}


class Contacts(Generic[OneT, ManyT]):
    """The verbs of one door; `OneT` is what a verb answers, `ManyT` what `pages` does.

    In every verb NA and NaN mean "leave alone", and None means "clear" where the field can be.
    A `key` is the contact's key, or a row of a contact frame: then what the provider would refuse
    for that contact as it stands is refused here, before anything is sent.

    Raises InvalidInputError before anything is sent, TransportError when no answer came, and
    ApiError when the provider says no.
    """

    def __init__(
        self,
        session: Session,
        world: str,
        run: Callable[[Flow[pd.DataFrame]], OneT],
        iterate: Callable[[Pages, ToFrame], ManyT],
    ) -> None:
        self._session = session
        self._world = world
        self._run = run
        self._iterate = iterate
        for endpoint in session.provider.endpoints:
            for name in ("list", "pages") if endpoint.answer == "page" else (endpoint.verb,):
                setattr(self, name, self._method(endpoint, name))

    def _method(self, endpoint: Endpoint, name: str) -> Callable[..., Any]:
        written = getattr(type(self), name, None)
        carry_out = (
            functools.partial(written, self)
            if written
            else functools.partial(self._other, endpoint)
        )

        def method(*args: Any, **kwargs: Any) -> Any:
            if endpoint.takes_key and "key" in kwargs and not args:
                args = (kwargs.pop("key"),)
            if len(args) != endpoint.takes_key:
                takes = "takes one key and then" if endpoint.takes_key else "takes"
                self._refuse(endpoint, "", f"{name} {takes} fields by name, as field=value")
            return carry_out(*args, **kwargs)

        return signed(method, self._session.provider, endpoint, name)

    def list(self, *, limit: int | None = None, **filters: Any) -> OneT:
        """Read all pages into one contact frame; with `limit`, warn when that cuts.

        Warns too when the listing changed while it was read, since a row may then be missing.
        """
        endpoint = self._endpoint("list")
        if limit is not None and (not isinstance(limit, int) or limit is True or limit < 1):
            self._refuse(endpoint, "limit", "must be a whole number above 0")
        return self._run(self._listed(self._walk(endpoint, filters, limit), limit))

    def pages(self, **filters: Any) -> ManyT:
        """Iterate over contact frames, one a page, in constant memory; warns as `list` does."""
        return self._iterate(self._walk(self._endpoint("list"), filters, None), self._page_frame)

    def get(self, key: Any, /, **options: Any) -> OneT:
        """Read one contact as a one-row contact frame; NotFoundError when there is none."""
        return self._call(self._endpoint("get"), key, options)

    def create(self, **fields: Any) -> OneT:
        """Create a contact; a result row."""
        return self._call(self._endpoint("create"), None, fields)

    def update(self, key: Any, /, **fields: Any) -> OneT:
        """Change the given fields of one contact and leave the others; a result row."""
        return self._call(self._endpoint("update"), key, fields)

    def delete(self, key: Any, /, **options: Any) -> OneT:
        """Delete one contact; a result row."""
        return self._call(self._endpoint("delete"), key, options)

    def _other(self, endpoint: Endpoint, key: Any = None, /, **fields: Any) -> OneT:
        return self._call(endpoint, key, fields)

    def _endpoint(self, verb: str) -> Endpoint:
        provider = self._session.provider
        try:
            return provider.endpoint(verb)
        except LookupError:
            raise AttributeError(f"{provider.title} has no {verb}") from None

    def _walk(self, endpoint: Endpoint, filters: Mapping[str, Any], limit: int | None) -> Pages:
        provider = self._session.provider
        for name, value in filters.items():
            if is_na(value):
                self._refuse(endpoint, name, "must not be NA; leave it out to read everybody")
        given = {n: v for n, v in clean(provider, endpoint, filters).items() if v is not None}
        found = check(provider, endpoint, given)
        if found.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
        query = {name: _text(value) for name, value in found.wire.items()}
        for name, text in query.items():
            if len(text) > _LONGEST_FILTER:
                self._refuse(endpoint, name, f"must be at most {_LONGEST_FILTER:,} characters")
        size = min(limit or provider.paging.largest, provider.paging.largest)
        return Pages(session=self._session, endpoint=endpoint, query=query, size=size)

    def _listed(self, walk: Pages, limit: int | None) -> Flow[pd.DataFrame]:
        record = self._session.provider.record
        parts: builtins.list[Columns] = []
        with tqdm(desc=f"{self._session.provider.title} contacts", delay=1.0, leave=False) as bar:
            while limit is None or walk.read < limit:
                page = yield from walk.next()
                if page is None:
                    break
                parts.append(read_rows(record, page.rows))
                bar.total = page.total if limit is None else limit
                bar.update(len(page.rows))
        frame = to_frame(record, parts, self._attrs())
        if limit is None or walk.read < limit:
            if gap := walk.gap():
                warn(gap)
        elif walk.number is not None or walk.read > limit:
            whole = "more" if walk.total is None else f"{walk.total:,}"
            warn(f"cut at {limit:,} of {whole} contacts")
            frame = frame.head(limit)
        return frame

    def _page_frame(self, page: Page) -> pd.DataFrame:
        record = self._session.provider.record
        return to_frame(record, [read_rows(record, page.rows)], self._attrs())

    def _attrs(self) -> dict[str, JSON]:
        now = datetime.fromtimestamp(self._session.clock.now(), UTC)
        at = now.isoformat(timespec="seconds")
        return {"provider": self._session.provider.name, "world": self._world, "at": at}

    def _call(self, endpoint: Endpoint, key: Any, fields: dict[str, Any]) -> OneT:
        if endpoint.deprecated:
            warn(endpoint.deprecated, DeprecationWarning)
        provider = self._session.provider
        dry_run = self._option(endpoint, fields, "dry_run", False, endpoint.dry_run)
        own_key = self._option(endpoint, fields, "idempotency_key", "", endpoint.keyed)
        name, current = self._known(endpoint, key) if endpoint.takes_key else ("", None)
        found = check(provider, endpoint, clean(provider, endpoint, fields), current)
        if found.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
        ask = prepare(
            self._session,
            endpoint,
            key=name,
            body=found.wire,
            idempotency_key=own_key,
            dry_run=dry_run,
        )
        if not endpoint.effect:
            return self._run(self._read(ask))
        changes = {n: v for n, v in found.values.items() if n in settable(provider, endpoint)}
        return self._run(self._written(ask, name, changes, current))

    def _option(
        self, endpoint: Endpoint, fields: dict[str, Any], name: str, default: Any, offered: bool
    ) -> Any:
        if not offered or name not in fields:
            return default
        given = plain(fields.pop(name))
        if type(given) is not type(default) or given == "":
            kind = "True or False" if isinstance(default, bool) else "text, and not empty"
            self._refuse(endpoint, name, f"must be {kind}")
        return given

    def _known(self, endpoint: Endpoint, key: Any) -> tuple[str, dict[str, JSON] | None]:
        """A key as text, and the contact as it stands where a row of a contact frame was given."""
        record = self._session.provider.record
        if isinstance(key, pd.Series):
            key = key.to_frame().T
        if not isinstance(key, pd.DataFrame):
            return "" if key is None or is_na(key) else str(key), None
        if len(key) != 1:
            self._refuse(endpoint, "key", f"must be one row, not a frame of {len(key)}")
        name = key_of(record).name
        if name not in key:
            self._refuse(endpoint, "key", f"the row has no {name}; give a row with that column")
        current = rows_of(record, key)[0]
        for column, value in current.items():
            declared = fields_of(record)[column]
            if value is not None and not declared.holds(value):
                self._refuse(endpoint, column, f"the row's own value must be {expected(declared)}")
        return str(current[name] or ""), current

    def _refuse(self, endpoint: Endpoint, field: str, message: str) -> NoReturn:
        where = f"{self._session.provider.name} {endpoint.verb}"
        raise InvalidInputError(where, [FieldProblem(field=field, message=message)])

    def _read(self, ask: Ask) -> Flow[pd.DataFrame]:
        done = yield from perform(self._session, ask)
        record = ask.endpoint.record or self._session.provider.record
        return to_frame(record, [read_rows(record, [self._row(ask, done)])], self._attrs())

    def _row(self, ask: Ask, done: Done) -> dict[str, JSON]:
        row = picked(self._session, ask, done, self._session.provider.envelope.one)
        if not isinstance(row, dict):
            raise undocumented(self._session, ask, done.reply, "holds no contact")
        return row

    def _written(
        self,
        ask: Ask,
        key: str,
        changes: Mapping[str, JSON],
        before: dict[str, JSON] | None,
    ) -> Flow[pd.DataFrame]:
        done = yield from perform(self._session, ask)
        after = None if ask.endpoint.answer == "nothing" else self._after(ask, done, key)
        name = key_of(self._session.provider.record).name
        result = {
            "provider": self._session.provider.name,
            "key": key or (after or {}).get(name),
            "operation": ask.endpoint.effect,
            "outcome": self._outcome(ask, done, changes, before, after),
            "changed": list(changes),
            "before": before,
            "after": after,
            "http_status": done.reply.status,
            "attempts": done.attempts,
            "request_id": done.request_id or None,
            "idempotency_key": ask.idempotency_key or None,
            "elapsed_ms": round(done.elapsed * 1000),
            "at": datetime.fromtimestamp(done.at, UTC),
        }
        return result_frame([result])

    def _after(self, ask: Ask, done: Done, key: str) -> dict[str, JSON]:
        """The contact that a write answered with; it must be the one that was asked for."""
        record = self._session.provider.record
        after = named(record, self._row(ask, done))
        found = after.get(key_of(record).name)
        if not isinstance(found, str) or not found or (key and not ask.dry_run and found != key):
            why = "holds another contact than the one that was written, or none"
            raise undocumented(self._session, ask, done.reply, why)
        return after

    def _outcome(
        self,
        ask: Ask,
        done: Done,
        changes: Mapping[str, JSON],
        before: Mapping[str, JSON] | None,
        after: Mapping[str, JSON] | None,
    ) -> str:
        provider = self._session.provider
        if ask.dry_run:
            if provider.dry_run and provider.dry_run.confirmed.lower() in done.reply.headers:
                return "planned"
            warn(f"{provider.title} did not confirm the dry run; it may have been carried out")
            return "unknown"
        replayed = provider.idempotency and provider.idempotency.replayed.lower()
        if replayed in done.reply.headers and done.attempts == 1:
            warn("this idempotency key was used before: nothing was done, the answer is from then")
            return "skipped"
        if changes and before and after and all(before.get(n) == after.get(n) for n in changes):
            return "unchanged"
        return _OUTCOMES[ask.endpoint.effect]


def _text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else cast("str", str(value))
