"""Masks in 16-bit floats: as large as they can say, where softmaxes alone see them."""

import numpy as np
import pytest

from nmc import passes
from nmc.model import Model
from nmc.passes.half_masks import HalfMasks
from nmc.reference import run
from nmc.text import parse

MASK = np.array([[0.0, -1e9, -1e9], [0.0, 0.0, -1e9], [-1e9, -1e9, -1e9]])
SEEN = {
    "added": "a = Add(x, c)\ny = Softmax(a)",
    "chosen": "e = Equal(x, x)\na = Where(e, x, c)\nb = Reshape(a, shape=(9,))\ny = Softmax(b)",
    "before a scale": "a = Add(x, c)\nb = Affine(a, gain=0.5)\ny = Softmax(b)",
    "beside another":
        "g = Greater(x, c)\nd = Affine(g, gain=-1e9, offset=1e9)\na = Add(c, d)\nb = Add(a, x)\ny = Softmax(b)",
}
SEEN_ELSEWHERE = {
    "a result": "a = Add(x, c)\nb = Softmax(a)\ny = Add(a, b)",
    "a rectifier": "a = Add(x, c)\ny = Relu(a)",
    "a factor": "a = Mul(x, c)\ny = Softmax(a)",
}


def model(nodes: str) -> Model:
    text = f"x = Input(shape=(3, 3))\nc = Constant(shape=(3, 3), value='mask')\n{nodes}\nreturn y"
    return Model("test", parse(text), {"mask": MASK}).checked()


@pytest.mark.parametrize("what", SEEN)
def test_masks_become_what_half_precision_can_say(what):
    before = model(SEEN[what])
    after = passes.apply([HalfMasks()], before)
    assert all(np.abs(array).max() <= 3e4 for array in after.weights.values() if array is not MASK)
    assert [abs(node.gain) for node in after.graph if node.kind == "Affine"] in ([], [0.5], [3e4])
    x = np.random.default_rng(0).normal(size=(4, 3, 3))
    np.testing.assert_allclose(run(after, x)["y"], run(before, x)["y"], atol=1e-9)


@pytest.mark.parametrize("what", SEEN_ELSEWHERE)
def test_masks_that_others_see_stay(what):
    before = model(SEEN_ELSEWHERE[what])
    after = passes.apply([HalfMasks()], before)
    assert after.graph == before.graph
