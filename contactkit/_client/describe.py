"""`describe` and `providers`: the declarations as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from contactkit._frames.frame import STRING, dtype_of
from contactkit._http.rate_limits import rate
from contactkit._plans.change import VERBS
from contactkit._providers import find, names
from contactkit.spec.endpoint import Endpoint
from contactkit.spec.provider import Provider
from contactkit.spec.record import RecordField, fields_of

COLUMNS = (
    "of field type access required unique choices collection personal consent wire deprecated help "
    "evidence docs"
).split()


def providers() -> pd.DataFrame:
    """All providers, one row each.

    `name` is what `connect` takes; `verbs` are comma-separated; `authentication` lists the
    credentials; `limits` are as declared, "" if none are documented; `evidence` says how much of
    the declaration is inferred rather than documented. All columns are `string`.
    """
    rows = [_provider(find(name)) for name in names()]
    columns = "name title verbs authentication limits evidence docs".split()
    return pd.DataFrame(rows, columns=columns).astype(STRING)


def _provider(provider: Provider) -> list[str]:
    evidence = describe(provider)["evidence"].to_list()
    inferred = evidence.count("inferred")
    return [
        provider.name,
        provider.title,
        ", ".join(endpoint.verb for endpoint in provider.routes),
        ", or ".join(
            " and ".join(credential.name for credential in way.credentials) for way in provider.auth
        ),
        ", ".join(map(rate, provider.limits)),
        f"{inferred} of {len(evidence)} inferred" if inferred else "documented",
        provider.docs,
    ]


def describe(provider: str | Provider) -> pd.DataFrame:
    """All fields of a provider's contact, then all verbs and their parameters, one row each.

    `of` is "contact", "verb", or the verb that a parameter belongs to; `type` is the column's
    dtype, or a verb's method and path; no two contacts share a `unique` value, so that a plan may
    match rows `on` it; `choices` and `deprecated` are comma-separated; `consent`
    is what a field's values say of consent, such as "text: True denied, False allowed"; the `help`
    of a verb also says how plans use it; `evidence` is "documented" or "inferred". All columns
    are `string` except `required` and `unique`, which are `boolean`.
    """
    declaration = find(provider)
    fields = fields_of(declaration.record)
    rows = list(_rows(declaration, "contact", fields.values(), {name: name for name in fields}))
    for endpoint in declaration.routes:
        rows.append(_verb(declaration, endpoint))
        params = [*fields_of(endpoint.params).values(), *fields_of(endpoint.flags).values()]
        rows += _rows(declaration, endpoint.verb, params, endpoint.writes)
        if endpoint.record:
            rows += _rows(declaration, endpoint.verb, fields_of(endpoint.record).values(), {})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    flags = ("required", "unique")
    return frame.astype({name: "boolean" if name in flags else STRING for name in COLUMNS})


def _verb(provider: Provider, endpoint: Endpoint) -> list[object]:
    row = dict.fromkeys(COLUMNS, "") | {
        "of": "verb",
        "field": endpoint.verb,
        "type": f"{endpoint.method} {endpoint.path}",
        "access": "write" if endpoint.effect else "read",
        "required": False,
        "unique": False,
        "help": _help(endpoint),
        "evidence": endpoint.evidence,
        "docs": endpoint.docs or provider.docs,
    }
    return list(row.values())


def _help(endpoint: Endpoint) -> str:
    sentences = [endpoint.help]
    if endpoint.deprecated:
        sentences.append(f"{endpoint.deprecated}.")
    if endpoint.verb in VERBS:
        sentences.append("A plan sends one request per contact.")
    if endpoint.bulk:
        sentences.append(f"A plan does not use it: {endpoint.bulk.unclear}.")
    if endpoint.answer == "rows":
        sentences.append("A method of the client, not of its contacts.")
    return " ".join(sentences)


def _rows(
    provider: Provider, of: str, fields: Iterable[RecordField], written: Mapping[str, str]
) -> Iterable[list[object]]:
    """The rows of these fields; `written` are the contact's fields that they say or change."""
    for field in fields:
        marker = field.marker
        kind = field.kind if field.kind in ("list", "dict") else str(dtype_of(field))
        yield [
            of,
            field.name,
            kind,
            marker.access,
            marker.required,
            marker.unique,
            ", ".join(field.choices),
            marker.collection,
            marker.personal,
            provider.consent.meaning(written.get(field.name, "")),
            field.wire,
            ", ".join(marker.deprecated),
            marker.help,
            marker.evidence,
            marker.docs or provider.docs,
        ]
