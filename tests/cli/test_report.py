"""nmc report: a page of a file, of a folder, and a folder of pages."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nmc.sweeps.result import Execution
from nmc.sweeps.rows import dump_rows
from nmc.sweeps.store import opened
from strategies.results import PLAIN, many

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three points: two in a JSON file, one in a store; and a file of something else."""
    results = tmp_path / "results"
    results.mkdir()
    (results / "two.json").write_bytes(dump_rows(many(2)))
    (results / "settings.json").write_text("{}")
    with opened(results / "one.duckdb") as store:
        store.add(PLAIN, Execution("here", "0", 0.0, 0.1, 0.2))
    return results


def test_a_file_becomes_a_page(nmc: Nmc, folder: Path, tmp_path: Path) -> None:
    done = nmc("report", folder / "two.json", "--title", "Mine & yours")
    assert (done.returncode, done.stdout) == (0, "report: report.html\n"), done.stderr
    assert "<title>Mine &amp; yours</title>" in (tmp_path / "report.html").read_text()


def test_a_store_is_only_read(nmc: Nmc, folder: Path, tmp_path: Path) -> None:
    before = (folder / "one.duckdb").read_bytes()
    assert nmc("report", folder / "one.duckdb", "-o", "one.html").returncode == 0
    assert "1 point on 1 target" in (tmp_path / "one.html").read_text()
    assert (folder / "one.duckdb").read_bytes() == before


def test_a_folder_becomes_one_page_or_many(nmc: Nmc, folder: Path, tmp_path: Path) -> None:
    assert nmc("report", folder, "-o", "all.html").returncode == 0
    assert "3 points on 2 targets" in (tmp_path / "all.html").read_text()
    assert "index.html and 2 pages" in nmc("report", folder, "-o", "site").stdout
    assert sorted(p.name for p in (tmp_path / "site").iterdir()) == ["index.html", "one.duckdb.html", "two.json.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.json"], "there are no results at none.json"),
        (["results/settings.json"], "does not hold results"),
        (["results/two.json", "-o", "page.pdf"], "cannot be written as 'page.pdf'"),
        (["results/two.json", "--serve"], "is not a folder"),
        (["results", "--serve", "-o", "x.html"], "--serve writes no file"),
        (["empty"], "there are no results"),
    ],
)
def test_what_cannot_be_reported_is_said(
    nmc: Nmc, folder: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = nmc("report", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
