"""Batch normalization goes into the layer before it, where that changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import passes
from nmc.model import Model
from nmc.passes.fold_batchnorm import FoldBatchnorm
from nmc.reference import run
from nmc.text import parse
from strategies import models, samples

NORM = "scale='g', bias='b', mean='m', variance='v', epsilon=0.0"
ARRAYS = {
    "w": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "c": np.array([1.0, -1.0]),
    "g": np.array([2.0, -1.0]), "b": np.array([0.5, 0.0]), "m": np.array([1.0, 0.0]), "v": np.array([4.0, 0.25]),
}  # fmt: skip


def model(text: str, **more: np.ndarray) -> Model:
    graph = parse(text)
    weights = {**ARRAYS, **more}
    read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
    return Model("test", graph, {name: weights[name] for name in read}).checked()


def test_weights_and_bias_after_folding():
    """Factors are g / sqrt(v) = 2 / 2 and -1 / 0.5; the bias is factor (c - m) + b = 1 (1 - 1) + 0.5 and -2 (-1)."""
    before = model(f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w', bias='c')
n = BatchNorm(y, {NORM})
z = Relu(n)
return z""")
    after = passes.apply([FoldBatchnorm()], before)
    assert str(after.graph) == """\
x = Input(shape=(2,))
y = Linear(x, features=2, weight='y.folded_weight', bias='y.folded_bias')
z = Relu(y)
return z"""
    assert {name: array.tolist() for name, array in after.weights.items()} == {
        "y.folded_weight": [[1.0, 2.0], [-6.0, -8.0]],
        "y.folded_bias": [0.5, 2.0],
    }


FOLDED = {
    "a convolution without a bias": f"""
x = Input(shape=(1, 3, 3))
y = Conv2d(x, channels=2, kernel=2, weight='k')
n = BatchNorm(y, {NORM})
return n""",
    "two norms one after another, read late": f"""
dt = 0.001
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, {NORM})
o = BatchNorm(n, {NORM})
s = IF(o@1, o)
return s""",
    "one array in two layers": f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, {NORM})
z = Linear(n, features=2, weight='w')
return z""",
}
LEFT = {
    "another node reads the layer": f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, {NORM})
z = Add(n, y)
return z""",
    "the layer is an output": f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, {NORM})
return n, y""",
    "the norm reads late": f"""
dt = 0.001
x = Input(shape=(2,), stream=True)
y = Linear(x, features=2, weight='w')
n = BatchNorm(y@1, {NORM})
return n""",
    "the norm reads a sum": f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, x, {NORM})
return n""",
    "no layer before": f"""
x = Input(shape=(2,))
n = BatchNorm(x, {NORM})
return n""",
    "channels on another axis": f"""
x = Input(shape=(2, 2))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, {NORM})
return n""",
    "integers with a scale": f"""
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w', weight_scale='c')
n = BatchNorm(y, {NORM})
return n""",
}


def _same(before: Model, after: Model) -> None:
    rng = np.random.default_rng(0)
    (x,) = (node for node in before.graph if node.kind == "Input")
    samples = rng.normal(size=(3, 5, *x.shape) if x.stream else (3, *x.shape))
    expected, given = (run(m, samples, None if x.stream or m.graph.dt_s is None else 5) for m in (before, after))
    assert given.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(given[name], array, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("what", FOLDED)
def test_folding_keeps_the_meaning(what):
    before = model(FOLDED[what], k=np.arange(8.0).reshape(2, 1, 2, 2))
    after = passes.apply([FoldBatchnorm()], before)
    assert not [node for node in after.graph if node.kind == "BatchNorm"]
    assert after.graph.outputs == before.graph.outputs
    _same(before, after)


@pytest.mark.parametrize("what", LEFT)
def test_what_cannot_be_folded_stays(what):
    before = model(LEFT[what])
    after = passes.apply([FoldBatchnorm()], before)
    assert after.graph == before.graph
    assert after.weights.keys() == before.weights.keys()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_models_keep_their_meaning(data):
    before = data.draw(models(timed=False, layers=6))
    x = data.draw(samples(before))
    after = passes.apply([FoldBatchnorm()], before)
    for name, array in run(before, x).items():
        np.testing.assert_allclose(run(after, x)[name], array, rtol=1e-9, atol=1e-9)
