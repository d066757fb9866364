"""Neurons that compete, and organize themselves, in the chip's integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.model import FloatArray, Model
from nmc.text import parse


def competing(first: FloatArray, lateral: FloatArray, *, threshold: float, learns: bool = True) -> Model:
    """Neurons that inputs held for 30 steps reach by weights `first`, and the neurons themselves a step late."""
    neurons, inputs = first.shape
    rule = "dw='0.0625*y0*x1 - 0.0625*y0*w', x1_tau=3.0, x1_impulse=0.29, w_min=0.0, w_max=1.0"
    fc = f"PlasticLinear(sent, lif@1, features={neurons}, weight='fc', {rule})"
    graph = parse(f"""
dt = 0.001
x = Input(shape=({inputs},))
sent = RateEncode(x)
fc = {fc if learns else f"Linear(sent, features={neurons}, weight='fc')"}
others = Linear(lif@1, features={neurons}, weight='others')
lif = LIF(fc, others, decay=0.97, threshold={threshold})
return lif
""")
    return Model("competing", graph, {"fc": first, "others": lateral}, steps=30).checked()


def spikes(program: nmc.Program, x: FloatArray) -> FloatArray:
    """How often each neuron spikes for each sample."""
    return nmc.run(program, x).outputs["lif"].sum(axis=1)


@pytest.mark.parametrize("target", ["loihi-sim", "cpu"])
def test_the_winner_takes_all(target: str, tmp_path: Path) -> None:
    """Four neurons driven beyond their threshold: without inhibition all spike, with it only the one driven most."""
    drives, x = np.diag([0.5, 0.6, 0.9, 0.7]), np.ones((1, 4))
    alone, among = (
        spikes(nmc.compile(competing(drives, lateral, threshold=3.0, learns=False), target, tmp_path / name), x)[0]
        for name, lateral in (("alone", np.zeros((4, 4))), ("among", -10 * (1 - np.eye(4))))
    )
    assert (alone > 0).all()
    assert np.flatnonzero(among).tolist() == [2] and among[2] == alone[2]


def test_neurons_that_compete_share_patterns_out(tmp_path: Path) -> None:
    """Two patterns and three neurons that all answer to both; after learning, one neuron answers to each."""
    rng = np.random.default_rng(1)
    patterns = np.kron(np.eye(2), np.full(4, 0.75))
    model = competing(rng.uniform(0.3, 0.5, (3, 8)), -20 * (1 - np.eye(3)), threshold=5.0)
    program = nmc.compile(model, "loihi-sim", tmp_path / "before")
    assert (spikes(program, patterns) > 0).sum(axis=1).min() > 1
    lesson = nmc.learn(program, patterns[rng.integers(0, 2, 100)], tmp_path / "after", freeze=True)
    found = spikes(lesson.program, patterns)
    assert ((found > 0).sum(axis=1) == 1).all() and found[0].argmax() != found[1].argmax()
    np.testing.assert_allclose(lesson.learned.weights["fc"][found.argmax(axis=1)] / 255, patterns, atol=0.2)


def test_neurons_that_excite_their_neighbours_learn_alike(tmp_path: Path) -> None:
    """Bumps along a line, and neurons in a row: where each excites those beside it, these learn bumps nearby."""
    rng = np.random.default_rng(0)
    first, centres = rng.uniform(0.2, 0.4, (8, 24)), rng.uniform(2, 21, 200)
    bumps = np.round(15 * np.exp(-((np.arange(24) - centres[:, None]) ** 2) / 8)) / 16
    apart = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    steps = []
    for reach in (0, 2):
        lateral = np.where(apart <= reach, 3.0, -20.0) * (apart > 0)
        program = nmc.compile(competing(first, lateral, threshold=8.0), "loihi-sim", tmp_path / "before")
        weights = nmc.learn(program, bumps, tmp_path / "after").learned.weights["fc"]
        places = weights @ np.arange(24) / weights.sum(axis=1)
        steps.append(np.abs(np.diff(places)).mean() / np.abs(np.subtract.outer(places, places))[apart > 0].mean())
    assert steps[1] < 0.6 < steps[0]
