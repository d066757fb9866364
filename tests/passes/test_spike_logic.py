"""Maxima, products and rectifiers of spikes: the graph before and after, and what stays as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import passes, reference
from nmc.model import Model
from nmc.passes.spike_logic import SpikeLogic
from nmc.text import parse

NETWORK = """dt = 0.001
x = Input(shape=(2, 6, 6))
s = RateEncode(x)
c = Conv2d(s, channels=3, kernel=(3, 3), padding=(1, 1, 1, 1), weight='c')
a = LIF(c, decay=0.5)
b = IF(c, threshold=2.0)
both = Mul(a, b)
most = MaxPool2d(both, kernel=(2, 2))
same = Relu(most)
flat = Flatten(same)
d = Linear(flat, features=4, weight='d')
out = IF(d, threshold=0.5)
count = Sum(out)
return count, out"""


def network() -> Model:
    rng = np.random.default_rng(0)
    weights = {"c": rng.integers(-8, 12, (3, 2, 3, 3)) / 8, "d": rng.integers(-8, 12, (4, 27)) / 8}
    return Model("m", parse(NETWORK), weights, steps=12).checked()


def test_they_become_neurons_without_memory_or_nothing() -> None:
    text = str(passes.apply([SpikeLogic()], network()).graph)
    assert """both_sum = Add(a, b)
both = Threshold(both_sum, threshold=1.5)
most_sum = AvgPool2d(both, kernel=(2, 2), stride=(2, 2), padding=(0, 0, 0, 0), count_include_pad=True)
most = Threshold(most_sum, threshold=0.125)
same = Reshape(most, shape=(3, 3, 3))
""" in text


def test_the_meaning_stays() -> None:
    model, x = network(), np.random.default_rng(1).random((4, 2, 6, 6))
    want, have = reference.run(model, x), reference.run(passes.apply([SpikeLogic()], model), x)
    assert want["out"].any()
    for name, values in want.items():
        assert np.array_equal(have[name], values)


def test_loihi_gives_the_same_spikes(tmp_path: Path) -> None:
    """Weights are eighths, which integers hold; so the chip differs by the rounding of a decay at most."""
    model, x = network(), np.random.default_rng(1).random((4, 2, 6, 6))
    found = nmc.run(nmc.compile(model, "loihi-sim", tmp_path / "p"), x).outputs
    want = reference.run(model, x)
    assert np.array_equal(found["out"], want["out"])
    assert np.array_equal(found["count"], want["count"])


@pytest.mark.parametrize("text", [
    "y = MaxPool1d(a, b, kernel=(2,))", "y = Clip(a, minimum=-1.0, maximum=0.5)",
    "v = LI(a, decay=0.5)\ny = Relu(v)", "v = LI(a, decay=0.5)\ny = Mul(v, a)",
    "y = Relu(x)", "n = DeltaEncode(x, threshold=0.5)\ny = Relu(n)",
])
def test_what_does_not_act_on_spikes_alone_stays(text: str) -> None:
    before = "dt = 0.001\nx = Input(shape=(1, 4), stream=True)\na = IF(x)\nb = IF(x, threshold=2.0)"
    graph = parse(f"{before}\n{text}\nreturn y")
    after = passes.apply([SpikeLogic()], Model("m", graph, {})).graph
    assert after == graph
