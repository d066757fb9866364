"""A comparison as files, data frames, and in a notebook."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from sweeps.conftest import result_with

from needs import extra
from nmc.comparison import Comparison
from nmc.data_source import DataRecord
from nmc.errors import UsageError
from nmc.report.files import write_file

ROWS = (
    result_with("cheap", energy_j=1e-6, score=0.8),
    replace(result_with("good", energy_j=2e-6, score=0.9), options={"steps": 16}, given={"steps": 16}),
    replace(result_with("beaten", energy_j=3e-6, score=0.9), options={"steps": 32}, given={"steps": 32}),
    replace(
        result_with("no", score=None), cost=None, refusal="too <large>", given={"steps": 64}, options={"steps": 64}
    ),
)
COMPARISON = Comparison("m", "accuracy", "d", 4, 1.0, ROWS, DataRecord("d", "0" * 64, 4))


def test_it_is_a_sequence_of_its_rows() -> None:
    assert len(COMPARISON) == 4 and list(COMPARISON) == list(ROWS)
    assert COMPARISON.front == {"cheap", "good"}


def test_the_text_marks_the_front() -> None:
    lines = {line.split("steps=")[1].split()[0]: line for line in str(COMPARISON).splitlines() if "steps=" in line}
    assert "*" in lines["8"] and "*" in lines["16"] and "*" not in lines["32"]
    assert "loihi-sim steps=64 refused: too <large>" in str(COMPARISON)


def test_files_by_their_names(tmp_path: Path) -> None:
    for suffix in (".csv", ".md", ".json", ".parquet"):
        write_file((COMPARISON,), tmp_path / "new" / f"r{suffix}")
    folder = tmp_path / "new"
    with (folder / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["option.steps"] for row in rows] == ["8", "16", "32", "64"]
    assert [row["front"] for row in rows] == ["True", "True", "False", "False"]
    assert (rows[0]["energy_best_j"], rows[3]["energy_best_j"]) == ("1e-06", "")
    facts = json.loads((folder / "r.json").read_text())
    assert [row["key"] for row in facts["rows"] if row["front"]] == ["cheap", "good"]
    assert "| * | loihi-sim | steps=8 | 80.0 % |" in (folder / "r.md").read_text()
    query = f"SELECT max(score), max(\"option.steps\") FROM '{folder / 'r.parquet'}'"
    assert duckdb.sql(query).fetchall() == [(0.9, 64)]
    assert sorted(path.name for path in folder.iterdir()) == ["r.csv", "r.json", "r.md", "r.parquet"]
    with pytest.raises(UsageError, match=r"\.html, \.csv"):
        write_file((COMPARISON,), tmp_path / "programs")


def test_a_page_is_given_all_rows(tmp_path: Path) -> None:
    write_file((COMPARISON,), tmp_path / "r.html")
    assert "loihi-sim" in (tmp_path / "r.html").read_text()


def test_arrow_reads_it() -> None:
    table = duckdb.from_arrow(COMPARISON)
    assert table.filter("score IS NOT NULL").aggregate("count(*), sum(energy_best_j)").fetchall() == [(3, 6e-6)]


def test_data_frames() -> None:
    pandas = extra("pandas")
    frame = COMPARISON.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame["score"].max() == 0.9


def test_a_notebook_shows_a_table_and_a_picture() -> None:
    page = ElementTree.fromstring(f"<div>{COMPARISON._repr_html_()}</div>".replace("&#9679;", "o"))
    assert len(page.findall(".//tr")) == 5
    circles = page.findall(".//circle")
    assert [circle.get("fill") != "none" for circle in circles] == [True, True, False]
    assert "script" not in {element.tag for element in page.iter()}
