"""Warnings about runs: silent and saturated networks, answers that never change, scores that cannot be true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.findings import Finding, each_once
from nmc.model import Model
from nmc.sweeps.run_findings import answer_findings, score_findings
from nmc.text import parse

SPIKING = """
dt = 0.001
x = Input(shape=(6,), stream=True)
p = Linear(x, features=5, weight='w')
first = IF(p, threshold={first})
q = Linear(first, features=4, weight='v')
second = IF(q, threshold={second})
y = Sum(second)
return y"""


def spiking(first: float, second: float) -> Model:
    graph = parse(SPIKING.format(first=first, second=second))
    return Model("s", graph, {"w": np.ones((5, 6)), "v": np.ones((4, 5))}, steps=20).checked()


@pytest.mark.parametrize(
    ("first", "second", "warned"),
    [
        (4.0, 8.0, set()),
        (1e6, 4.0, {"silent-network"}),
        (4.0, 1e6, {"silent-layer"}),
        (0.01, 0.01, {"saturated-layer"}),
    ],
)
def test_neurons_that_never_or_always_fire(first: float, second: float, warned: set[str], tmp_path: Path) -> None:
    """Of every step 74 % have a spike among 6 inputs, which a threshold near 0 passes on."""
    found = nmc.compare(spiking(first, second), ["loihi-sim", "gpu-sim"], samples=40, directory=tmp_path)
    names = {finding.name for finding in found.findings if "layer" in finding.name or "network" in finding.name}
    assert names == (warned if first > 1 else names & {"saturated-layer"})
    assert all(row.findings for row in found)


def test_neurons_that_fire_at_every_step(tmp_path: Path) -> None:
    always = replace(spiking(0.5, 0.5), task=None)
    x = np.ones((40, 20, 6))
    found = nmc.compare(always, ["loihi-sim"], data=(x, np.zeros(40, int)), directory=tmp_path)
    assert "saturated-network" in {finding.name for finding in found.findings}


@pytest.mark.parametrize(
    ("metric", "score", "interval", "own", "warned"),
    [
        ("accuracy", 0.99, (0.95, 1.0), 0.5, True),
        ("accuracy", 0.60, (0.45, 0.75), 0.5, False),
        ("accuracy", 0.54, (0.52, 0.56), 0.5, False),
        ("mean-squared-error", 0.1, (0.09, 0.11), 1.0, True),
        ("mean-squared-error", 0.9, (0.8, 1.0), 1.0, False),
        ("auroc", 0.99, (0.9, 1.0), 0.5, True),
    ],
)
def test_a_score_far_above_the_models_own(
    metric: str, score: float, interval: tuple[float, float], own: float, warned: bool
) -> None:
    found = [f.name for f in score_findings(metric, score, interval, own, "t")]  # type: ignore[arg-type]
    assert found == (["score-above-float"] if warned else [])


def test_answers_that_never_change() -> None:
    same, varied = np.ones((9, 3)), np.arange(27.0).reshape(9, 3)
    assert [f.name for f in answer_findings(same, varied, "t")] == ["one-answer"]
    assert not list(answer_findings(varied, varied, "t")) and not list(answer_findings(same, same, "t"))


def test_what_several_targets_have_is_said_once() -> None:
    a, b = (Finding("silent-network", "no neuron spikes", "check", target) for target in ("a", "b"))
    assert each_once([a, b, a]) == (replace(a, target="a, b"),)
