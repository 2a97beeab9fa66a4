"""The signature and docstring of a verb at run time, so that Tab and Shift-Tab show its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, TypeVar, cast

from contactkit._client.export import ROWS_PER_FILE
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of
from contactkit.spec.validate import accepted_fields

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


class _Unset:
    """The default of a field that stays unchanged unless it is given."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET = _Unset()


def with_signature(
    function: CallableT, provider: Provider, endpoint: Endpoint, name: str
) -> CallableT:
    """`function`, named and documented as a verb, with the endpoint's fields as its signature."""
    function.__name__ = function.__qualname__ = name
    function.__doc__, cast("Any", function).__signature__ = _shown(provider, endpoint, name)
    return function


# Every client has all verbs, and most are not looked at.
@cache
def _shown(provider: Provider, endpoint: Endpoint, name: str) -> tuple[str, inspect.Signature]:
    """The docstring and the signature of a verb."""
    fields = [*accepted_fields(provider, endpoint).values(), *fields_of(endpoint.flags).values()]
    parameters = [
        *_subject(endpoint, name),
        *map(_field, fields_of(endpoint.flags).values() if endpoint.bulk else fields),
        *_options(provider, endpoint, name),
    ]
    return "\n".join(_doc_lines(provider, endpoint, name, fields)), inspect.Signature(parameters)


def subject_of(endpoint: Endpoint, name: str) -> str:
    """The name of a verb's positional parameter; "" if it has none."""
    return "folder" if name == "export" else endpoint.subject


def with_changes(plan: CallableT, provider: Provider) -> CallableT:
    """`plan` with the fields of `update` in its signature, which it changes in all rows."""

    @wraps(plan)
    def shown(*args: Any, **kwargs: Any) -> Any:
        return plan(*args, **kwargs)

    function = cast("Any", plan).__func__
    cast("Any", shown).__signature__ = _shown_with_changes(function, provider)
    return cast("CallableT", shown)


@cache
def _shown_with_changes(plan: Callable[..., Any], provider: Provider) -> inspect.Signature:
    """The signature of the method `plan`, without `self`, with the fields of `update`."""
    verbs = {endpoint.verb: endpoint for endpoint in provider.endpoints}
    _, *taken = inspect.signature(plan).parameters.values()
    own = [each for each in taken if each.kind is not each.VAR_KEYWORD]
    update = accepted_fields(provider, verbs["update"]) if "update" in verbs else {}
    names = {each.name for each in taken}
    return inspect.Signature(
        [*own, *(_field(field) for field in update.values() if field.name not in names)]
    )


def _doc_lines(
    provider: Provider, endpoint: Endpoint, name: str, fields: Iterable[RecordField]
) -> Iterable[str]:
    if name == "export":
        yield "Read all contacts into Parquet files in a folder; the same call resumes it."
    else:
        yield endpoint.help
    yield ""
    if endpoint.bulk:
        rows = "a DataFrame, or a list of mappings, with these fields:"
        keys = "a list or a Series of keys, or a frame of contacts."
        yield f"{endpoint.subject}: {rows if endpoint.fields else keys}"
    if endpoint.deprecated:
        yield f"Deprecated. {endpoint.deprecated}."
        yield ""
    for field in fields:
        choices = f" One of {', '.join(field.choices)}." if field.choices else ""
        yield f"{field.name}: {field.marker.help}{choices}"
    if name == "pages":
        yield "after: the cursor in the attrs of a page, to go on after it."
    if name == "export":
        yield "resume: go on with an export that was stopped; False starts again."
        yield "rows_per_file: the most contacts in a file."
    if endpoint.confirm:
        yield "confirm: must be True."
    if endpoint.takes_opt_in:
        yield "opt_in: True opts in a contact who opted out; only where you hold their consent."
    if endpoint.required:
        yield "whole: True sends the whole contact, as it is read right before, with the changes."
    if endpoint.dry_run:
        yield f"dry_run: have {provider.title} check the request and change nothing."
    if endpoint.keyed:
        yield "idempotency_key: your own key, instead of a generated one."
    for setting in provider.settings:
        yield f"{setting.name}: instead of the client's own, for this call."
    yield ""
    yield endpoint.docs or provider.docs


def _subject(endpoint: Endpoint, name: str) -> list[inspect.Parameter]:
    kind, subject = inspect.Parameter.POSITIONAL_OR_KEYWORD, subject_of(endpoint, name)
    return [inspect.Parameter(subject, kind)] if subject else []


def _field(field: RecordField) -> inspect.Parameter:
    optional = UNSET if field.default is None else field.default
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.marker.required else optional,
        annotation=field.plain | None if field.nullable else field.plain,
    )


def _options(provider: Provider, endpoint: Endpoint, name: str) -> Iterable[inspect.Parameter]:
    options: list[tuple[str, bool, Any, Any]] = [
        ("limit", name == "list", None, int | None),
        ("after", name == "pages", None, str | None),
        ("resume", name == "export", True, bool),
        ("rows_per_file", name == "export", ROWS_PER_FILE, int),
        ("confirm", bool(endpoint.confirm), False, bool),
        ("opt_in", endpoint.takes_opt_in, False, bool),
        ("whole", bool(endpoint.required), UNSET, bool),
        ("dry_run", endpoint.dry_run, False, bool),
        ("idempotency_key", endpoint.keyed, UNSET, str),
        *((setting.name, True, UNSET, str) for setting in provider.settings),
    ]
    for option, is_taken, default, kind in options:
        if is_taken:
            yield inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
