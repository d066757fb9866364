"""Constants that mask, saturate or lie out of sight do not cost 8-bit integers their range."""

from __future__ import annotations

import numpy as np
import pytest

from nmc import passes
from nmc.errors import ModelError
from nmc.model import FloatArray, Model
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.reference import run
from nmc.text import parse

RNG = np.random.default_rng(3)
CAUSAL = np.triu(np.ones((6, 6)), 1)
ARRAYS = {
    "wq": RNG.normal(size=(8, 8)), "wk": RNG.normal(size=(8, 8)), "wv": RNG.normal(size=(8, 8)),
    "infinite": -3.4028235e38 * CAUSAL, "1e9": -1e9 * CAUSAL, "1e4": -1e4 * CAUSAL, "low": np.full((1, 1), -1e9),
    "alibi": -1e9 * CAUSAL - 0.3 * np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0))),
    "keep": 1 - CAUSAL, "heads": -1e9 * np.stack([CAUSAL, 1 - CAUSAL - np.eye(6)]),
    "row": -1e4 * np.concatenate([np.ones((1, 6)), CAUSAL[1:]]), "padding": -1e9 * (np.arange(6) == 5).reshape(1, 6),
    "keep_rows": np.concatenate([np.zeros((1, 6)), 1 - CAUSAL[1:]]), "below": np.full((6, 6), -1e9) * CAUSAL,
}  # fmt: skip
QKV = """
x = Input(shape=(6, 14))
t = Slice(x, axis=1, start=0, stop=8)
m = Slice(x, axis=1, start=8, stop=14)
q = Linear(t, features=8, weight='wq')
k = Linear(t, features=8, weight='wk')
v = Linear(t, features=8, weight='wv')
kt = Transpose(k, permutation=(1, 0))
qk = MatMul(q, kt)
s = Affine(qk, gain=0.35)
"""
END = "y = MatMul(p, v)\nreturn y"


def constant(name: str, *shape: int) -> str:
    return f"c = Constant(shape={shape or (6, 6)}, value='{name}')\n"


MASKED = {
    "no mask": "p = Softmax(s)",
    "minus infinity": f"{constant('infinite')}a = Add(s, c)\np = Softmax(a)",
    "a billion": f"{constant('1e9')}a = Add(c, s)\np = Softmax(a)",
    "ten thousand": f"{constant('1e4')}a = Add(s, c)\np = Softmax(a)",
    "distances in the mask": f"{constant('alibi')}a = Add(s, c)\np = Softmax(a)",
    "a choice": f"{constant('keep')}l = Constant(shape=(1, 1), value='low')\na = Where(c, s, l)\np = Softmax(a)",
    "a choice of what is masked":
        f"{constant('1e9')}l = Constant(shape=(1, 1), value='low')\na = Where(c, l, s)\np = Softmax(a)",
    "before the scale": f"{constant('1e9')}a = Add(qk, c)\nb = Affine(a, gain=0.35)\np = Softmax(b)",
    "two masks": f"{constant('1e9')}d = Constant(shape=(1, 6), value='padding')\na = Add(s, c)\nb = Add(a, d)\n"
        "p = Softmax(b)",
    "given with the input": "g = Affine(m, gain=-1e9)\na = Add(s, g)\np = Softmax(a)",
    "given with the input, to be taken off": "g = Affine(m, gain=1e9)\na = Sub(s, g)\np = Softmax(a)",
    "given with the input, twice":
        f"{constant('infinite')}g = Affine(m, gain=-1e4)\nd = Add(g, c)\na = Add(s, d)\np = Softmax(a)",
    "given with the input, behind a choice":
        "l = Constant(shape=(1, 1), value='low')\na = Where(m, l, s)\np = Softmax(a)",
    "given with the input, and shaped": "g = Affine(m, gain=-1e9)\na = Add(s, g)\nb = Reshape(a, shape=(6, 6))\n"
        "p = Softmax(b)",
    "a whole row": f"{constant('row')}a = Add(s, c)\np = Softmax(a)",
    "a whole row by choice":
        f"{constant('keep_rows')}l = Constant(shape=(1, 1), value='low')\na = Where(c, s, l)\np = Softmax(a)",
    "a bound": f"{constant('1e9')}a = Add(s, c)\nb = Clip(a, minimum=-10000.0)\np = Softmax(b)",
    "a softmax written out": f"{constant('1e9')}a = Add(s, c)\nb = ReduceMax(a, axes=(1,))\nd = Sub(a, b)\ne = Exp(d)\n"
        "f = ReduceSum(e, axes=(1,))\np = Div(e, f)",
}  # fmt: skip


def model(text: str) -> Model:
    graph = parse(text)
    read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
    return Model("test", graph, {name: ARRAYS[name] for name in read}).checked()


def tokens(count: int, seed: int = 0) -> FloatArray:
    """Samples [count, 6, 14]: tokens, and beside them which scores are masked."""
    rng = np.random.default_rng(seed)
    masked = np.broadcast_to(np.arange(6) >= rng.integers(3, 7, size=(count, 1)), (6, count, 6)).swapaxes(0, 1)
    return np.concatenate([rng.normal(size=(count, 6, 8)), masked], axis=2)


def rounded(before: Model, samples: FloatArray, **options: object) -> Model:
    return passes.apply([QuantizeInt8(**options)], before, lambda: samples)


@pytest.mark.parametrize("what", MASKED)
@pytest.mark.parametrize("method", ["min-max", "percentile", "mse"])
def test_a_mask_leaves_the_scores_their_range(what, method):
    before = model(f"{QKV}{MASKED[what]}\n{END}")
    after = rounded(before, tokens(32), ranges=method)
    assert all(np.isfinite(node.scale) for node in after.graph if node.kind == "QuantizeLinear")
    x = tokens(8, seed=1)
    given, expected = run(after, x)["y"], run(before, x)["y"]
    assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > 0.995  # as without a mask


@pytest.mark.parametrize("what", MASKED)
def test_scores_are_rounded_before_a_softmax(what):
    """The mask goes beside, but no softmax reads scores in more than 8 bits."""
    after = rounded(model(f"{QKV}{MASKED[what]}\n{END}"), tokens(32))
    graph = after.graph
    seen, left = set(), ["p"]
    while left:
        for ref in graph[left.pop()].inputs:
            if ref.node not in seen and graph[ref.node].kind != "DequantizeLinear":
                seen.add(ref.node)
                left.append(ref.node)
    assert "qk" not in seen


def test_scores_that_are_read_elsewhere_keep_their_true_range_there():
    """Both readers get what they need: the softmax its scores, the product the masked sums."""
    text = f"{QKV}{constant('1e4')}a = Add(s, c)\np = Softmax(a)\nz = MatMul(a, v)\n{END}, z"
    before = model(text)
    x = tokens(16)
    given, expected = run(rounded(before, x), x), run(before, x)
    for name in ("y", "z"):
        assert np.corrcoef(given[name].ravel(), expected[name].ravel())[0, 1] > 0.998


def test_the_logarithm_of_a_softmax_keeps_what_is_not_masked():
    """What is not masked is as near as without a mask, and what is masked is exact."""
    log = """b = ReduceMax(a, axes=(1,))
d = Sub(a, b)
e = Exp(d)
f = ReduceSum(e, axes=(1,))
g = Log(f)
y = Sub(d, g)"""
    plain, masked = (
        model(f"{QKV}{scores}{log}\nreturn y")
        for scores in ("a = Affine(s, gain=1.0)\n", f"{constant('1e9')}a = Add(s, c)\n")
    )
    x = tokens(16)
    worst = np.abs(run(rounded(plain, x), x)["y"] - run(plain, x)["y"]).max()
    given, expected = run(rounded(masked, x), x)["y"], run(masked, x)["y"]
    shown = expected > -1e6
    assert np.abs(given - expected)[shown].max() < 1.2 * worst
    np.testing.assert_allclose(given[~shown], expected[~shown], rtol=1e-6)


OUT_OF_SIGHT = {
    "a gate": "c = Constant(shape=(6, 6), value='1e4')\na = Add(s, c)\np = Sigmoid(a)",
    "a gate given with the input": "g = Affine(m, gain=-1e4)\na = Add(s, g)\np = Sigmoid(a)",
    "a tanh": "g = Affine(m, gain=1e4)\na = Add(s, g)\np = Tanh(a)",
    "a rectifier": "g = Affine(m, gain=-1e6)\na = Add(s, g)\np = Relu(a)",
    "a clip": "g = Affine(m, gain=-1e6)\na = Add(s, g)\np = Clip(a, minimum=-2.0)",
    "a clip, behind a turn":
        "g = Affine(m, gain=-1e6)\na = Add(s, g)\nb = Transpose(a, permutation=(1, 0))\np = Clip(b, minimum=-2.0)",
    "the smaller of two signals": "g = Affine(m, gain=1e9)\nh = Minimum(s, g)\np = Affine(h, gain=0.5)",
    "the padding of a maximum": "r = Reshape(s, shape=(1, 6, 6))\na = Pad(r, padding=(0, 1, 1, 0, 1, 1), value=-1e9)\n"
        "b = MaxPool2d(a, kernel=3, stride=1)\np = Reshape(b, shape=(6, 6))",
    "the larger of two": f"{constant('below')}p = Maximum(s, c)",
    "the larger of two signals": "g = Affine(m, gain=-1e9)\nh = Maximum(s, g)\np = Affine(h, gain=0.5)",
}  # fmt: skip


@pytest.mark.parametrize("what", OUT_OF_SIGHT)
def test_what_nobody_sees_takes_no_range(what):
    before = model(f"{QKV}{OUT_OF_SIGHT[what]}\n{END}")
    x = tokens(32)
    given, expected = run(rounded(before, x), x)["y"], run(before, x)["y"]
    assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > 0.998


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_an_infinite_range_is_refused_by_the_name_of_its_node():
    before = model("x = Input(shape=(6, 8))\nl = Log(x)\ny = Linear(l, features=8, weight='wq')\nreturn y")
    with pytest.raises(ModelError, match="infinite values") as caught:
        rounded(before, np.zeros((2, 6, 8)))
    assert caught.value.faults[0].node == "l"
