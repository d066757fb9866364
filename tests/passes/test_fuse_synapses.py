"""What is linear between neurons becomes synapses: the graph before and after, and the same spikes."""

from __future__ import annotations

import numpy as np
import pytest

from nmc import passes, reference
from nmc.errors import UnsupportedError
from nmc.graph import Shape
from nmc.model import Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.text import parse


def network(text: str, **shapes: Shape) -> Model:
    """A network with random weights of these shapes; `ones` holds ones."""
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    weights |= {name: np.ones(shape) for name, shape in shapes.items() if name == "ones"}
    return Model("m", parse(text), weights, steps=10).checked()


def fused(model: Model) -> Model:
    return passes.apply([FuseSynapses()], model)


def assert_same_meaning(model: Model) -> Model:
    """Fusing changes no output of the model on random spikes; gives the fused model."""
    (node,) = [node for node in model.graph if node.kind == "Input"]
    x = (np.random.default_rng(1).random((3, 10, *node.shape)) < 0.4) * 1.0
    simple = fused(model)
    before, after = reference.run(model, x), reference.run(simple, x)
    for name, value in before.items():
        assert value.any(), f"{name} is silent, which proves nothing"
        np.testing.assert_allclose(after[name], value, atol=1e-9)
    return simple


def test_pooling_goes_into_the_matrix_after_it() -> None:
    model = network(
        """dt = 0.001
x = Input(shape=(1, 8, 8), stream=True)
conv = Conv2d(x, channels=3, kernel=(3, 3), weight='w', bias='b')
lif = LIF(conv, decay=0.9)
pool = AvgPool2d(lif, kernel=(2, 2))
flat = Flatten(pool)
out = Linear(flat, features=4, weight='v')
membrane = LI(out, decay=0.9)
logits = Last(membrane)
return logits""",
        w=(3, 1, 3, 3), b=(3,), v=(4, 27),
    )
    simple = assert_same_meaning(model)
    assert str(simple.graph) == """dt = 0.001
x = Input(shape=(1, 8, 8), stream=True)
conv = Conv2d(x, channels=3, kernel=(3, 3), weight='conv.weight', stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1))
lif_bias = Constant(value='lif_bias.value', shape=(3, 6, 6))
lif = LIF(conv, lif_bias, decay=0.9)
lif_flat = Flatten(lif)
out = Linear(lif_flat, features=4, weight='out.weight')
membrane = LI(out, decay=0.9)
logits = Last(membrane)
return logits"""
    assert simple.weights["out.weight"].shape == (4, 3 * 6 * 6)


@pytest.mark.parametrize(("layers", "geometry"), [
    ("p = SumPool2d(a, kernel=(2, 2))\nz = Conv2d(p, channels=4, kernel=(3, 3), weight='w')",
     "kernel=(6, 6), weight='z.weight', stride=(2, 2), padding=(0, 0, 0, 0)"),
    # the padding after the pool meets no pixel that the pool would have left out: 8 = 2 * 4
    ("p = AvgPool2d(a, kernel=(2, 2))\nz = Conv2d(p, channels=4, kernel=(3, 3), padding=(1, 1, 1, 1), weight='w')",
     "kernel=(6, 6), weight='z.weight', stride=(2, 2), padding=(2, 2, 2, 2)"),
    ("p = Conv2d(a, channels=4, kernel=(3, 3), weight='w')\nz = AvgPool2d(p, kernel=(2, 2))",
     "kernel=(4, 4), weight='z.weight', stride=(2, 2), padding=(0, 0, 0, 0)"),
    ("p = Pad(a, padding=(0, 1, 0, 0, 2, 1))\nz = Conv2d(p, channels=4, kernel=(3, 3), weight='w')",
     "kernel=(3, 3), weight='z.weight', stride=(1, 1), padding=(1, 0, 2, 1)"),
    ("z = Conv2d(a, channels=4, kernel=(2, 2), dilation=(2, 1), stride=(3, 2), weight='w2')",
     "kernel=(2, 2), weight='z.weight', stride=(3, 2), padding=(0, 0, 0, 0), dilation=(2, 1)"),
    ("p = Conv2d(a, channels=4, kernel=(2, 2), groups=2, weight='wg')\nz = SumPool2d(p, kernel=(3, 3), stride=(1, 1))",
     "kernel=(4, 4), weight='z.weight', stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=2"),
])  # fmt: skip
def test_layers_in_a_row_become_one_convolution(layers: str, geometry: str) -> None:
    model = network(
        f"dt = 0.001\na = Input(shape=(2, 8, 8), stream=True)\n{layers}\nn = LIF(z, decay=0.9)\nreturn n",
        w=(4, 2, 3, 3), w2=(4, 2, 2, 2), wg=(4, 1, 2, 2),
    )
    text = str(assert_same_meaning(model).graph)
    assert geometry.replace("z.weight", "p.weight" if "p = Conv2d" in layers else "z.weight") in text
    assert text.count("Conv2d") == 1


@pytest.mark.parametrize("layers", [
    # padding after overlapping windows would see pixels that the first layer had cut off
    "p = SumPool2d(a, kernel=(3, 3), stride=(1, 1))\nz = Conv2d(p, channels=4, kernel=(3, 3), padding=(1, 1, 1, 1), "
    "weight='w')",
    # padding that is left out of the mean makes the border differ
    "z = AvgPool2d(a, kernel=(3, 3), padding=(1, 1, 1, 1))",
    "z = Transpose(a, permutation=(2, 0, 1))",
    "f = Flatten(a)\nz = Linear(f, features=5, weight='v')",
    "b = Conv2d(a, channels=2, kernel=(1, 1), weight='one')\nz = Concat(a, b)",
    "g = GlobalAvgPool(a)\nh = Flatten(g)\nz = Linear(h, features=3, weight='u')",
    "b = Conv2d(a, channels=2, kernel=(1, 1), weight='one', bias='c')\nz = Add(a, b, k)\n"
    "k = Constant(value='k', shape=(1, 8, 1))",
    "r = Reshape(a, shape=(2, 64))\nz = Conv1d(r, channels=3, kernel=(5,), weight='line', stride=(2,))",
    "z = BatchNorm(a, scale='c', bias='c', mean='c', variance='ones')",
    "late = Delay(a, steps=2)\nb = Conv2d(late@1, channels=2, kernel=(1, 1), weight='one')\nz = Add(a, b)",
])  # fmt: skip
def test_every_way_through_linear_nodes_keeps_its_meaning(layers: str) -> None:
    model = network(
        f"dt = 0.001\na = Input(shape=(2, 8, 8), stream=True)\n{layers}\nn = LIF(z, decay=0.5)\nreturn n",
        w=(4, 2, 3, 3), v=(5, 128), one=(2, 2, 1, 1), u=(3, 2), c=(2,), k=(1, 8, 1), line=(3, 2, 5), ones=(2,),
    )
    assert_same_meaning(model)


def test_neurons_give_their_gains_leaks_and_thresholds_away() -> None:
    """v' = 0.1 (1 - 0.5) + 0.5 v + 2 x, spikes above 1, 2 and 4: divided by the threshold, it is one for all."""
    model = Model("m", parse("""dt = 0.001
x = Input(shape=(3,), stream=True)
y = Linear(x, features=3, weight='w')
n = LIF(y, decay=0.5, gain=2.0, leak=0.1, threshold='th')
return n"""), {"w": np.eye(3), "th": np.array([1.0, 2.0, 4.0])}, steps=10).checked()
    simple = assert_same_meaning(model)
    assert str(simple.graph["n"]) == "n = LIF(y, n_bias, decay=0.5)"
    np.testing.assert_allclose(simple.weights["y.weight"], np.diag([2.0, 1.0, 0.5]))
    np.testing.assert_allclose(simple.weights["n_bias.value"], [0.05, 0.025, 0.0125])


def test_a_reset_to_a_value_becomes_one_to_zero() -> None:
    """With w = v - 0.25 the threshold 1 is 0.75, and w starts at -0.25."""
    model = network("""dt = 0.001
x = Input(shape=(3,), stream=True)
y = Linear(x, features=3, weight='w')
n = IF(y, reset='value', reset_value=0.25)
return n""", w=(3, 3))
    assert str(assert_same_meaning(model).graph["n"]) == "n = IF(y, initial=-0.25, threshold=0.75)"


def test_parameters_that_all_neurons_share_become_one() -> None:
    model = Model("m", parse("""dt = 0.001
x = Input(shape=(2,), stream=True)
n = CubaLIF(x, decay='d', current_decay='c', current_gain='g')
return n"""), {"d": np.full(2, 0.5), "c": np.full(2, 0.25), "g": np.array([1.0, 3.0])}).checked()
    simple = assert_same_meaning(model)
    assert str(simple.graph["n"]) == "n = CubaLIF(from_x, decay=0.5, current_decay=0.25)"
    np.testing.assert_allclose(simple.weights["from_x.weight"], np.diag([1.0, 3.0]))


def test_a_current_that_is_read_out_gets_a_voltage_to_show_it() -> None:
    model = network("""dt = 0.001
x = Input(shape=(3,), stream=True)
y = Linear(x, features=3, weight='w', bias='b')
total = Sum(y)
return total, y""", w=(3, 3), b=(3,))
    assert str(assert_same_meaning(model).graph) == """dt = 0.001
x = Input(shape=(3,), stream=True)
total = Sum(y)
y_current = Linear(x, features=3, weight='y_current.weight')
y_bias = Constant(value='y_bias.value', shape=(3,))
y = LI(y_current, y_bias, decay=0.0)
return total, y"""


def test_a_held_sample_drives_neurons_at_every_step() -> None:
    model = network("""dt = 0.001
x = Input(shape=(3,))
y = Linear(x, features=3, weight='w')
n = LIF(y, decay=0.9)
return n""", w=(3, 3))
    simple = fused(model)
    assert str(simple.graph["y"]) == "y = Linear(x_current, features=3, weight='y.weight')"
    x = np.random.default_rng(0).random((2, 3))
    assert np.array_equal(reference.run(simple, x)["n"], reference.run(model, x)["n"])


def complaint(layers: str, **shapes: Shape) -> str:
    model = network(f"dt = 0.001\nx = Input(shape=(3,), stream=True)\n{layers}", **shapes)
    with pytest.raises(UnsupportedError) as caught:
        fused(model)
    return str(caught.value)


def test_what_no_synapse_can_do_is_refused_all_at_once() -> None:
    text = complaint("n = LIF(x, decay=0.5)\nr = Relu(n)\ns = Softmax(r)\nm = IF(s)\nreturn m")
    assert "<graph>:4: node 'r': Relu works on currents at every time step" in text
    assert "<graph>:5: node 's': Softmax works on currents" in text
    assert "-> move it before the encoder or after the readout, or replace it by neurons" in text


def test_a_loop_without_neurons_is_refused() -> None:
    text = complaint("a = Linear(x, b@1, features=3, weight='w')\nb = Linear(a, features=3, weight='w')\n"
                     "n = IF(b)\nreturn n", w=(3, 3))
    assert "this loop holds no neuron" in text
    assert "a -> b -> a" in text or "b -> a -> b" in text


def test_encoding_what_neurons_say_is_refused() -> None:
    assert "encodes what neurons put out" in complaint(
        "n = LI(x, decay=0.5)\ne = DeltaEncode(n, threshold=0.5)\nm = IF(e)\nreturn m"
    )


def test_thresholds_below_the_reset_voltage_are_refused() -> None:
    model = network("dt = 0.001\nx = Input(shape=(2,), stream=True)\nn = IF(x, threshold='th')\nreturn n", th=(2,))
    model = Model("m", model.graph, {"th": np.array([1.0, -1.0])})
    with pytest.raises(UnsupportedError, match="thresholds go down to -1"):
        fused(model)
