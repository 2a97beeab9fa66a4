"""The verbs on a provider's contacts: checked here, carried out by flows, answered in frames.

`list pages get create update delete` are written out; whatever else a provider declares becomes
a method of the same name. Every method shows the provider's own fields as its signature.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, TypeVar

import pandas as pd
from tqdm import tqdm

from contactkit._client.bulk import check_rows, intents, result_rows
from contactkit._client.signatures import signed
from contactkit._frames.decode import Columns, read_rows
from contactkit._frames.frame import result_frame, rows_of, to_frame
from contactkit._http.flow import send
from contactkit._http.pagination import Page, Pages
from contactkit._http.response import row_of
from contactkit._http.results import result_row
from contactkit._http.session import (
    Flow,
    Operation,
    Session,
    Success,
    build_operation,
)
from contactkit._http.world import World, world_attrs
from contactkit._journal.store import Intent
from contactkit._journal.write import Rows, intent, journaled
from contactkit._plans.build import check_edited, plan_of
from contactkit._plans.plan import Plan
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.provider import JSON, Endpoint
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import (
    check,
    expected,
    is_na,
    key_text,
    normalise_input,
    to_python,
    validate_edit,
    writable_fields,
)

OneT = TypeVar("OneT", covariant=True)
ManyT = TypeVar("ManyT", covariant=True)
ToFrame = Callable[[Page], pd.DataFrame]

_LONGEST_FILTER = 1000


class ContactVerbs(Generic[OneT, ManyT]):
    """The verbs of one door; `OneT` is what a verb answers, `ManyT` what `pages` does.

    In every verb NA and NaN mean "leave alone", and None means "clear" where the field can be.
    A `key` is the contact's key, or a row of a contact frame: then what the provider would refuse
    for that contact as it stands is refused here, before anything is sent. Every verb raises
    InvalidInputError before anything is sent, TransportError when no answer came, and ApiError when
    the provider says no.
    """

    def __init__(
        self,
        session: Session,
        world: World,
        run: Callable[[Flow[pd.DataFrame]], OneT],
        iterate: Callable[[Pages, ToFrame], ManyT],
    ) -> None:
        self._session = session
        self.world = world
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
            about = endpoint.subject
            if about and about in kwargs and not args:
                args = (kwargs.pop(about),)
            if len(args) != bool(about):
                takes = f"takes one {about} and then" if about else "takes"
                self._refuse(endpoint, "", f"{name} {takes} fields by name, as field=value")
            return carry_out(*args, **kwargs)

        return signed(method, self._session.provider, endpoint, name)

    def list(self, /, *, limit: int | None = None, **filters: Any) -> OneT:
        """Read all pages into one contact frame; with `limit`, warn when that cuts.

        Warns too when the listing changed while it was read, since a row may then be missing.
        """
        endpoint, limit = self._endpoint("list"), to_python(limit)
        if limit is not None and (type(limit) is not int or limit < 1):
            self._refuse(endpoint, "limit", "must be a whole number above 0")
        return self._run(self._listed(self._walk(endpoint, filters, limit), limit))

    def pages(self, /, **filters: Any) -> ManyT:
        """Iterate over contact frames, one a page, in constant memory; warns as `list` does."""
        return self._iterate(self._walk(self._endpoint("list"), filters, None), self._page_frame)

    def get(self, key: Any, /, **options: Any) -> OneT:
        """Read one contact as a one-row contact frame; NotFoundError when there is none."""
        return self._call(self._endpoint("get"), key, options)

    def create(self, /, **fields: Any) -> OneT:
        """Create a contact; a result row."""
        return self._call(self._endpoint("create"), None, fields)

    def update(self, key: Any, /, **fields: Any) -> OneT:
        """Change the given fields of one contact and leave the others; a result row."""
        return self._call(self._endpoint("update"), key, fields)

    def delete(self, key: Any, /, **options: Any) -> OneT:
        """Delete one contact; a result row."""
        return self._call(self._endpoint("delete"), key, options)

    def _planned(
        self, edited: pd.DataFrame, original: pd.DataFrame | None, create: bool, delete: bool
    ) -> Flow[Plan]:
        if original is None:
            check_edited(self._session.provider, edited, create=create, delete=delete)
            original = yield from self._everybody()
        return plan_of(self._session, edited, original, create=create, delete=delete)

    def _everybody(self) -> Flow[pd.DataFrame]:
        return self._listed(self._walk(self._endpoint("list"), {}, None), None)

    def _other(self, endpoint: Endpoint, about: Any = None, /, **fields: Any) -> OneT:
        carry_out = self._call_many if endpoint.bulk else self._call
        return carry_out(endpoint, about, fields)

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
        given = {
            n: v for n, v in normalise_input(provider, endpoint, filters).items() if v is not None
        }
        found = check(provider, endpoint, given)
        if found.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
        query = endpoint.params.to_query(found.values)
        for name, text in query.items():
            if len(text) > _LONGEST_FILTER:
                self._refuse(endpoint, name, f"must be at most {_LONGEST_FILTER:,} characters")
        # One more than wanted shows whether there are more, where nothing else does.
        size = min((limit or provider.paging.largest) + 1, provider.paging.largest)
        return Pages(session=self._session, endpoint=endpoint, query=query, size=size)

    def _listed(self, walk: Pages, limit: int | None) -> Flow[pd.DataFrame]:
        record = self._session.provider.record
        parts: builtins.list[Columns] = []
        with tqdm(desc=f"{self._session.provider.title} contacts", delay=1.0, leave=False) as bar:
            while limit is None or walk.read < limit:
                page = yield from walk.next()
                if page is None:
                    break
                rest = None if limit is None else limit - walk.read + len(page.rows)
                parts.append(read_rows(record, page.rows[:rest]))
                bar.total = page.total if limit is None else limit
                bar.update(len(page.rows))
        frame = to_frame(record, parts, self._attrs())
        if limit is None or walk.read < limit:
            if gap := walk.gap():
                warn(gap)
        elif walk.cut or walk.read > limit:
            rest = "; there may be more" if walk.total is None else f" of {walk.total:,}"
            warn(f"cut at {limit:,}{rest} contacts")
        return frame

    def _page_frame(self, page: Page) -> pd.DataFrame:
        record = self._session.provider.record
        return to_frame(record, [read_rows(record, page.rows)], self._attrs())

    def _attrs(self) -> dict[str, JSON]:
        now = datetime.fromtimestamp(self._session.clock.now(), UTC)
        at = now.isoformat(timespec="seconds")
        return {"provider": self._session.provider.name, **world_attrs(self.world), "at": at}

    def _call(self, endpoint: Endpoint, key: Any, fields: dict[str, Any]) -> OneT:
        options = self._options(endpoint, fields)
        provider = self._session.provider
        name, current, index = "", None, None
        if endpoint.takes_key:
            name, current, index = self._known(endpoint, key)
        found = validate_edit(provider, endpoint, fields, current)
        if found.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", found.problems)
        ask = build_operation(self._session, endpoint, key=name, body=found.wire, **options)
        if not endpoint.effect:
            return self._run(self._read(ask))
        held = {
            *writable_fields(provider, endpoint),
            *fields_of(endpoint.record or provider.record),
        }
        changes = {n: v for n, v in found.values.items() if n in held}
        about = {"key": name, "changes": changes, "before": current}
        return self._run(
            self._written(
                ask,
                lambda: [intent(self._session, ask, **about)],
                lambda done: [result_row(self._session, ask, done, **about)],
                index,
            )
        )

    def _call_many(self, endpoint: Endpoint, given: Any, fields: dict[str, Any]) -> OneT:
        options = self._options(endpoint, fields)
        bulk = check_rows(self._session.provider, endpoint, given)
        if fields:
            problems = [FieldProblem(field=n, message="give it in the rows") for n in fields]
            raise InvalidInputError(f"{self._session.provider.name} {endpoint.verb}", problems)
        name = endpoint.bulk.name if endpoint.bulk else ""
        body = {name: bulk.sent} if name else bulk.sent
        ask = build_operation(self._session, endpoint, body=body, **options)
        return self._run(
            self._written(
                ask,
                lambda: intents(self._session, ask, bulk),
                lambda done: result_rows(self._session, ask, done, bulk),
                bulk.index,
            )
        )

    def _options(self, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
        """Take what is not a field out of what a write was given."""
        if endpoint.deprecated:
            warn(endpoint.deprecated, DeprecationWarning)
        if endpoint.confirm and self._option(endpoint, fields, "confirm", False) is not True:
            self._refuse(endpoint, "confirm", f"must be True: {endpoint.help}")
        given: dict[str, Any] = {}
        if endpoint.dry_run:
            given["dry_run"] = self._option(endpoint, fields, "dry_run", False)
        if endpoint.keyed:
            given["idempotency_key"] = self._option(endpoint, fields, "idempotency_key", "")
        return given

    def _written(
        self,
        ask: Operation,
        begun: Callable[[], Sequence[Intent]],
        judged: Callable[[Success], Rows],
        index: pd.Index | None,
    ) -> Flow[pd.DataFrame]:
        rows = yield from journaled(self._session, ask, begun, judged)
        for message in {row["warning"]: None for row in rows if row["warning"]}:
            warn(message)
        return result_frame(rows, index, self.world.notice)

    def _option(self, endpoint: Endpoint, fields: dict[str, Any], name: str, default: Any) -> Any:
        if name not in fields:
            return default
        given = to_python(fields.pop(name))
        if type(given) is not type(default) or given == "":
            kind = "True or False" if isinstance(default, bool) else "text, and not empty"
            self._refuse(endpoint, name, f"must be {kind}")
        return given

    def _known(
        self, endpoint: Endpoint, key: Any
    ) -> tuple[str, dict[str, JSON] | None, pd.Index | None]:
        """A key as text; where a row was given, the contact as it stands and the row's index."""
        record = self._session.provider.record
        if isinstance(key, pd.Series):
            key = key.to_frame().T
        if not isinstance(key, pd.DataFrame):
            return self._key(endpoint, "" if key is None or is_na(key) else key), None, None
        if not key.columns.is_unique:
            self._refuse(endpoint, "key", "the row has two columns of one name")
        if len(key) != 1:
            self._refuse(endpoint, "key", f"must be one row, not a frame of {len(key)}")
        name = key_of(record).name
        if name not in key:
            self._refuse(endpoint, "key", f"the row has no {name}; give a row with that column")
        current = rows_of(record, key)[0]
        for column, value in current.items():
            declared = fields_of(record)[column]
            if value is not None and not declared.accepts(value):
                self._refuse(endpoint, column, f"the row's own value must be {expected(declared)}")
        return self._key(endpoint, current[name] or ""), current, key.index

    def _key(self, endpoint: Endpoint, given: Any) -> str:
        try:
            return key_text(self._session.provider, given)
        except ValueError as error:
            self._refuse(endpoint, "key", str(error))

    def _refuse(self, endpoint: Endpoint, field: str, message: str) -> NoReturn:
        where = f"{self._session.provider.name} {endpoint.verb}"
        raise InvalidInputError(where, [FieldProblem(field=field, message=message)])

    def _read(self, ask: Operation) -> Flow[pd.DataFrame]:
        done = yield from send(self._session, ask)
        record = ask.endpoint.record or self._session.provider.record
        return to_frame(
            record, [read_rows(record, [row_of(self._session, ask, done)])], self._attrs()
        )
