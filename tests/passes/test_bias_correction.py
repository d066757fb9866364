"""Biases take back what rounded weights add to the mean of a channel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import passes
from nmc.errors import ModelError
from nmc.model import Model
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.reference import run
from nmc.text import parse
from strategies import models, samples


def test_the_shift_of_the_mean_is_worked_out_by_hand():
    """The scale is 1.27 / 127 = 0.01, so 0.004 becomes 0. That takes 0.004 E[x1] = 0.004 x 3 away; the bias adds it."""
    before = Model(
        "m", parse("x = Input(shape=(2,))\ny = Linear(x, features=1, weight='w', bias='b')\nreturn y"),
        {"w": np.array([[1.27, 0.004]]), "b": np.array([0.5])},
    ).checked()  # fmt: skip
    x = np.array([[1.0, 2.0], [-1.0, 4.0]])
    after = passes.apply([QuantizeInt8(bias_correction=True)], before, lambda: x)
    assert after.graph["y"].bias == "y.corrected_bias"
    np.testing.assert_allclose(after.weights["y.corrected_bias"], [0.5 + 0.004 * 3.0], rtol=1e-6)


CONVOLUTION = """
x = Input(shape=(2, 5, 5))
a = Conv2d(x, channels=3, kernel=3, padding=1, weight='k')
r = Relu(a)
f = Flatten(r)
y = Linear(f, features=4, weight='w', bias='b')
return y, a"""


def test_the_mean_of_every_channel_is_that_of_the_real_weights():
    """Rounding of weights only: inputs lie on the grid, whole numbers from -128 to 127 over 8."""
    rng = np.random.default_rng(3)
    before = Model("m", parse(CONVOLUTION), {
        "k": rng.normal(size=(3, 2, 3, 3)), "w": rng.normal(size=(4, 75)), "b": rng.normal(size=4)
    }).checked()  # fmt: skip
    x = rng.integers(-128, 128, (40, 2, 5, 5)) / 8
    x[0, 0, 0, :2] = -16, 127 / 8
    means = []
    for correction in (True, False):
        after = passes.apply([QuantizeInt8(bias_correction=correction)], before, lambda: x)
        means.append(np.abs((run(after, x)["a"] - run(before, x)["a"]).mean(axis=(0, 2, 3))).max())
    corrected, shifted = means
    assert corrected < 1e-5 < 1e-3 < shifted


def test_means_need_calibration_data():
    text = "dt = 0.001\nx = Input(shape=(2,))\ne = RateEncode(x)\ny = Linear(e, features=1, weight='w')\nreturn y"
    before = Model("m", parse(text), {"w": np.ones((1, 2))})
    with pytest.raises(ModelError, match="the mean of what layers read, and there is no calibration data"):
        passes.apply([QuantizeInt8(bias_correction=True)], before)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_models_stay_sound(data):
    before = data.draw(models())
    x = data.draw(samples(before))
    after = passes.apply([QuantizeInt8(bias_correction=True)], before, lambda: x)
    for layer in before.graph:
        if layer.kind in ("Linear", "Conv1d", "Conv2d") and layer.weight_scale is None:
            assert after.graph[layer.name].bias == f"{layer.name}.corrected_bias"
