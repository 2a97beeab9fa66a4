"""The verbs on a provider's contacts: check the arguments, run a flow, return a frame.

`list`, `pages`, `get`, `create`, `update` and `delete` are defined here; every other verb that a
provider declares becomes a method of the same name. The signatures show the provider's fields.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, cast

import pandas as pd

from contactkit._client.arguments import pop_options, pop_settings, read_key, refuse
from contactkit._client.bulk import check_rows
from contactkit._client.bulk_write import BulkWrite
from contactkit._client.signatures import subject_of, with_signature
from contactkit._client.write import ContactWrite
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import result_frame, to_frame
from contactkit._frames.tabular import as_frame
from contactkit._http.background import ParallelFlow
from contactkit._http.connection import Connection
from contactkit._http.drivers import arun, run
from contactkit._http.flow import send
from contactkit._http.pagination import Pages
from contactkit._http.request import build_operation
from contactkit._http.response import check_key, many_of, row_of
from contactkit._http.results import Row, Values
from contactkit._http.session import Flow, Operation, Session, frame_attrs
from contactkit._http.world import world_attrs
from contactkit._plans.build import plan_rows
from contactkit._plans.listing import MOST_AHEAD, read_all, read_listing, start_listing
from contactkit._plans.options import PlanOptions, read_checked
from contactkit._plans.plan import Plan
from contactkit._plans.same_change import change_all
from contactkit._plans.tables import as_html, as_text
from contactkit._redact import Unpicklable
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.record import fields_of
from contactkit.spec.user_input import validate_edit
from contactkit.spec.validate import to_python, writable_fields
from contactkit.spec.widening import is_sent_once, may_widen

FrameT = TypeVar("FrameT", covariant=True)
_LISTINGS = ("list", "pages", "export")


class ContactVerbs(Unpicklable, Generic[FrameT]):
    """The verbs that the sync and the async client share; `FrameT` is what a verb returns.

    In every verb NA and NaN mean "leave unchanged", and None means "clear" if the field can be
    cleared. `key` is the contact's key, or a row of a contact frame; with a row, changes that the
    provider would refuse for that contact are refused before anything is sent. Every verb raises
    InvalidInputError before anything is sent, TransportError when no response arrives, and ApiError
    when the provider refuses.
    """

    _is_async: ClassVar[bool]
    _without_endpoint: ClassVar[Sequence[str]]

    def __init__(self, session: Session, connection: Connection) -> None:
        self._session = session
        self._connection = connection
        self._names: builtins.list[str] = []
        for endpoint in session.provider.endpoints:
            for name in (
                ("list", "pages", "export") if endpoint.answer == "page" else (endpoint.verb,)
            ):
                setattr(self, name, self._verb(endpoint, name))
                self._names.append(name)
        self.account = {e.verb: self._verb(e, e.verb) for e in session.provider.account}

    def list(self, /, *, limit: int | None = None, **filters: Any) -> FrameT:
        """Read all pages into one contact frame; warns when `limit` cuts it.

        Also warns when the listing changed while it was read, since a row may then be missing.
        """
        endpoint, limit = self._endpoint("list"), to_python(limit)
        if limit is not None and (type(limit) is not int or limit < 1):
            refuse(self._session.provider, endpoint, "limit", "must be a whole number above 0")
        pages = start_listing(self._session, filters, limit=limit, ahead=MOST_AHEAD)
        return self._run(read_listing(self._session, pages, limit))

    def _start_pages(self, after: str | None, filters: dict[str, Any]) -> Pages:
        self._endpoint("list")
        return start_listing(self._session, filters, ahead=1, after=after)

    def get(self, key: Any, /, **options: Any) -> FrameT:
        """Read one contact as a one-row contact frame; NotFoundError when there is none."""
        return self._call(self._endpoint("get"), key, options)

    def create(self, /, **fields: Any) -> FrameT:
        """Create a contact; returns a result row.

        A number or address that the journal knows of a deleted contact who had opted out is
        refused, unless `opt_in` is True.
        """
        return self._call(self._endpoint("create"), None, fields)

    def update(self, key: Any, /, **fields: Any) -> FrameT:
        """Change the given fields of one contact; returns a result row.

        A change that may opt in the contact is sent once, right after a fresh read, and refused if
        the contact has opted out, unless `opt_in` is True; with a row that does not show that it
        has, even then.
        """
        return self._call(self._endpoint("update"), key, fields)

    def delete(self, key: Any, /, **options: Any) -> FrameT:
        """Delete one contact, after a fresh read; returns a result row.

        Its `message` says so if the contact had opted out.
        """
        return self._call(self._endpoint("delete"), key, options)

    def _call(self, endpoint: Endpoint, key: Any, fields: dict[str, Any]) -> FrameT:
        """Read or write one contact."""
        session, provider = self._session, self._session.provider
        options = pop_options(session, endpoint, fields)
        text, current, index = "", None, None
        if endpoint.takes_key:
            text, current, index = read_key(provider, endpoint, key)
        checked = validate_edit(provider, endpoint, fields, current, options["flags"])
        if checked.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", checked.problems)
        opt_in, whole = options.pop("opt_in", False), options.pop("whole", False)
        if not endpoint.effect:
            query = endpoint.params.to_query(checked.values)
            return self._run(self._read(build_operation(session, endpoint, key=text, query=query)))
        once = whole or is_sent_once(provider, endpoint, checked.values)
        operation = build_operation(
            session, endpoint, key=text, body=checked.wire, once=once, **options
        )
        own = writable_fields(provider, endpoint).keys()
        names = own | fields_of(endpoint.record or provider.record).keys()
        write = ContactWrite(
            session=session,
            operation=operation,
            key=text,
            changes={n: v for n, v in checked.values.items() if n in names},
            shown=current,
            opt_in=opt_in,
            whole=whole,
        )
        write.check()
        return self._run(self._show(write.run(), index))

    def _call_bulk(self, endpoint: Endpoint, contacts: Any, fields: dict[str, Any]) -> FrameT:
        """Write many contacts in one request."""
        session = self._session
        options = pop_options(session, endpoint, fields)
        rows = check_rows(session.provider, endpoint, contacts, options["flags"])
        if fields:
            problems = [FieldProblem(field=n, message="must be given in the rows") for n in fields]
            raise InvalidInputError(f"{session.provider.name} {endpoint.verb}", problems)
        name = endpoint.bulk.name if endpoint.bulk else ""
        body = {name: rows.wire} if name else rows.wire
        opt_in = options.pop("opt_in", False)
        provider, deletes = session.provider, endpoint.effect == "delete"
        once = deletes or any(may_widen(provider, endpoint, values) for values in rows.values)
        operation = build_operation(session, endpoint, body=body, once=once, **options)
        write = BulkWrite(session=session, operation=operation, rows=rows, opt_in=opt_in)
        return self._run(self._show(write.run(), rows.index))

    def _call_other(self, endpoint: Endpoint, subject: Any = None, /, **fields: Any) -> FrameT:
        """Call a verb that only this provider has."""
        if endpoint.bulk:
            return self._call_bulk(endpoint, subject, fields)
        return self._call(endpoint, subject, fields)

    def _run(self, flow: ParallelFlow[pd.DataFrame]) -> FrameT:
        """Run a flow on the connection; the async client returns an awaitable."""
        drive = arun if self._is_async else run
        return cast("FrameT", drive(flow, self._connection, self._session.clock))

    def _read(self, operation: Operation) -> Flow[pd.DataFrame]:
        attrs = frame_attrs(self._session)
        success = yield from send(self._session, operation)
        record = operation.endpoint.record or self._session.provider.record
        if operation.endpoint.answer == "rows":
            rows = many_of(self._session, operation, success)
        else:
            rows = [row_of(self._session, operation, success)]
        if operation.key:
            check_key(self._session, operation, success, record.from_wire(rows[0]), operation.key)
        part = {"part": "one contact"} if operation.key else {}
        return to_frame(record, [read_rows(record, rows)], attrs | part)

    def _show(
        self, writing: ParallelFlow[builtins.list[Row]], index: pd.Index | None
    ) -> ParallelFlow[pd.DataFrame]:
        rows = yield from writing
        for warning in dict.fromkeys(row["warning"] for row in rows if row["warning"]):
            warn(warning)
        return result_frame(rows, index, world_attrs(self._session.world))

    def _plan(
        self, edited: Any, original: Any, options: PlanOptions, changes: Values
    ) -> ParallelFlow[Plan]:
        session = self._session
        edited, original = as_frame(edited), as_frame(original)
        if changes:
            self._endpoint("update")
            edited, original = change_all(session.provider, edited, original, changes, options)
        current = original is None
        rows = read_checked(session.provider, edited, options, has_original=not current)
        if original is None:
            self._endpoint("list")
            original = yield from read_all(session)
        return plan_rows(session, rows, original, options, current=current)

    def _endpoint(self, verb: str) -> Endpoint:
        provider = self._session.provider
        try:
            return provider.endpoint(verb)
        except LookupError:
            raise AttributeError(f"{provider.title} has no {verb}") from None

    def _for(self, session: Session) -> ContactVerbs[FrameT]:
        """The same verbs with another session."""
        return type(self)(session, self._connection)

    def _verb(self, endpoint: Endpoint, name: str) -> Callable[..., Any]:
        """The method of this name, with the endpoint's fields as its signature."""
        written_out = getattr(type(self), name, None)
        other = partial(self._call_other, endpoint)
        method = partial(written_out, self) if written_out else other

        def verb(*args: Any, **kwargs: Any) -> Any:
            if settings := pop_settings(self._session.provider, endpoint, kwargs):
                verbs = self._for(self._session.with_settings(settings))
                return (verbs.account.get(name) or getattr(verbs, name))(*args, **kwargs)
            subject = subject_of(endpoint, name)
            if subject and subject in kwargs and not args:
                args = (kwargs.pop(subject),)
            if len(args) != bool(subject):
                takes = f"takes one {subject}, then" if subject else "takes"
                why = f"{name} {takes} fields by name, as field=value"
                refuse(self._session.provider, endpoint, "", why)
            return method(*args, **kwargs)

        return with_signature(verb, self._session.provider, endpoint, name)

    def _facts(self) -> dict[str, str]:
        """The world, and one line per verb."""
        methods = (getattr(self, name) for name in (*self._names, *self._without_endpoint))
        lines = {method.__name__: method.__doc__.partition("\n")[0] for method in methods}
        return {**world_attrs(self._session.world), **lines}

    def __repr__(self) -> str:
        return as_text(f"contacts at {self._session.provider.title}", self._facts())

    def _repr_html_(self) -> str:
        return as_html(f"contacts at {self._session.provider.title}", self._facts())
