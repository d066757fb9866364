"""Results as JSON, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nmc.data_source import DataRecord, Selection
from nmc.errors import UsageError
from nmc.sweeps.result import PointResult
from nmc.sweeps.rows import dump_rows, load_rows
from strategies.results import PLAIN, many

REFUSED = replace(PLAIN, key="r", score=None, score_interval=None, agreement=None, cost=None, refusal="no <loops>")
TYPED = replace(
    PLAIN, key="t", options={"steps": 4, "scale": 4.0, "fast": True, "name": "4", "mode": None},
    calibration=DataRecord("c", "00", 5, Selection((0.0, 0.5), 5, 3)),
)  # fmt: skip


@pytest.mark.parametrize("rows", [(), (PLAIN,), (REFUSED, TYPED), many(5)], ids=["none", "one", "odd", "rich"])
def test_rows_come_back_the_same(rows: tuple[PointResult, ...], tmp_path: Path) -> None:
    """Types of options, too: 4, 4.0, True and "4" are told apart."""
    file = tmp_path / "results.json"
    file.write_bytes(dump_rows(rows))
    loaded = load_rows(file)
    assert loaded == rows
    assert [[type(v) for v in row.options.values()] for row in loaded] == [
        [type(v) for v in row.options.values()] for row in rows
    ]


def test_the_rows_of_a_comparison_are_read(tmp_path: Path) -> None:
    """As 'nmc compare -o results.json' writes them, each with more beside it."""
    rows = [{**row, "front": True, "program": None} for row in json.loads(dump_rows([PLAIN, TYPED]))]
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"model": "digits", "rows": rows}))
    assert load_rows(file) == (PLAIN, TYPED)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"key": "k"}]', dump_rows([PLAIN]).decode().replace('"low"', '"high"', 1)]
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"results\.json does not hold results"):
        load_rows(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        load_rows(tmp_path / "none.json")
