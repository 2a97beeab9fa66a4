"""The same change of all rows of a frame: the frame that has it, and the one without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from contactkit._frames.coerce import CLEAR, coerce_cell, objects
from contactkit._frames.headings import field_names
from contactkit._plans.options import PlanOptions
from contactkit.errors import InvalidInputError
from contactkit.spec.merge import value_after
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of, key_of
from contactkit.spec.user_input import validate_edit


def change_all(
    provider: Provider,
    rows: pd.DataFrame,
    original: pd.DataFrame | None,
    changes: Mapping[str, Any],
    options: PlanOptions,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The edited frame and its original, which is None if the rows have no keys.

    Raises InvalidInputError for changes that `update` would refuse, and for what is given besides.
    """
    where = f"{provider.name} plan"
    checked = validate_edit(provider, provider.endpoint("update"), changes, None)
    if checked.problems:
        raise InvalidInputError(where, checked.problems)
    given = {"original": original is not None, "create": options.create, "delete": options.delete}
    for name in (name for name, is_given in given.items() if is_given):
        raise InvalidInputError.one(where, name, "is not for the same change of all rows")
    if not isinstance(rows, pd.DataFrame):
        return rows, None
    names = field_names(provider.record, rows.columns)
    by_key = options.on in (None, key_of(provider.record).name)
    kept = [(by_key or name == options.on) and name not in checked.values for name in names]
    declared = fields_of(provider.record)
    edited = rows.loc[:, kept].assign(
        **{
            name: _column(declared.get(name), rows, names, value)
            for name, value in checked.values.items()
        }
    )
    return edited, rows if by_key else None


def _column(
    field: RecordField | None, rows: pd.DataFrame, names: list[str], value: JSON
) -> pd.Series:
    """The cells that make `update` send this value; a mapping may be merged with each contact's."""
    cells = [CLEAR if value is None else value] * len(rows)
    if field and value and field.marker.collection == "merge" and field.name in names:
        before = objects(rows.iloc[:, names.index(field.name)])
        cells = [value_after(field, coerce_cell(field, cell), value) for cell in before]
    return pd.Series(cells, index=rows.index, dtype=object)
