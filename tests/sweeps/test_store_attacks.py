"""A file of results is data: views, macros and columns that reach for anything else are refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import nmc
from nmc.errors import UsageError
from nmc.report.sources import read_results
from nmc.sweeps import store

SECRET = "the content of a file that is nobody's business"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that nmc wrote."""
    folder = tmp_path_factory.mktemp("honest")
    nmc.compare("digits-cnn", ["gpu-sim"], samples=5, results=folder / "r.duckdb", directory=folder / "p")
    return folder / "r.duckdb"


@pytest.fixture
def attacked(honest: Path, tmp_path: Path) -> Path:
    """A copy of it, beside a secret."""
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "r.duckdb").write_bytes(honest.read_bytes())
    return tmp_path / "r.duckdb"


ATTACKS = {
    "a view that reads a text": "DROP TABLE results; CREATE VIEW results AS SELECT 'k' AS key, content AS result FROM"
    " read_text('{secret}')",
    "a view that reads a table": "DROP TABLE results; CREATE VIEW results AS SELECT column0 AS key, column0 AS result"
    " FROM read_csv('{secret}', header=false)",
    "a view beside the tables": "CREATE VIEW more AS SELECT * FROM read_text('{secret}')",
    "a view over the results": "ALTER TABLE results RENAME TO old; CREATE VIEW results AS SELECT * FROM old",
    "a macro in the place of a function": "CREATE MACRO list_contains(a, b) AS (SELECT content FROM"
    " read_text('{secret}'))",
    "a macro in the place of a table": "CREATE MACRO results() AS TABLE SELECT content FROM read_text('{secret}')",
    "a macro in the place of the catalog": "CREATE MACRO duckdb_tables() AS TABLE SELECT 'results' AS table_name, '' AS"
    " sql, false AS internal",
    "a generated column": "DROP TABLE results; CREATE TABLE results (key VARCHAR PRIMARY KEY, result VARCHAR GENERATED"
    " ALWAYS AS (key || 'x'))",
    "a default": "ALTER TABLE executions ALTER machine SET DEFAULT 'x'",
    "another column": "ALTER TABLE executions ADD COLUMN more VARCHAR",
    "another type": "ALTER TABLE executions ALTER machine TYPE BLOB",
    "another table": "CREATE TABLE more (x INTEGER)",
    "another schema": "CREATE SCHEMA more; CREATE TABLE more.results (x INTEGER)",
    "a type": "CREATE TYPE mood AS ENUM ('a')",
    "a sequence": "CREATE SEQUENCE more",
    "no table of results": "DROP TABLE results",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_only_the_tables_of_results_are_read(attacked: Path, attack: str) -> None:
    with duckdb.connect(str(attacked)) as connection:
        connection.execute(attack.format(secret=attacked.parent / "secret.txt"))
    for reading in (lambda: read_results(attacked), lambda: store.opened(attacked).__enter__()):
        with pytest.raises(UsageError, match="is not a file of results") as caught:
            reading()
        assert SECRET not in str(caught.value) and caught.value.faults[0].remedy


def test_an_honest_file_is_read_and_written_on(attacked: Path) -> None:
    (row,) = read_results(attacked)
    with store.opened(attacked) as open_store:
        assert open_store.found([row.key]) == {row.key: row}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "ATTACH '{secret}.db' AS more",
        "COPY results TO '{secret}.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA autoload_known_extensions = true",
    ],
)
def test_the_connection_reaches_nothing_else(attacked: Path, query: str) -> None:
    with store.opened(attacked) as open_store, pytest.raises(duckdb.Error):
        open_store._connection.execute(query.format(secret=attacked.parent / "secret.txt"))
    assert sorted(path.name for path in attacked.parent.iterdir()) == ["r.duckdb", "secret.txt"]
