"""nengo-sim among the other targets: a simulator with no chip behind it, in a process of its own."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import pipeline
from nmc.backends.target import RunResult
from nmc.comparison import Comparison
from nmc.data_source import DataRecord
from nmc.errors import ToolError, UsageError
from nmc.estimates.events import Events
from nmc.report.terminal import run_text
from nmc.sweeps.result import PointResult


def test_a_run_has_no_price(tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "nengo-sim", tmp_path / "program")
    result = RunResult({"logits": np.zeros((1, 10))}, Events(1, 16), 0.5)
    assert pipeline.estimate_run(program, result) is None
    assert "no energy, no latency" in run_text(program, result, None)
    with pytest.raises(UsageError, match="nengo-sim is a simulator with no chip behind it"):
        nmc.estimate(program, result)


def test_a_comparison_shows_a_target_without_prices() -> None:
    data = DataRecord("m/test.npz", "0" * 64, 4)
    row = PointResult(
        "key", "m", "0" * 64, "nengo-sim", "reference", {}, {}, data, None, 0, "0.1.0", "accuracy", 0.75,
        "nmc compare m", score=0.75, agreement=1.0,
    )  # fmt: skip
    text = str(Comparison("m", "accuracy", "m/test.npz", 4, 0.75, (row,), data))
    (line,) = (line for line in text.splitlines() if line.strip().startswith("nengo-sim  "))
    assert line.split() == ["nengo-sim", "reference", "75.0", "%", "+0.0", "100.0", "%", "-", "-", "-"]
    assert "nengo-sim: no energy, no latency" in text
    assert "refused" not in text


def test_without_its_toolchain_a_run_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = nmc.compile("digits-snn", "nengo-sim", tmp_path / "program")
    monkeypatch.setenv("NMC_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ToolError, match="run 'nmc toolchain install nengo'"):
        nmc.run(program, np.zeros((1, 1, 8, 8)))
    with pytest.raises(UsageError, match=r"takes shape \[samples, 1, 8, 8\]"):
        nmc.run(program, np.zeros((1, 3)))


def test_the_program_is_whole_without_nmc(tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "nengo-sim", tmp_path / "program")
    names = {path.name for path in (program.path / "nengo").iterdir()}
    assert names == {"network.json", "weights.npz", "golden.npz", "requirements.txt", "run.py"}
    imports = [
        line.split()[1] for line in (program.path / "nengo" / "run.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    ]  # fmt: skip
    assert not any(module.startswith("nmc") for module in imports)
    assert {"nengo", "numpy"} <= set(imports)


def test_only_the_programs_script_imports_nengo() -> None:
    """It is under the GPL, and runs on the other side of a process border."""
    importing = re.compile(r"^\s*(import|from) nengo\b", re.MULTILINE)
    sources = {
        path: path.read_text() for package in ("nmc", "nmc.backends", "nmc.backends.nengo")
        for path in map(Path, map(str, files(package).iterdir())) if path.suffix == ".py"
    }  # fmt: skip
    assert [path.name for path, text in sources.items() if importing.search(text)] == ["run.py"]
