"""Where results are kept: one DuckDB file, each result under its digest, whole once it is there.

The table `results` has a row for each point: its key, the columns of `nmc.sweeps.columns`, its options as JSON,
and the whole result as JSON. The table `executions` says when, where and with which software it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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


_LOCKED: Mapping[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    "allow_community_extensions": False, "allow_unsigned_extensions": False, "lock_configuration": True,
}  # fmt: skip
"""A file of results is data: whatever stands in it, no other file, address or extension is opened for it."""
_FORMER = "give a file that 'nmc compare --results' wrote"


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

    Raises ToolError where it cannot be read or written, or another process has it open, UsageError where it is no file
    of results.
    """
    import duckdb

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path), config=dict(_LOCKED))
    except (OSError, duckdb.Error) as error:
        raise ToolError(
            f"cannot open {path}: {_first_line(error)}",
            "wait for the nmc that has it open, or name another file with --results",
        ) from None
    try:
        if _found(connection):
            _check(path, connection)
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
        with duckdb.connect(str(path), read_only=True, config=dict(_LOCKED)) as connection:
            _check(path, connection)
            return Store(connection).all()
    except (duckdb.CatalogException, ValidationError) as error:
        raise UsageError(
            f"{path} does not hold results: {_first_line(error)}", _FORMER
        ) from None
    except duckdb.Error as error:
        raise ToolError(
            f"cannot read {path}: {_first_line(error)}", "wait for the nmc that has it open, or check the file"
        ) from None


def _check(path: Path, connection: DuckDBPyConnection) -> None:
    """Raises UsageError unless the database is the tables of a file of results, column for column, and nothing else."""
    import duckdb

    with duckdb.connect(":memory:") as fresh:
        for table in _TABLES:
            fresh.execute(table)
        expected = _found(fresh)
    found = _found(connection)
    if found == expected:
        return
    strange = sorted(f"{kind} {name}" for kind, name, text in found if (kind, name, text) not in expected)
    said = ", ".join(strange[:5]) or "a table is missing"
    raise UsageError(f"{path} is not a file of results: it has, or lacks, something that those have: {said}", _FORMER)


def _found(connection: DuckDBPyConnection) -> frozenset[tuple[str, str, str]]:
    """All that a database holds, as the kind, name and text of each: tables, views, macros, types and sequences.

    The names are those of DuckDB's own schema, which no macro in the file takes the place of.
    """
    found: set[tuple[str, str, str]] = set()
    for kind, function, name, text in (
        ("table", "duckdb_tables", "table_name", "sql"), ("view", "duckdb_views", "view_name", "sql"),
        ("macro", "duckdb_functions", "function_name", "macro_definition"),
        ("type", "duckdb_types", "type_name", "logical_type"), ("schema", "duckdb_schemas", "schema_name", "sql"),
    ):  # fmt: skip
        rows = connection.execute(f"SELECT {name}, {text} FROM system.main.{function}() WHERE NOT internal").fetchall()
        found |= {(kind, str(name), str(text)) for name, text in rows}
    for kind, function, name in (
        ("sequence", "duckdb_sequences", "sequence_name"), ("index", "duckdb_indexes", "index_name"),
    ):  # fmt: skip
        rows = connection.execute(f"SELECT {name}, sql FROM system.main.{function}()").fetchall()
        found |= {(kind, str(name), str(text)) for name, text in rows}
    return frozenset(found)


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
