"""Constant factors and terms: folded into the layer before them, or said as normalizations for networks of neurons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmc import passes
from nmc.backends import target_named
from nmc.model import Model, Task
from nmc.passes.element_maps import FactorsAsNorms
from nmc.passes.fold_batchnorm import FoldBatchnorm
from nmc.pipeline import prepare
from nmc.reference import run
from nmc.text import parse

RNG = np.random.default_rng(0)
CONV = "y = Conv2d(x, channels=4, kernel=3, padding=1, weight='w', bias='b')"
IMAGE = f"x = Input(shape=(2, 6, 6))\n{CONV}\n"
ARRAYS = {
    "w": RNG.normal(size=(4, 2, 3, 3)), "b": RNG.normal(size=4), "t": RNG.normal(size=(2, 2, 3, 3)),
    "k": RNG.uniform(0.5, 2, size=(4, 1, 1)),
    "n": np.array([1.5, -0.5, 2.0, -1.0]).reshape(4, 1, 1),
    "k1": RNG.uniform(1, 2, size=(1, 1, 1)),
    "row": RNG.uniform(0.5, 2, size=4), "last": RNG.normal(size=(1, 5)), "f": RNG.normal(size=(5, 3)),
    "k64": np.repeat(RNG.uniform(1, 2, size=4), 36), "k444": np.repeat(RNG.normal(size=4), 36).reshape(4, 6, 6),
    "place": RNG.normal(size=(1, 6, 6)), "d": RNG.normal(size=(4, 1, 3, 3)),
}  # fmt: skip
K, N = "k = Constant(shape=(4, 1, 1), value='k')\n", "k = Constant(shape=(4, 1, 1), value='n')\n"
FOLDED = {
    "a product": f"{IMAGE}{N}z = Mul(y, k)\nreturn z",
    "a product, the constant first": f"{IMAGE}{N}z = Mul(k, y)\nreturn z",
    "a quotient": f"{IMAGE}{N}z = Div(y, k)\nreturn z",
    "a sum": f"{IMAGE}{N}z = Add(y, k)\nreturn z",
    "a difference": f"{IMAGE}{N}z = Sub(y, k)\nreturn z",
    "a difference, the constant first": f"{IMAGE}{N}z = Sub(k, y)\nreturn z",
    "several in a row": f"{IMAGE}{N}a = Mul(y, k)\nc = Affine(a, gain=-2.0, offset=1.0)\nz = Add(c, k)\nreturn z",
    "a scalar": f"{IMAGE}k = Constant(shape=(1, 1, 1), value='k1')\nz = Mul(y, k)\nreturn z",
    "a factor of every element, the same in a channel":
        f"{IMAGE}k = Constant(shape=(4, 6, 6), value='k444')\nz = Mul(y, k)\nreturn z",
    "behind a rectifier": f"{IMAGE}{K}r = Relu(y)\nz = Mul(r, k)\nq = Abs(z)\nreturn q",
    "behind a clip, with one factor":
        f"{IMAGE}r = Clip(y, minimum=0.0, maximum=1.0)\nz = Affine(r, gain=3.0)\nreturn z",
    "behind a maximum": f"{IMAGE}{K}r = MaxPool2d(y, kernel=2, padding=1)\nc = Mul(r, k)\nz = Add(c, k)\nreturn z",
    "behind a mean": f"{IMAGE}{N}r = AvgPool2d(y, kernel=2, padding=1)\nc = Mul(r, k)\nz = Sub(c, k)\nreturn z",
    "behind the mean of all": f"{IMAGE}{N}r = GlobalAvgPool(y)\nc = Mul(r, k)\nz = Sub(c, k)\nreturn z",
    "behind a padding": f"{IMAGE}{N}r = Pad(y, padding=(0, 1, 1, 0, 0, 2))\nz = Mul(r, k)\nreturn z",
    "behind an enlargement": f"{IMAGE}{N}r = Slice(y, axis=2, start=1, stop=5, step=2)\nz = Mul(r, k)\nreturn z",
    "behind a flattening":
        f"{IMAGE}k = Constant(shape=(144,), value='k64')\nr = Flatten(y)\nc = Mul(r, k)\nz = Sub(c, k)\nreturn z",
    "behind a turn": f"{IMAGE}r = Transpose(y, permutation=(1, 2, 0))\nk = Constant(shape=(1, 1, 4), value='row2')\n"
        "z = Mul(r, k)\nreturn z",
    "after a depthwise convolution":
        "x = Input(shape=(4, 6, 6))\ny = Conv2d(x, channels=4, kernel=3, weight='d', groups=4)\n"
        f"{N}z = Mul(y, k)\nreturn z",
    "after a transposed convolution, in groups":
        "x = Input(shape=(2, 4, 4))\ny = ConvTranspose2d(x, channels=4, kernel=3, stride=2, weight='t', groups=2)\n"
        f"{N}c = Mul(y, k)\nz = Add(c, k)\nreturn z",
    "after a layer along the last axis": "x = Input(shape=(4, 3))\ny = Linear(x, features=5, weight='f')\n"
        "k = Constant(shape=(1, 5), value='last')\nc = Mul(y, k)\nz = Add(c, k)\nreturn z",
}  # fmt: skip
ARRAYS["row2"] = ARRAYS["row"].reshape(1, 1, 4)
LEFT = {
    "a factor for each place": f"{IMAGE}k = Constant(shape=(1, 6, 6), value='place')\nz = Mul(y, k)\nreturn z",
    "a negative factor behind a rectifier": f"{IMAGE}{N}r = Relu(y)\nz = Mul(r, k)\nreturn z",
    "a term behind a rectifier": f"{IMAGE}{N}r = Relu(y)\nz = Add(r, k)\nreturn z",
    "a negative factor behind a maximum": f"{IMAGE}{N}r = MaxPool2d(y, kernel=2)\nz = Mul(r, k)\nreturn z",
    "a term behind a mean that counts its padding":
        f"{IMAGE}{N}r = AvgPool2d(y, kernel=2, padding=1, count_include_pad=True)\nz = Add(r, k)\nreturn z",
    "a term behind a padding": f"{IMAGE}{N}r = Pad(y, padding=(0, 1, 1, 0, 0, 2))\nz = Add(r, k)\nreturn z",
    "a factor of each channel behind a clip":
        f"{IMAGE}{K}r = Clip(y, minimum=0.0, maximum=1.0)\nz = Mul(r, k)\nreturn z",
    "a layer that is read elsewhere": f"{IMAGE}{K}z = Mul(y, k)\nq = Add(z, y)\nreturn q",
    "a constant over the layer": f"{IMAGE}{K}z = Div(k, y)\nreturn z",
    "a factor that repeats its operand": "x = Input(shape=(3,))\ny = Linear(x, features=1, weight='one')\n"
        "k = Constant(shape=(4,), value='row')\nz = Mul(y, k)\nreturn z",
}  # fmt: skip
ARRAYS["one"] = np.ones((1, 3))


def model(text: str) -> Model:
    graph = parse(text)
    read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
    return Model("test", graph, {name: ARRAYS[name] for name in read}).checked()


def _same(before: Model, after: Model) -> None:
    (x,) = (node for node in before.graph if node.kind == "Input")
    samples = RNG.normal(size=(3, *x.shape))
    expected, given = run(before, samples), run(after, samples)
    assert given.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(given[name], array, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("what", FOLDED)
def test_a_known_factor_goes_into_the_layer_before_it(what):
    before = model(FOLDED[what])
    after = passes.apply([FoldBatchnorm()], before)
    assert not {"Mul", "Div", "Add", "Sub", "Affine", "Constant"} & {node.kind for node in after.graph}
    _same(before, after)


@pytest.mark.parametrize("what", LEFT)
def test_what_would_change_the_meaning_stays(what):
    before = model(LEFT[what])
    assert passes.apply([FoldBatchnorm()], before).graph == before.graph


LAST = "q = Conv2d(z, channels=4, kernel=3, weight='d', groups=4)\nreturn q"
BETWEEN = {
    "for each channel": (f"{IMAGE}{N}r = Relu(y)\nz = Mul(r, k)\n", ["BatchNorm"]),
    "over a constant": (f"{IMAGE}{N}r = Relu(y)\nz = Div(r, k)\n", ["BatchNorm"]),
    "for each place": (
        f"{IMAGE}k = Constant(shape=(1, 6, 6), value='place')\nr = Relu(y)\nz = Mul(r, k)\n",
        ["Flatten", "BatchNorm", "Reshape"],
    ),
}


@pytest.mark.parametrize("what", BETWEEN)
def test_a_factor_between_layers_becomes_a_normalization(what):
    text, kinds = BETWEEN[what]
    before = model(f"{text}{LAST}")
    after = passes.apply([FactorsAsNorms()], before)
    added = [node.kind for node in after.graph if node not in before.graph.nodes]
    assert added == kinds
    _same(before, after)


def test_factors_of_the_host_stay():
    """What comes before the first layer and after the last one is computed by the host as it is."""
    before = model(f"""x = Input(shape=(4, 6, 6))
{N}s = Mul(x, k)
y = Conv2d(s, channels=4, kernel=3, weight='d', groups=4)
z = Mul(y, k)
return z""")
    assert passes.apply([FactorsAsNorms()], before).graph == before.graph


@pytest.mark.parametrize("target", ["loihi-sim", "loihi2-sim", "nengo-loihi-sim", "nengo-sim"])
def test_targets_of_neurons_take_a_factor_between_layers(target, tmp_path):
    """They refused it: Mul stands between layers, where spiking neurons can do Relu only."""
    np.savez(tmp_path / "c.npz", x=RNG.random((8, 2, 6, 6)))
    before = model(f"{BETWEEN['for each channel'][0]}{LAST}")
    before = replace(before, task=Task("regression", "mean-squared-error", calibration=tmp_path / "c.npz"))
    chosen = target_named(target)
    made = prepare(before, chosen, chosen.configured({"neurons": "spiking"} if target == "nengo-sim" else {}))
    assert "Mul" not in {node.kind for node in made.graph}
