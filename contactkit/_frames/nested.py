"""A column of contacts or their cells as JSON values, which every Arrow format saves: as JSON text.

pandas cannot save a column of objects of several types, or with mappings that are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, take

from contactkit._frames.arrow import import_pyarrow, to_json
from contactkit.spec.validate import is_na


class ContactDtype(ExtensionDtype):
    """The dtype of a column of JSON values, such as contacts as mappings, or None."""

    name = "contact"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    type = object  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    na_value: Any = None

    # An instance method in pandas 3, and a class method before.
    @classmethod
    def construct_array_type(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
    ) -> type[ContactArray]:
        return ContactArray

    def __str__(self) -> str:
        # A saved file names the dtype, and pandas must know it where contactkit is not imported.
        return "object"


CONTACT = ContactDtype()


class ContactArray(ExtensionArray):
    """JSON values; None for a gap."""

    def __init__(self, cells: Any) -> None:
        self._cells = cells

    @classmethod
    def _from_sequence(
        cls, scalars: Sequence[Any], *, dtype: Any = None, copy: bool = False
    ) -> ContactArray:
        return cls(_cells(scalars))

    @classmethod
    def _from_factorized(cls, values: Any, original: ContactArray) -> ContactArray:
        return cls(_cells(values))

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Any]) -> ContactArray:
        return cls(np.concatenate([array._cells for array in to_concat]))

    def _cast_pointwise_result(self, values: Any) -> Any:
        # What is computed of contacts is seldom a contact.
        return pd.Series(values, dtype=object).infer_objects().array

    @property
    def dtype(self) -> ContactDtype:
        return CONTACT

    @property
    def nbytes(self) -> int:
        return self._cells.nbytes

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, item: Any) -> Any:
        cells = self._cells[pd.api.indexers.check_array_indexer(self, item)]
        return ContactArray(cells) if isinstance(cells, np.ndarray) else cells

    def __setitem__(self, key: Any, value: Any) -> None:
        place = pd.api.indexers.check_array_indexer(self, key)
        many = isinstance(value, list | ContactArray | np.ndarray)
        self._cells[place] = _cells(value) if many else _cells([value])[0]

    def __eq__(self, other: object) -> Any:
        others = other if isinstance(other, ContactArray | np.ndarray) else [other] * len(self)
        pairs = zip(self._cells, others, strict=True)
        return np.array([cell is not None and cell == same for cell, same in pairs], dtype=bool)

    def isna(self) -> Any:
        return np.array([cell is None for cell in self._cells], dtype=bool)

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> ContactArray:
        # It fills with NaN.
        return ContactArray(_cells(take(self._cells, indices, allow_fill=allow_fill)))

    def value_counts(self, dropna: bool = True) -> pd.Series:
        # Before pandas 3 every array counts its own values.
        return pd.Series(self._cells, dtype=object).value_counts(dropna=dropna)

    def copy(self) -> ContactArray:
        return ContactArray(self._cells.copy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._cells.copy() if copy else self._cells

    def __arrow_array__(self, type: Any = None) -> Any:
        pa = import_pyarrow()
        return pa.array([None if c is None else to_json(c) for c in self._cells], pa.string())


def _cells(values: Any) -> Any:
    cells = np.full(len(values), None, dtype=object)
    for place, value in enumerate(values):
        cells[place] = None if is_na(value) else value
    return cells
