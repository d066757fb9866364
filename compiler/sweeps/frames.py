"""Results for other libraries: data frames, Arrow streams, Parquet and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import ToolError
from nmc.sweeps.columns import COLUMNS, Value, records

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame

    from nmc.sweeps.result import PointResult


def to_pandas(results: Sequence[PointResult]) -> PandasFrame:
    """A pandas data frame with the columns of `nmc.sweeps.columns.records`. Raises ToolError without pandas."""
    try:
        import pandas
    except ImportError:
        raise ToolError("pandas is not installed", "install it: pip install pandas") from None
    return pandas.DataFrame(records(results))


def to_polars(results: Sequence[PointResult]) -> PolarsFrame:
    """A polars data frame with the same columns. Raises ToolError without polars."""
    try:
        import polars
    except ImportError:
        raise ToolError("polars is not installed", "install it: pip install polars") from None
    return polars.DataFrame(records(results), infer_schema_length=None)


def arrow_stream(results: Sequence[PointResult], requested_schema: object = None) -> object:
    """The same columns as a capsule of the Arrow C stream interface."""
    return _relation(results).__arrow_c_stream__(requested_schema)


def write_parquet(results: Sequence[PointResult], path: Path) -> None:
    """Write the same columns as a Parquet file."""
    _relation(results).write_parquet(str(path))


def csv_text(results: Sequence[PointResult]) -> str:
    """The same columns as CSV; empty where there is no value."""
    rows = records(results)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _relation(results: Sequence[PointResult]) -> DuckDBPyRelation:
    """A table in memory, its columns typed even where no row has a value."""
    import duckdb

    rows = records(results)
    kinds = {name: COLUMNS.get(name) or _kind([row[name] for row in rows]) for name in rows[0]} if rows else COLUMNS
    connection = duckdb.connect(":memory:")
    columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    connection.execute(f"CREATE TABLE results ({columns})")
    if rows:
        connection.executemany(
            f"INSERT INTO results VALUES ({', '.join('?' * len(kinds))})", [tuple(row.values()) for row in rows]
        )
    return connection.table("results")


def _kind(values: Sequence[Value]) -> str:
    """The SQL type that holds the values of an option."""
    kinds = {type(value) for value in values if value is not None}
    for kind, name in ((bool, "BOOLEAN"), (int, "BIGINT"), (float, "DOUBLE")):
        if kinds and kinds <= {kind, int if kind is float else kind}:
            return name
    return "VARCHAR"
