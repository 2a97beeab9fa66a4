"""A declaration as a DataFrame, so that it can be read, filtered and searched in a cell."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from contactkit._frames.frame import STRING, dtype_of
from contactkit._http.rate_limits import rate
from contactkit._plans.change import VERBS
from contactkit._providers import find, names
from contactkit.spec.provider import Endpoint, Provider
from contactkit.spec.record import RecordField, fields_of

COLUMNS = (
    "of field type access required choices collection personal wire deprecated help evidence docs"
).split()


def providers() -> pd.DataFrame:
    """Every provider, a row each.

    `name` is what `connect` takes; `verbs` comma-separated; `authentication` the credentials it
    takes; `limits` as declared, "" where none are documented; `evidence` how much of the
    declaration is inferred and not documented. All columns are `string`.
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
        ", ".join(each.verb for each in provider.endpoints),
        ", or ".join(" and ".join(each.name for each in way.credentials) for way in provider.auth),
        ", ".join(map(rate, provider.limits)),
        f"{inferred} of {len(evidence)} inferred" if inferred else "documented",
        provider.docs,
    ]


def describe(provider: str | Provider) -> pd.DataFrame:
    """Every field of a provider's contact, then every verb and its parameters; one row each.

    `of` is "contact", "verb", or the verb that a parameter belongs to; `type` is the column's
    dtype, a verb's method and path; `choices` and `deprecated` are
    comma-separated; `help` says of a verb which requests a plan sends;
    `evidence` is "documented" or "inferred". All columns are `string` but
    `required`, which is `boolean`.
    """
    found = find(provider)
    rows = list(_rows(found, "contact", fields_of(found.record).values()))
    for endpoint in found.endpoints:
        rows.append(_verb(found, endpoint))
        rows += _rows(found, endpoint.verb, fields_of(endpoint.params).values())
        if endpoint.record:
            rows += _rows(found, endpoint.verb, fields_of(endpoint.record).values())
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({name: "boolean" if name == "required" else STRING for name in COLUMNS})


def _verb(provider: Provider, endpoint: Endpoint) -> list[object]:
    told = dict.fromkeys(COLUMNS, "") | {
        "of": "verb",
        "field": endpoint.verb,
        "type": f"{endpoint.method} {endpoint.path}",
        "access": "write" if endpoint.effect else "read",
        "required": False,
        "help": _help(endpoint),
        "evidence": endpoint.evidence,
        "docs": endpoint.docs or provider.docs,
    }
    return list(told.values())


def _help(endpoint: Endpoint) -> str:
    told = [endpoint.help]
    if endpoint.deprecated:
        told.append(f"{endpoint.deprecated}.")
    if endpoint.verb in VERBS:
        told.append("A plan sends one request a contact.")
    if endpoint.bulk:
        told.append(f"A plan does not use it: {endpoint.bulk.unclear}.")
    return " ".join(told)


def _rows(provider: Provider, of: str, fields: Iterable[RecordField]) -> Iterable[list[object]]:
    for each in fields:
        mark = each.marker
        kind = each.kind if each.kind in ("list", "dict") else str(dtype_of(each))
        yield [
            of,
            each.name,
            kind,
            mark.access,
            mark.required,
            ", ".join(each.choices),
            mark.collection,
            mark.personal,
            each.wire,
            ", ".join(mark.deprecated),
            mark.help,
            mark.evidence,
            mark.docs or provider.docs,
        ]
