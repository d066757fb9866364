"""Networks of sigma-delta neurons: in real numbers they say what the network says; on the chip, nearly so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import nmc
from nmc import reference
from nmc.backends import target_named
from nmc.backends.loihi import Loihi2Options
from nmc.backends.loihi.engine import run_model
from nmc.errors import ModelError, UnsupportedError
from nmc.model import Model
from nmc.nodes.tensor import Input
from nmc.passes import apply, no_samples
from nmc.passes.to_sigma_delta import ToSigmaDelta
from nmc.text import parse
from strategies.models import models

LOIHI1, LOIHI2 = target_named("loihi-sim"), target_named("loihi2-sim")


def dyadic(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-8, 9, shape) / 8


def network(text: str, **arrays: np.ndarray) -> Model:
    return Model("m", parse(text), arrays).checked()


RESIDUAL = network(
    "x = Input(shape=(2, 4, 4))\n"
    "c = Conv2d(x, channels=3, kernel=(3, 3), padding=(1, 1, 1, 1), weight='c', bias='cb')\n"
    "r = Relu(c)\n"
    "d = Conv2d(r, channels=3, kernel=(3, 3), padding=(1, 1, 1, 1), weight='d')\n"
    "n = BatchNorm(d, scale='g', bias='s', mean='m', variance='v')\n"
    "k = Constant(value='k', shape=(3, 4, 4))\n"
    "a = Add(n, r, k)\n"
    "q = Relu(a)\n"
    "p = GlobalAvgPool(q)\n"
    "f = Flatten(p)\n"
    "y = Linear(f, features=4, weight='w', bias='b')\n"
    "return y",
    c=dyadic(3, 2, 3, 3, seed=1), cb=dyadic(3, seed=2), d=dyadic(3, 3, 3, 3, seed=3), g=np.array([1.0, 0.5, 2.0]),
    s=dyadic(3, seed=4), m=dyadic(3, seed=5), v=np.array([1.0, 2.0, 0.5]), k=dyadic(3, 4, 4, seed=6),
    w=dyadic(4, 3, seed=7), b=dyadic(4, seed=8),
)  # fmt: skip
X = np.abs(dyadic(24, 2, 4, 4, seed=9))


def compiled(model: Model, samples: np.ndarray, **options: object) -> Model:
    return apply(LOIHI2.passes(Loihi2Options(neurons="sigma-delta", **options)), model, lambda: samples)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [1, 3])
def test_it_says_what_the_network_says(steps: int) -> None:
    """Biases, normalizations, constants and shortcuts included, whether it runs for one step or for more."""
    np.testing.assert_allclose(
        reference.run(ToSigmaDelta(steps=steps)(RESIDUAL, no_samples).checked(), X)["y"],
        reference.run(RESIDUAL, X)["y"], rtol=1e-9, atol=1e-9,
    )


def test_what_no_input_changes_is_said_once() -> None:
    """Offsets, biases and padding of every kind of layer."""
    model = Model("m", parse(
        "x = Input(shape=(2, 3, 3))\nc = ConvTranspose2d(x, channels=2, kernel=(2, 2), weight='w', bias='b')\n"
        "a = Affine(c, gain=0.5, offset=0.25)\np = Pad(a, padding=(0, 1, 0, 0, 0, 1), value=-1.0)\n"
        "d = Conv2d(p, channels=1, kernel=(2, 2), weight='v', bias='e')\nreturn d"
    ), {"w": np.ones((2, 2, 2, 2)), "b": np.ones(2), "v": np.ones((1, 2, 2, 2)), "e": np.ones(1)}).checked()
    x = np.abs(dyadic(3, 2, 3, 3, seed=1))
    for steps in (1, 3):
        found = reference.run(ToSigmaDelta(steps=steps)(model, no_samples).checked(), x)["d"]
        np.testing.assert_allclose(found, reference.run(model, x)["d"], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(model=models(timed=False, recurrent=False))
def test_random_networks_say_the_same_or_are_refused(model: Model) -> None:
    (source,) = (node for node in model.graph if isinstance(node, Input))
    x = np.abs(dyadic(3, *source.shape, seed=1))
    try:
        converted = ToSigmaDelta(steps=2)(model, no_samples)
    except UnsupportedError:
        return
    for name, value in reference.run(model, x).items():
        np.testing.assert_allclose(reference.run(converted.checked(), x)[name], value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 8])
def test_the_chips_integers_come_close(steps: int) -> None:
    fixed = compiled(RESIDUAL, X, steps=steps)
    have, want = run_model(fixed, X).outputs["y"], reference.run(RESIDUAL, X)["y"]
    assert np.abs(have - want).max() < 0.03 * np.abs(want).max()
    assert np.array_equal(have, reference.run(fixed, X)["y"])


def test_each_neuron_speaks_about_once_and_less_with_a_threshold() -> None:
    """After the first step there is nothing to say but what rounding left over."""
    events = [run_model(compiled(RESIDUAL, X, steps=8, threshold=t), X).events.nodes["r"].spikes for t in (0.0, 0.2)]
    every, some = (float(np.sum(spikes)) for spikes in events if spikes is not None)
    neurons = 3 * 4 * 4
    assert some < every <= 2 * neurons


def test_a_chip_without_graded_spikes_refuses_it() -> None:
    with pytest.raises(UnsupportedError, match=r"SigmaDelta sends numbers.*spikes only"):
        apply(LOIHI1.passes(LOIHI1.options), ToSigmaDelta()(RESIDUAL, no_samples), lambda: X)


def test_numbers_need_data_to_scale_them() -> None:
    with pytest.raises(ModelError, match="nothing says how large"):
        apply(LOIHI2.passes(Loihi2Options(neurons="sigma-delta")), RESIDUAL)


def test_a_bounded_relu_is_the_difference_of_two() -> None:
    model = network(
        "x = Input(shape=(2,))\nl = Linear(x, features=2, weight='w')\nc = Clip(l, minimum=0, maximum=6)\n"
        "y = Linear(c, features=1, weight='o')\nreturn y", w=np.eye(2), o=np.array([[1.0, 10.0]]),
    )  # fmt: skip
    x = np.array([[-1.0, 4.0], [5.0, 7.5], [6.0, 100.0]])
    np.testing.assert_allclose(reference.run(ToSigmaDelta()(model, no_samples), x)["y"], [[40], [65], [66]])


def test_offsets_and_biases_of_every_layer_go_into_the_neurons() -> None:
    """An Affine and a ConvTranspose add theirs once, not at every step."""
    model = network(
        "x = Input(shape=(1, 2, 2))\nc = Conv2d(x, channels=1, kernel=(1, 1), weight='c')\n"
        "a = Affine(c, gain=2, offset=3)\n"
        "t = ConvTranspose2d(a, channels=1, kernel=(1, 1), weight='c', bias='b')\nr = Relu(t)\n"
        "y = Conv2d(r, channels=1, kernel=(1, 1), weight='c')\nreturn y",
        c=np.ones((1, 1, 1, 1)), b=np.array([0.5]),
    )  # fmt: skip
    x = np.array([[[[-4.0, 0.0], [1.0, 2.0]]]])
    np.testing.assert_allclose(reference.run(ToSigmaDelta()(model, no_samples), x)["y"], np.maximum(2 * x + 3.5, 0))


def test_a_bias_that_comes_at_every_step_is_refused() -> None:
    model = network(
        "dt = 0.001\nx = Input(shape=(2,), stream=True)\nl = Linear(x, features=2, weight='w', bias='b')\n"
        "n = SigmaDelta(l)\ns = Sum(n)\nreturn s", w=np.eye(2), b=np.ones(2),
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match=r"n.*bias at every step"):
        apply(LOIHI2.passes(Loihi2Options()), model, lambda: np.zeros((4, 5, 2)))


@pytest.mark.parametrize("name", ["digits-cnn", "digits-resnet"])
def test_the_zoo_loses_next_to_nothing_in_eight_steps(name: str, tmp_path) -> None:
    found = nmc.compare(name, ["loihi2-sim"], options={"neurons": "sigma-delta", "steps": 8}, directory=tmp_path)
    assert found.rows[0].score > found.reference_score - 0.003
