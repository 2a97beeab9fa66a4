"""The verbs on a provider's contacts: check the arguments, run a flow, return a frame.

`list`, `pages`, `get`, `create`, `update` and `delete` are defined here; every other verb that a
provider declares becomes a method of the same name. The signatures show the provider's fields.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, cast

import pandas as pd

from contactkit._client.bulk import check_rows
from contactkit._client.bulk_write import write_bulk
from contactkit._client.signatures import subject_of, with_signature
from contactkit._client.write import ContactWrite
from contactkit._frames.decode import read_rows
from contactkit._frames.frame import result_frame, rows_of, to_frame
from contactkit._frames.tabular import as_frame
from contactkit._http.background import ParallelFlow
from contactkit._http.connection import Connection, arun, run
from contactkit._http.flow import send
from contactkit._http.pagination import Pages
from contactkit._http.response import check_key, row_of
from contactkit._http.results import Row, Values
from contactkit._http.session import (
    Flow,
    Operation,
    Session,
    build_operation,
    frame_attrs,
)
from contactkit._http.world import world_attrs
from contactkit._plans.build import plan_rows
from contactkit._plans.listing import MOST_AHEAD, read_all, read_listing, start_listing
from contactkit._plans.options import PlanOptions, read_checked
from contactkit._plans.plan import Plan
from contactkit._plans.same_change import change_all
from contactkit._plans.tables import as_html, as_text
from contactkit._redact import Unpicklable
from contactkit.errors import FieldProblem, InvalidInputError, warn
from contactkit.spec.consent import is_sent_once, may_widen
from contactkit.spec.provider import Endpoint
from contactkit.spec.record import fields_of, key_of
from contactkit.spec.validate import (
    expected,
    is_na,
    key_text,
    to_python,
    validate_edit,
    writable_fields,
)

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

    def list(self, /, *, limit: int | None = None, **filters: Any) -> FrameT:
        """Read all pages into one contact frame; warns when `limit` cuts it.

        Also warns when the listing changed while it was read, since a row may then be missing.
        """
        endpoint, limit = self._endpoint("list"), to_python(limit)
        if limit is not None and (type(limit) is not int or limit < 1):
            self._refuse(endpoint, "limit", "must be a whole number above 0")
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
        options = self._pop_options(endpoint, fields)
        text, current, index = "", None, None
        if endpoint.takes_key:
            text, current, index = self._read_key(endpoint, key)
        checked = validate_edit(provider, endpoint, fields, current)
        if checked.problems:
            raise InvalidInputError(f"{provider.name} {endpoint.verb}", checked.problems)
        opt_in, whole = options.pop("opt_in", False), options.pop("whole", False)
        once = whole or is_sent_once(provider, endpoint, checked.values)
        operation = build_operation(
            session, endpoint, key=text, body=checked.wire, once=once, **options
        )
        if not endpoint.effect:
            return self._run(self._read(operation))
        names = {
            *writable_fields(provider, endpoint),
            *fields_of(endpoint.record or provider.record),
        }
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
        options = self._pop_options(endpoint, fields)
        rows = check_rows(session.provider, endpoint, contacts)
        if fields:
            problems = [FieldProblem(field=n, message="must be given in the rows") for n in fields]
            raise InvalidInputError(f"{session.provider.name} {endpoint.verb}", problems)
        name = endpoint.bulk.name if endpoint.bulk else ""
        body = {name: rows.wire} if name else rows.wire
        opt_in = options.pop("opt_in", False)
        widens = any(may_widen(session.provider, endpoint, values) for values in rows.values)
        operation = build_operation(session, endpoint, body=body, once=widens, **options)
        writing = write_bulk(session, operation, rows, opt_in=opt_in)
        return self._run(self._show(writing, rows.index))

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
        row = row_of(self._session, operation, success)
        if operation.key:
            check_key(self._session, operation, success, record.from_wire(row), operation.key)
        return to_frame(record, [read_rows(record, [row])], attrs)

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

    def _refuse(self, endpoint: Endpoint, field: str, message: str) -> NoReturn:
        where = f"{self._session.provider.name} {endpoint.verb}"
        raise InvalidInputError.one(where, field, message)

    def _pop_options(self, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
        """Remove the options from `fields` and return them."""
        if endpoint.deprecated:
            warn(endpoint.deprecated, DeprecationWarning)
        if endpoint.confirm and self._pop_option(endpoint, fields, "confirm", False) is not True:
            self._refuse(endpoint, "confirm", f"must be True: {endpoint.help}")
        options: dict[str, Any] = {}
        if endpoint.takes_opt_in:
            options["opt_in"] = self._pop_option(endpoint, fields, "opt_in", False)
        if endpoint.required:
            options["whole"] = self._pop_option(endpoint, fields, "whole", self._session.whole)
        if endpoint.dry_run:
            options["dry_run"] = self._pop_option(endpoint, fields, "dry_run", False)
        if endpoint.keyed:
            options["idempotency_key"] = self._pop_option(endpoint, fields, "idempotency_key", "")
        return options

    def _pop_option(
        self, endpoint: Endpoint, fields: dict[str, Any], name: str, default: bool | str
    ) -> Any:
        if name not in fields:
            return default
        value = to_python(fields.pop(name))
        if type(value) is not type(default) or value == "":
            kind = "True or False" if isinstance(default, bool) else "text, and not empty"
            self._refuse(endpoint, name, f"must be {kind}")
        return value

    def _pop_settings(self, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, str]:
        """Remove the settings that a call has of its own, and return them as they are sent."""
        settings: dict[str, str] = {}
        for setting in self._session.provider.settings:
            if setting.name in fields:
                try:
                    value = str(fields.pop(setting.name))
                    settings[setting.name] = setting.check(value) if setting.check else value
                except ValueError as error:
                    self._refuse(endpoint, setting.name, str(error))
        return settings

    def _for(self, session: Session) -> ContactVerbs[FrameT]:
        """The same verbs with another session."""
        return type(self)(session, self._connection)

    def _read_key(self, endpoint: Endpoint, key: Any) -> tuple[str, Values | None, pd.Index | None]:
        """The key as text; for a row of a frame, also its contact and its index."""
        record = self._session.provider.record
        if isinstance(key, pd.Series):
            key = key.to_frame().T
        if not isinstance(key, pd.DataFrame):
            return self._key_text(endpoint, "" if key is None or is_na(key) else key), None, None
        if not key.columns.is_unique:
            self._refuse(endpoint, "key", "the row has two columns with the same name")
        if len(key) != 1:
            self._refuse(endpoint, "key", f"must be one row, not a frame of {len(key)}")
        name = key_of(record).name
        if name not in key:
            self._refuse(endpoint, "key", f"the row has no {name}; pass a row with that column")
        current = rows_of(record, key)[0]
        for column, value in current.items():
            declared = fields_of(record)[column]
            if value is not None and not declared.accepts(value):
                self._refuse(endpoint, column, f"the value in the row must be {expected(declared)}")
        return self._key_text(endpoint, current[name] or ""), current, key.index

    def _key_text(self, endpoint: Endpoint, key: Any) -> str:
        try:
            return key_text(self._session.provider, key)
        except ValueError as error:
            self._refuse(endpoint, "key", str(error))

    def _verb(self, endpoint: Endpoint, name: str) -> Callable[..., Any]:
        """The method of this name, with the endpoint's fields as its signature."""
        written_out = getattr(type(self), name, None)
        other = partial(self._call_other, endpoint)
        method = partial(written_out, self) if written_out else other

        def verb(*args: Any, **kwargs: Any) -> Any:
            if settings := self._pop_settings(endpoint, kwargs):
                return getattr(self._for(self._session.with_settings(settings)), name)(
                    *args, **kwargs
                )
            subject = subject_of(endpoint, name)
            if subject and subject in kwargs and not args:
                args = (kwargs.pop(subject),)
            if len(args) != bool(subject):
                takes = f"takes one {subject}, then" if subject else "takes"
                self._refuse(endpoint, "", f"{name} {takes} fields by name, as field=value")
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
