"""What becomes 8-bit integers, on which scales, and what stays real."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import passes
from nmc.errors import ModelError
from nmc.model import Model
from nmc.passes.int8_grid import quantize_weight
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.value_ranges import measure
from nmc.reference import run
from nmc.text import parse
from strategies import models, samples

W = np.array([[1.27, -0.5], [0.0, 0.0]])


def model(text: str, steps: int | None = None, **weights: np.ndarray) -> Model:
    return Model("test", parse(text), weights, steps).checked()


def test_weights_get_a_scale_for_each_channel():
    """Largest sizes 1.27 and 0: scales 0.01 and, where nothing counts, 1."""
    integers, scale = quantize_weight(W)
    assert integers.tolist() == [[127, -50], [0, 0]]
    assert integers.dtype == np.int8
    np.testing.assert_allclose(scale, [0.01, 1.0], rtol=1e-7)


def test_activations_are_rounded_where_tensor_operations_read_them():
    """The input goes from -1 to 1.55 in 255 steps of 0.01, with -1 at -128 and so 0 at -28; Relu is fused.

    The largest activation is 1.27 x 1.55 - 0.5 x -1 = 2.4685.
    """
    before = model(
        """
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
r = Relu(y)
f = Flatten(r)
z = Linear(f, features=2, weight='w')
return z""",
        w=W,
    )
    after = passes.apply([QuantizeInt8()], before, lambda: np.array([[1.55, -1.0]]))
    a, b = float(np.float32(0.01)), float(np.float32(2.4685 / 255))
    assert str(after.graph) == f"""\
x = Input(shape=(2,))
x_int8 = QuantizeLinear(x, scale={a}, zero_point=-28)
x_rounded = DequantizeLinear(x_int8, scale={a}, zero_point=-28)
y = Linear(x_rounded, features=2, weight='y.int8_weight', weight_scale='y.weight_scale')
r = Relu(y)
r_int8 = QuantizeLinear(r, scale={b}, zero_point=-128)
r_rounded = DequantizeLinear(r_int8, scale={b}, zero_point=-128)
f = Flatten(r_rounded)
z = Linear(f, features=2, weight='z.int8_weight', weight_scale='z.weight_scale')
return z"""
    assert after.weights["y.int8_weight"].dtype == np.int8


def test_ranges_are_measured_on_all_samples_and_steps():
    before = model("dt = 0.001\nx = Input(shape=(1,))\nv = I(x)\ny = Linear(v, features=1, weight='w')\nreturn y",
                   steps=4, w=np.ones((1, 1)))  # fmt: skip
    samples = np.linspace(-1.0, 2.0, 40)[:, None]
    values = measure(before, ["v"], samples)["v"]
    assert (values.low, values.high) == (-4.0, 8.0)
    after = passes.apply([QuantizeInt8()], before, lambda: samples)
    assert after.graph["v_int8"].scale == pytest.approx(12 / 255)


SPIKING = """
dt = 0.001
x = Input(shape=(2,))
e = RateEncode(x)
a = Linear(e, features=2, weight='w')
back = Linear(s@1, features=2, weight='r')
s = LIF(a, back, decay=0.75)
n = Linear(s, features=2, weight='w')
y = Sum(n)
return y, s"""


def test_spikes_pass_exactly_and_membranes_stay_real():
    """No calibration is needed where only spikes are read, not even across a loop's delay."""
    rng = np.random.default_rng(1)
    before = model(SPIKING, steps=20, w=rng.normal(size=(2, 2)), r=rng.normal(size=(2, 2)))
    after = passes.apply([QuantizeInt8()], before)
    quantizers = [node for node in after.graph if node.kind == "QuantizeLinear"]
    assert {node.inputs[0].node: (node.scale, node.zero_point) for node in quantizers} == {"e": (1.0, 0), "s": (1.0, 0)}
    assert [str(ref) for ref in after.graph["back"].inputs] == ["s_rounded@1"]
    assert [str(ref) for ref in after.graph["s"].inputs] == ["a", "back"]
    rounded = {"w": after.weights["a.int8_weight"] * after.weights["a.weight_scale"][:, None],
               "r": after.weights["back.int8_weight"] * after.weights["back.weight_scale"][:, None]}  # fmt: skip
    x = rng.uniform(size=(5, 2))
    expected, given = run(model(SPIKING, steps=20, **rounded), x), run(after, x)
    np.testing.assert_array_equal(given["s"], expected["s"])


def test_whole_numbers_that_fit_pass_exactly_and_others_are_scaled():
    before = model("""
dt = 0.001
x = Input(shape=(1, 2, 2), stream=True)
s = Threshold(x, threshold=0.5)
p = SumPool2d(s, kernel=2)
n = Linear(p, features=1, weight='w')
k = Sum(s)
m = Linear(k, features=2, weight='v')
return n, m""", w=np.ones((1, 1)), v=np.ones((2, 2)))  # fmt: skip
    after = passes.apply([QuantizeInt8()], before, lambda: np.ones((1, 200, 1, 2, 2)))
    assert after.graph["p_int8"].scale == 1.0
    assert after.graph["k_int8"].scale == pytest.approx(200 / 255)


def test_a_value_read_by_neurons_and_layers_is_rounded_for_the_layers_only():
    before = model("""
dt = 0.001
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
s = IF(y)
z = Add(y, x)
return s, z""", steps=3, w=W)  # fmt: skip
    after = passes.apply([QuantizeInt8()], before, lambda: np.ones((1, 2)))
    assert [str(ref) for ref in after.graph["s"].inputs] == ["y"]
    assert [str(ref) for ref in after.graph["z"].inputs] == ["y_rounded", "x_rounded"]


def test_quantizing_twice_changes_nothing():
    before = model("x = Input(shape=(2,))\ny = Linear(x, features=2, weight='w')\nz = Sigmoid(y)\nreturn z", w=W)
    once = passes.apply([QuantizeInt8()], before, lambda: np.ones((1, 2)))
    assert passes.apply([QuantizeInt8()], once).graph == once.graph


def test_the_result_is_near_the_real_model():
    """An error of at most half a step of 2/255 a value, over 8 inputs of weight at most 1, and of the weights."""
    rng = np.random.default_rng(2)
    before = model(
        "x = Input(shape=(8,))\ny = Linear(x, features=3, weight='w')\nreturn y", w=rng.uniform(-1, 1, (3, 8))
    )
    x = rng.uniform(-1, 1, (50, 8))
    error = np.abs(run(passes.apply([QuantizeInt8()], before, lambda: x), x)["y"] - run(before, x)["y"])
    assert 0 < error.max() <= 8 * (1 / 255 + 0.5 / 127) * 1.1


@pytest.mark.parametrize("calibration", [None, np.zeros((0, 2))])
def test_real_values_without_calibration_data_are_a_clear_error(calibration):
    before = model("x = Input(shape=(2,))\ny = Linear(x, features=2, weight='w')\nreturn y", w=W)
    with pytest.raises(ModelError, match="range of x, and there is no calibration data") as caught:
        passes.apply([QuantizeInt8()], before, lambda: calibration)
    assert caught.value.faults[0].node == "x"
    assert "calibration" in caught.value.faults[0].remedy


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_models_stay_sound_and_every_layer_reads_8_bits(data):
    before = data.draw(models())
    x = data.draw(samples(before))
    after = passes.apply([QuantizeInt8()], before, lambda: x)
    for node in after.graph:
        if node.kind in ("Linear", "Conv1d", "Conv2d"):
            assert node.weight_scale is not None
            values = run(after, x, record=[ref.node for ref in node.inputs])
            for ref in node.inputs:
                assert len(np.unique(values[ref.node])) <= 256
    assert {name: array.shape for name, array in run(after, x).items()} == {
        name: array.shape for name, array in run(before, x).items()
    }
