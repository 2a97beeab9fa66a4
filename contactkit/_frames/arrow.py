"""Contacts as Arrow tables in one schema, which follows from the declaration alone.

pyarrow is in the extra `parquet`, and is imported when it is first used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from contactkit._frames.decode import Columns
from contactkit.errors import ConfigurationError
from contactkit.spec.provider import JSON, Provider
from contactkit.spec.record import RecordField, fields_of

if TYPE_CHECKING:
    import pyarrow as pa

EXTRAS = "extras"
"""The last column: what is not declared, as JSON text, so that a new field changes no schema."""
PROVIDER_METADATA = b"contactkit.provider"
to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


def import_pyarrow() -> Any:
    """The module pyarrow; ImportError names the extra that has it."""
    try:
        import pyarrow
    except ImportError as error:
        needed = 'it is an extra: python -m pip install "contactkit[parquet]"'
        raise ImportError(f"Arrow, Parquet and Feather need pyarrow; {needed}") from error
    return pyarrow


@cache
def schema_of(provider: Provider) -> pa.Schema:
    """The schema of a provider's contacts: its fields in declared order, then `EXTRAS`."""
    pa, declared = import_pyarrow(), fields_of(provider.record)
    if EXTRAS in declared:
        raise ConfigurationError(f"{provider.title}: no field may have the name {EXTRAS}")
    types = {name: type_of(field) for name, field in declared.items()}
    return pa.schema(
        [*types.items(), (EXTRAS, pa.string())], {PROVIDER_METADATA: provider.name.encode()}
    )


def type_of(declared: RecordField) -> pa.DataType:
    """The Arrow type of one declared field."""
    pa = import_pyarrow()
    match declared.kind:
        case "category":
            return pa.dictionary(pa.int8(), pa.string())
        case "boolean":
            return pa.bool_()
        case "Int64":
            return pa.int64()
        case "date":
            return pa.date32()
        case "datetime":
            return pa.timestamp("us", tz="UTC")
        case "list" if get_args(declared.plain) == (str,):
            # As Parquet names it, so that a file that is read has the same schema.
            return pa.list_(pa.field("element", pa.string()))
        case _:
            return pa.string()


def to_table(provider: Provider, parts: Iterable[Columns]) -> pa.Table:
    """Decoded rows as one table in the provider's schema, with a chunk for each part."""
    schema = schema_of(provider)
    batches = [_to_batch(provider, part, schema) for part in parts]
    return import_pyarrow().Table.from_batches(batches, schema)


def _to_batch(provider: Provider, part: Columns, schema: pa.Schema) -> pa.RecordBatch:
    declared = fields_of(provider.record)
    arrays = [to_array(field, part.arrays[name]) for name, field in declared.items()]
    extras = _to_text(encode_extras(part.extras, part.rows))
    return import_pyarrow().RecordBatch.from_arrays([*arrays, extras], schema=schema)


def encode_extras(extras: Mapping[str, Sequence[JSON]], rows: int) -> list[str | None]:
    """What is not declared as one column of JSON text."""
    if not extras:
        return [None] * rows
    cells = zip(*extras.values(), strict=True)
    return [to_json(dict(zip(extras, row, strict=True))) for row in cells]


def to_array(declared: RecordField, values: Any) -> pa.Array:
    """The values of one field, as `read_column` packs them, as an Arrow array."""
    pa, kind = import_pyarrow(), type_of(declared)
    match declared.kind:
        case "string":
            return _to_text(values)
        case "category":
            codes = pa.array(values, pa.int8(), mask=values < 0)
            return pa.DictionaryArray.from_arrays(codes, pa.array(declared.choices, pa.string()))
        case "boolean":
            return pa.array(values == 1, kind, mask=values < 0)
        case "date":
            return pa.array(values.astype("datetime64[D]"), kind)
        case "list" if pa.types.is_list(kind):
            return _to_lists(values, kind)
        case "list" | "dict":
            return _to_text([None if cell is pd.NA else to_json(cell) for cell in values])
        case _:
            return pa.array(values, kind)


def _to_text(values: Sequence[str | None]) -> pa.Array:
    pa = import_pyarrow()
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([_encodable(text) for text in values], pa.string())


def _to_lists(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    pa = import_pyarrow()
    lists = [None if cell is pd.NA else cell for cell in values]
    try:
        return pa.array(lists, kind)
    except UnicodeEncodeError:
        return pa.array([cell and list(map(_encodable, cell)) for cell in lists], kind)


def _encodable(text: str | None) -> str | None:
    """A text as UTF-8 can encode it: each half of a broken emoji becomes U+FFFD."""
    return text and text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
