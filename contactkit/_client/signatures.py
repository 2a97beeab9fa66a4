"""The runtime signature and docstring of a verb, so that Tab and Shift-Tab show its own fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from contactkit.spec.provider import Endpoint, Provider
from contactkit.spec.record import RecordField
from contactkit.spec.validate import accepted_fields

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


class _Unset:
    """The default of what is left alone when it is not given."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET = _Unset()


def signed(function: CallableT, provider: Provider, endpoint: Endpoint, name: str) -> CallableT:
    """`function`, as a verb called `name` that shows what the endpoint takes."""
    taken = accepted_fields(provider, endpoint).values()
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "\n".join(_doc(provider, endpoint, taken))
    cast("Any", function).__signature__ = inspect.Signature(
        [
            *_path(endpoint),
            *([] if endpoint.bulk else map(_field, taken)),
            *_options(endpoint, name),
        ]
    )
    return function


def _doc(provider: Provider, endpoint: Endpoint, fields: Iterable[RecordField]) -> Iterable[str]:
    yield endpoint.help
    yield ""
    if endpoint.bulk:
        of_fields = "a DataFrame, or a list of mappings, with these fields:"
        of_keys = "a list or a Series of them, or a frame of contacts."
        yield f"{endpoint.subject}: {of_fields if endpoint.fields else of_keys}"
    if endpoint.deprecated:
        yield f"Deprecated. {endpoint.deprecated}."
        yield ""
    for each in fields:
        choices = f" One of {', '.join(each.choices)}." if each.choices else ""
        yield f"{each.name}: {each.marker.help}{choices}"
    if endpoint.confirm:
        yield "confirm: must be True."
    if endpoint.dry_run:
        yield f"dry_run: have {provider.title} check the request and change nothing."
    if endpoint.keyed:
        yield "idempotency_key: your own, instead of one made for the call."
    yield ""
    yield endpoint.docs or provider.docs


def _path(endpoint: Endpoint) -> list[inspect.Parameter]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [inspect.Parameter(endpoint.subject, kind)] if endpoint.subject else []


def _field(each: RecordField) -> inspect.Parameter:
    return inspect.Parameter(
        each.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty
        if each.marker.required
        else UNSET
        if each.default is None
        else each.default,
        annotation=each.plain | None if each.nullable else each.plain,
    )


def _options(endpoint: Endpoint, name: str) -> Iterable[inspect.Parameter]:
    offered: list[tuple[str, bool, Any, Any]] = [
        ("limit", name == "list", None, int | None),
        ("confirm", bool(endpoint.confirm), False, bool),
        ("dry_run", endpoint.dry_run, False, bool),
        ("idempotency_key", endpoint.keyed, UNSET, str),
    ]
    for option, given, default, kind in offered:
        if given:
            yield inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
