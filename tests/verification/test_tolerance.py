"""Real numbers: what rounding explains is let pass, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from nmc.model import Array, FloatArray, Model
from nmc.reference import run
from nmc.text import parse
from nmc.verification.tolerance import Tolerance, limits_of, parting
from nmc.verification.trial import Trial

SINGLE = Tolerance(1e-4, 3e-6)
SPIKES = "dt = 0.001\nx = Input(shape=(2,), stream=True)\ny = IF(x, threshold=1.0, reset='subtract')\nreturn y"


def spiking(values: list[list[float]]) -> tuple[Model, Trial, Mapping[str, FloatArray]]:
    model = Model("m", parse(SPIKES), {})
    trial = Trial({"x": np.array([values])}, len(values), "made up")
    return model, trial, run(model, trial.feeds, trial.steps)


def flipped(outputs: Mapping[str, FloatArray], step: int, element: int) -> Mapping[str, Array]:
    y = outputs["y"].copy()
    y[0, step, element] = 1 - y[0, step, element]
    return {"y": y}


def test_a_spike_on_the_edge_is_excused_and_another_is_not() -> None:
    """0.7 + 0.3 comes to the threshold, or to a last bit beside it; 0.2 does not."""
    model, trial, outputs = spiking([[0.7, 0.1], [0.3, 0.1], [0.2, 0.1]])
    assert parting(model, trial, SINGLE, outputs, flipped(outputs, 1, 0)) is None
    found = parting(model, trial, SINGLE, outputs, flipped(outputs, 0, 1))
    assert found is not None and (found.node, found.step, found.sample, found.element) == ("y", 0, 0, (1,))


def test_nothing_is_excused_where_nothing_is_rounded() -> None:
    """0.75 + 0.25 is the threshold, on every machine."""
    model, trial, outputs = spiking([[0.75, 0.125], [0.25, 0.125]])
    found = parting(model, trial, SINGLE, outputs, flipped(outputs, 1, 0))
    assert found is not None and found.step == 1


def test_what_follows_from_an_excused_spike_is_excused_and_what_was_before_is_not() -> None:
    model, trial, outputs = spiking([[0.2, 0.0], [0.5, 0.0], [0.3, 0.0], [0.2, 0.0]])
    assert parting(model, trial, SINGLE, outputs, flipped(outputs, 2, 0)) is None
    assert parting(model, trial, SINGLE, outputs, flipped(outputs, 1, 0)) is not None


@pytest.mark.parametrize(("off", "differs"), [(5e-5, False), (3e-4, True), (np.nan, True), (np.inf, True)])
def test_a_number_is_within_the_tolerance_of_the_largest(off: float, differs: bool) -> None:
    model = Model("m", parse("x = Input(shape=(3,))\ny = Tanh(x)\nreturn y"), {})
    trial = Trial({"x": np.array([[0.3, 1.1, -0.7]])}, None, "made up")
    outputs = run(model, trial.feeds)
    given = {"y": outputs["y"] + np.array([[0.0, off, 0.0]])}
    assert (parting(model, trial, SINGLE, outputs, given) is not None) == differs


def test_integers_halfway_may_go_either_way_one_at_a_time() -> None:
    """A few numbers lie between two integers; all of them off by a step is no rounding."""
    text = "x = Input(shape=(8,))\nq = QuantizeLinear(x, scale=0.1)\ny = DequantizeLinear(q, scale=0.1)\nreturn y"
    model = Model("m", parse(text), {})
    trial = Trial({"x": np.array([[0.15, 0.21, 0.32, 0.43, 0.54, 0.66, 0.71, 0.82]])}, None, "made up")
    outputs = run(model, trial.feeds)
    one = outputs["y"] + np.array([[-0.1] + [0.0] * 7])
    assert parting(model, trial, SINGLE, outputs, {"y": one}) is None
    assert parting(model, trial, SINGLE, outputs, {"y": outputs["y"] + 0.1}) is not None


def test_only_what_levels_off_may_be_off_by_rounding_of_its_largest_value() -> None:
    """What follows from it by arithmetic is as small as it is: a fault there must not hide below the rounding of 1."""
    graph = parse(
        "x = Input(shape=(2,))\ns = Sigmoid(x)\nr = Reshape(s, shape=(1, 2))\n"
        "f = Linear(s, features=1, weight='w')\nreturn s, r, f"
    )
    expected = {"s": np.full((1, 2), 1e-9), "r": np.full((1, 1, 2), 1e-9), "f": np.full((1, 1), 1e-9)}
    limits = limits_of(graph, Tolerance(1e-4, 3e-6), expected)
    assert limits["s"] == limits["r"] == 3e-6
    assert limits["f"] == pytest.approx(1e-13)
