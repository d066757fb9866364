"""The whole zoo on every target: a number in each cell, or a named reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nmc import zoo
from nmc.backends import targets
from nmc.sweeps.result import PointResult
from nmc.zoo_comparison import compare_zoo

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


def is_filled(row: PointResult) -> bool:
    """A score, and a cost where there is a chip; or a reason."""
    if row.refusal is not None:
        return row.score is None and len(row.refusal) > 20
    return row.score is not None and (row.cost is not None or row.target == "nengo-sim")


def test_the_zoo_is_one_table(nmc: Nmc, tmp_path: Path) -> None:
    done = nmc("compare", "--zoo", "-t", "gpu-sim,tpu-v1-sim", "--samples", 16, "-o", "zoo.json", "-o", "zoo.html")
    assert done.returncode == 0, done.stderr
    for name in zoo.names():
        lines = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == [name]]
        assert [line[1] for line in lines] == ["gpu-sim", "tpu-v1-sim"]
    facts = json.loads((tmp_path / "zoo.json").read_text())
    assert [comparison["model"] for comparison in facts] == list(zoo.names())
    assert (tmp_path / "zoo.html").stat().st_size < 5_000_000


@pytest.mark.slow
def test_every_cell_is_filled(nengo_toolchain: None, nengo_loihi_toolchain: None) -> None:
    """On every target there is, those of the toolchains too."""
    for comparison in compare_zoo(samples=16):
        assert [row.target for row in comparison.rows] == list(targets())
        for row in comparison.rows:
            assert is_filled(row), (row.model, row.target)


def test_a_model_and_the_zoo_are_not_compared_at_once(nmc: Nmc) -> None:
    for arguments in ([], ["digits-cnn", "--zoo"], ["--zoo", "--steps", "8"]):
        done = nmc("compare", *arguments)
        assert done.returncode == 2 and "--zoo" in done.stderr
