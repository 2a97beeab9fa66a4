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
from contactkit.checks import check, clean, is_na, settable
from contactkit.columns import Columns, read_rows
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.flow import Page, Pages, perform
from contactkit.frames import result_frame, rows_of, to_frame
from contactkit.record import fields_of, key_of
from contactkit.signatures import signed
from contactkit.spec import JSON, Endpoint

OneT = TypeVar("OneT", covariant=True)
ManyT = TypeVar("ManyT", covariant=True)
ToFrame = Callable[[Page], pd.DataFrame]

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
            return carry_out(*args, **kwargs)

        return signed(method, self._session.provider, endpoint, name)

    def list(self, *, limit: int | None = None, **filters: Any) -> OneT:
        """Read all pages into one contact frame; with `limit`, warn when that cuts.

        Warns too when the listing changed while it was read, since a row may then be missing.
        """
        endpoint = self._endpoint("list")
        if limit is not None and (isinstance(limit, bool) or limit < 1):
            self._refuse(endpoint, "limit", "must be a whole number above 0")
        return self._run(self._listed(self._walk(endpoint, filters, limit), limit))

    def pages(self, **filters: Any) -> ManyT:
        """Iterate over contact frames, one a page, in constant memory."""
        return self._iterate(self._walk(self._endpoint("list"), filters, None), self._page_frame)

    def get(self, key: Any) -> OneT:
        """Read one contact as a one-row contact frame; NotFoundError when there is none."""
        return self._call(self._endpoint("get"), key, {})

    def create(self, **fields: Any) -> OneT:
        """Create a contact; a result row."""
        return self._call(self._endpoint("create"), None, fields)

    def update(self, key: Any, **fields: Any) -> OneT:
        """Change the given fields of one contact and leave the others; a result row."""
        return self._call(self._endpoint("update"), key, fields)

    def delete(self, key: Any, **options: Any) -> OneT:
        """Delete one contact; a result row."""
        return self._call(self._endpoint("delete"), key, options)

    def _other(self, endpoint: Endpoint, key: Any = None, **fields: Any) -> OneT:
        return self._call(endpoint, key, fields)

    def _endpoint(self, verb: str) -> Endpoint:
        provider = self._session.provider
        try:
            return provider.endpoint(verb)
        except LookupError:
            raise AttributeError(f"{provider.title} has no {verb}") from None

    def _walk(self, endpoint: Endpoint, filters: Mapping[str, Any], limit: int | None) -> Pages:
        provider = self._session.provider
        given = {n: v for n, v in clean(provider, endpoint, filters).items() if v is not None}
        found = check(provider, endpoint, given)
        if found.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
        size = min(limit or provider.paging.largest, provider.paging.largest)
        query = {name: _text(value) for name, value in found.wire.items()}
        return Pages(session=self._session, endpoint=endpoint, query=query, size=size)

    def _listed(self, walk: Pages, limit: int | None) -> Flow[pd.DataFrame]:
        record = self._session.provider.record
        parts: builtins.list[Columns] = []
        read, total = 0, None
        with tqdm(desc=f"{self._session.provider.title} contacts", delay=1.0, leave=False) as bar:
            while limit is None or read < limit:
                page = yield from walk.next()
                if page is None:
                    break
                rows = page.rows[: None if limit is None else limit - read]
                parts.append(read_rows(record, rows))
                read, total = read + len(rows), page.total
                bar.total = total if limit is None else limit
                bar.update(len(rows))
        _warn_of_gaps(read, total, limit, walk.number is not None)
        return to_frame(record, parts, self._attrs())

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
        given = fields.pop(name, default) if offered else default
        if type(given) is not type(default):
            kind = "True or False" if isinstance(default, bool) else "text"
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
        current = rows_of(record, key)[0]
        return str(current.get(key_of(record).name) or ""), current

    def _refuse(self, endpoint: Endpoint, field: str, message: str) -> NoReturn:
        where = f"{self._session.provider.name} {endpoint.verb}"
        raise InvalidInputError(where, [FieldProblem(field=field, message=message)])

    def _read(self, ask: Ask) -> Flow[pd.DataFrame]:
        done = yield from perform(self._session, ask)
        record = ask.endpoint.record or self._session.provider.record
        return to_frame(record, [read_rows(record, [self._row(ask, done)])], self._attrs())

    def _row(self, ask: Ask, done: Done) -> dict[str, JSON]:
        row = picked(self._session, ask.endpoint, done, self._session.provider.envelope.one)
        if not isinstance(row, dict):
            raise undocumented(self._session, ask.endpoint, done.reply, "holds no contact")
        return row

    def _written(
        self,
        ask: Ask,
        key: str,
        changes: Mapping[str, JSON],
        before: dict[str, JSON] | None,
    ) -> Flow[pd.DataFrame]:
        done = yield from perform(self._session, ask)
        record = self._session.provider.record
        after = None
        if done.body is not None:
            row = self._row(ask, done)
            after = {n: row[f.wire] for n, f in fields_of(record).items() if f.wire in row}
            key = key or str(after.get(key_of(record).name) or "")
        result = {
            "provider": self._session.provider.name,
            "key": key,
            "operation": ask.endpoint.effect,
            "outcome": _outcome(ask, changes, before, after),
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


def _warn_of_gaps(read: int, total: int | None, limit: int | None, more: bool) -> None:
    if limit is not None and read == limit:
        if more and (total is None or total > read):
            whole = "more" if total is None else f"{total:,}"
            warn(f"cut at {read:,} of {whole} contacts")
    elif total is not None and read != total:
        message = (
            f"{read:,} contacts were read where {total:,} were announced: the listing changed "
            "while it was read, and some may be missing"
        )
        warn(message)


def _outcome(
    ask: Ask,
    changes: Mapping[str, JSON],
    before: Mapping[str, JSON] | None,
    after: Mapping[str, JSON] | None,
) -> str:
    if ask.dry_run:
        return "planned"
    if changes and before and after and all(before.get(n) == after.get(n) for n in changes):
        return "unchanged"
    return _OUTCOMES[ask.endpoint.effect]


def _text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else cast("str", str(value))
