"""Where results are kept: one DuckDB file, each result under its digest, whole once it is there.

The table `results` has a row for each point: its key, the columns of `nmc.sweeps.columns`, its options as JSON,
and the whole result as JSON. The table `executions` says when, where and with which software it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import ToolError, UsageError
from nmc.sweeps.columns import COLUMNS, column_values
from nmc.sweeps.result import Execution, PointResult

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pydantic import TypeAdapter

_TABLES = (
    f"""CREATE TABLE IF NOT EXISTS results (
        key VARCHAR PRIMARY KEY, {", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())},
        options JSON, result JSON
    )""",
    """CREATE TABLE IF NOT EXISTS executions (
        key VARCHAR, machine VARCHAR, worker VARCHAR, started TIMESTAMP, compile_s DOUBLE, run_s DOUBLE, versions JSON
    )""",
)


@dataclass(frozen=True)
class Store:
    """An open file of results. One process writes it; see `opened`."""

    _connection: DuckDBPyConnection

    def add(self, result: PointResult, execution: Execution) -> None:
        """Keep a result, for good once this returns. One that is there already stays as it is."""
        values = (result.key, *column_values(result), json.dumps(dict(result.options)), encode(result))
        slots = ", ".join("?" * len(values))
        facts = execution
        self._connection.begin()
        self._connection.execute(f"INSERT OR IGNORE INTO results VALUES ({slots})", values)
        self._connection.execute(
            "INSERT INTO executions VALUES (?, ?, ?, make_timestamp(?), ?, ?, ?)",
            (result.key, facts.machine, facts.worker, round(facts.started_s * 1e6), facts.compile_s, facts.run_s,
             json.dumps(dict(facts.versions))),
        )  # fmt: skip
        self._connection.commit()

    def found(self, keys: Iterable[str]) -> dict[str, PointResult]:
        """Those of the results that are there, by key."""
        query = "SELECT key, result FROM results WHERE list_contains(?, key)"
        return {key: decode(text) for key, text in self._connection.execute(query, (list(keys),)).fetchall()}

    def all(self) -> tuple[PointResult, ...]:
        """Every result, in the order of their keys."""
        rows = self._connection.execute("SELECT result FROM results ORDER BY key").fetchall()
        return tuple(decode(text) for (text,) in rows)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """The file of results at `path`, made if there is none, closed at the end.

    Raises ToolError where it cannot be read or written, or another process has it open.
    """
    import duckdb

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path))
    except (OSError, duckdb.Error) as error:
        raise ToolError(
            f"cannot open {path}: {_first_line(error)}",
            "wait for the nmc that has it open, or name another file with --results",
        ) from None
    try:
        for table in _TABLES:
            connection.execute(table)
        yield Store(connection)
    except duckdb.Error as error:
        raise ToolError(
            f"cannot use {path} as a file of results: {_first_line(error)}", "name another file with --results"
        ) from None
    finally:
        connection.close()


def kept(path: Path) -> tuple[PointResult, ...]:
    """Every result in a file, which is only read, in the order of their keys.

    Raises UsageError where it holds none, ToolError where it cannot be read or another process writes it.
    """
    import duckdb
    from pydantic import ValidationError

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return Store(connection).all()
    except (duckdb.CatalogException, ValidationError) as error:
        raise UsageError(
            f"{path} does not hold results: {_first_line(error)}", "give a file that 'nmc compare --results' wrote"
        ) from None
    except duckdb.Error as error:
        raise ToolError(
            f"cannot read {path}: {_first_line(error)}", "wait for the nmc that has it open, or check the file"
        ) from None


def encode(result: PointResult) -> str:
    """A result as JSON, which `decode` reads back the same."""
    return _adapter().dump_json(result).decode()


def decode(text: str) -> PointResult:
    """The result that JSON holds."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[PointResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(PointResult)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
