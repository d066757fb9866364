"""nmc diff on the command line: its text, its JSON, and its exit codes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nmc import load, reference
from nmc.datasets import calibration

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_recording_that_parts(nmc: Nmc, tmp_path: Path) -> None:
    model = load("digits-snn")
    data = calibration(model)
    assert data is not None
    spikes = reference.run(model, data[:3], record=["lif1", "lif2"])
    late = np.pad(spikes["lif2"], [(0, 0), (1, 0), *[(0, 0)] * 3])[:, :-1]
    np.savez(tmp_path / "board.npz", x=data[:3], lif1=spikes["lif1"], lif2=late)
    done = nmc("diff", "digits-snn", str(tmp_path / "board.npz"))
    assert done.returncode == 1, done.stderr
    assert "rule: time-shift" in done.stdout
    facts = json.loads(nmc("diff", "digits-snn", str(tmp_path / "board.npz"), "--json").stdout)
    assert (facts["first"], facts["equal"]) == ("lif2", False)


def test_what_nothing_can_be_held_against(nmc: Nmc) -> None:
    done = nmc("diff", "digits-snn")
    assert done.returncode == 2
    assert "nothing to be held against" in done.stderr
