"""Sweeps and searches from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_sweep_is_kept_and_written(nmc: Nmc, tmp_path: Path) -> None:
    sweep = ("compare", "digits-cnn", "-t", "gpu-sim,tpu-sim", "--sweep", "batch=1,2", "--samples", 8, "-o", "r.csv")
    done = nmc(*sweep)
    assert (done.returncode, done.stderr) == (0, "")
    assert "results: results/digits-cnn.duckdb" in done.stdout and "* on the Pareto front" in done.stdout
    assert (tmp_path / "r.csv").read_text().count("\n") == 5
    assert not (tmp_path / "programs").exists()
    facts = json.loads(nmc(*sweep, "--programs", "p", "--json").stdout)
    assert [row["program"] for row in facts["rows"][:2]] == ["p/gpu-sim/batch=1", "p/gpu-sim/batch=2"]
    assert any(row["front"] for row in facts["rows"])


def test_what_is_not_to_be_done_is_said_before_anything_runs(nmc: Nmc, tmp_path: Path) -> None:
    for arguments, said in [
        (("compare", "digits-cnn", "-o", "programs"), "--programs DIR says where programs go"),
        (("compare", "digits-cnn", "--sweep", "batches=1,2"), "did you mean 'batch'"),
        (("compare", "digits-cnn", "--cluster", "slurm"), "'slurm' is not a cluster"),
        (("tune", "digits-cnn", "--max-latency", "5"), "as in 5ms"),
    ]:
        done = nmc(*arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_finds_nothing_within_ends_with_1(nmc: Nmc) -> None:
    search = ("tune", "digits-cnn", "-t", "gpu-sim", "--samples", 8, "--trials", 2, "--sweep", "batch=1,2")
    done = nmc(*search, "--min-accuracy", 0.5, "--max-latency", "1s")
    assert done.returncode == 0 and "again: nmc compare digits-cnn --targets gpu-sim" in done.stdout, done.stderr
    done = nmc(*search, "--max-latency", "1 ns")
    assert done.returncode == 1 and "no setting that was measured is within" in done.stdout
