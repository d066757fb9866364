"""How far a converted network is off, layer by layer: against the same worked out from a run."""

from __future__ import annotations

import numpy as np
import pytest

from nmc import reference
from nmc.model import FloatArray, Model
from nmc.passes import no_samples
from nmc.passes.conversion import Converted, Layer
from nmc.passes.conversion_errors import Activity, LayerError, layer_errors, scored_so_far
from nmc.passes.to_sigma_delta import ToSigmaDelta
from nmc.passes.to_spiking import ToSpiking
from nmc.text import parse

X = np.random.default_rng(0).random((32, 6))


def random(*shape: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(size=shape) * 0.5


MODEL = Model("m", parse("""x = Input(shape=(6,))
a = Linear(x, features=12, weight='a', bias='c')
r = Relu(a)
b = Linear(r, features=5, weight='b')
s = Relu(b)
d = Linear(s, features=3, weight='d')
y = Softmax(d)
return y"""), {
    "a": random(12, 6, seed=1), "b": random(5, 12, seed=2), "c": random(12, seed=3), "d": random(3, 5, seed=4),
})  # fmt: skip


def test_layers_come_in_the_order_of_the_flow() -> None:
    converted = ToSpiking(16).converted(MODEL, lambda: X)
    assert converted.layers == (
        Layer("r", "r", "r_decoded"), Layer("s", "s", "s_decoded"), Layer("d", None, "d_mean"),
    )  # fmt: skip
    assert converted.reading == "mean"


def test_rates_against_a_run() -> None:
    """Two samples of three neurons; the numbers below are those of the definition, from the spikes themselves."""
    converted = ToSpiking(16).converted(MODEL, lambda: X)
    spikes = reference.run(converted.model, X, record=["r"])["r"]
    amplitude = converted.model.weights["r_decoded.scale"][0]
    want = reference.run(MODEL, X, record=["r"])["r"]
    off = amplitude * spikes.mean(axis=1) - want
    size = np.sqrt(np.mean(want**2))
    found, *_ = layer_errors({**reference.run(MODEL, X, record=["r", "s", "d"])}, converted, Activity.of(converted, X))
    assert found == LayerError(
        "r", 12, pytest.approx(np.sqrt(np.mean(off**2)) / size), pytest.approx(np.mean(off) / size),
        saturated=np.mean(spikes.all(axis=1)), rate=pytest.approx(np.mean(spikes)), spikes=spikes.sum() / 32,
    )  # fmt: skip


def test_neurons_that_spike_at_every_step_are_saturated() -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(2,))\nc = ConstantCurrent(x)\nr = IF(c, threshold=0.5)\n"
                  "y = Sum(r)\nreturn y")  # fmt: skip
    converted = Converted(Model("m", graph, {}, steps=4), (Layer("r", "r", "r"),), "mean")
    x = np.array([[1.0, 0.3]])
    (error,) = layer_errors({"r": x}, converted, Activity.of(converted, x))
    assert (error.saturated, error.spikes, error.rate) == (0.5, 4 + 2, 6 / 8)


def test_the_first_layers_as_neurons_and_the_others_as_they_were() -> None:
    converted = ToSpiking(8).converted(MODEL, lambda: X)
    activity = Activity.of(converted, X)
    first, second, last = scored_so_far(MODEL, converted, activity, X)
    hidden = np.maximum(0.0, activity.values["r"] @ MODEL.weights["b"].T) @ MODEL.weights["d"].T
    powers = np.exp(hidden - hidden.max(axis=1, keepdims=True))
    np.testing.assert_allclose(first, powers / powers.sum(axis=1, keepdims=True), atol=1e-12)
    assert not np.allclose(first, second)
    np.testing.assert_allclose(last, reference.run(converted.model, X)["y"], atol=1e-12)


def test_sigma_delta_neurons_are_off_by_nothing_but_rounding_of_floats() -> None:
    converted = ToSigmaDelta(steps=3).converted(MODEL, no_samples)
    network = reference.run(MODEL, X, record=["r", "s", "d"])
    for error in layer_errors(network, converted, Activity.of(converted, X)):
        assert error.relative_rms < 1e-12 and error.saturated is None
        assert error.rate is None or error.rate <= 1 / 3
