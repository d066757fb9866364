"""Small models that learn, and what the reference learns in sequence."""

from __future__ import annotations

import numpy as np

from nmc.model import FloatArray, Model
from nmc.reference import each_step
from nmc.text import parse

STDP = """
dt = 0.001
input = Input(shape=(4,), stream=True)
sent = RateEncode(input)
fc = PlasticLinear(sent, lif@1, features=3, weight='w', dw='0.02*x1*y0 - 0.02*y1*x0', x1_tau=8.0, y1_tau=8.0,
                   w_min=0.0, w_max=2.0)
lif = LIF(fc, decay=0.9, threshold=2.0)
return lif
"""
EVERYTHING = """
dt = 0.001
input = Input(shape=(4,), stream=True)
fc = PlasticLinear(input, lif@1, out, features=3, weight='w', x1_tau=4.0, x2_tau=0.0, y1_tau=3.0, y2_tau=9.0, w_max=2.0,
                   dw='0.05*x1*y0 + 0.1*r*t - 0.02*u1*(w - 0.5)*x2 + 0.01*sgn(w - 0.25) - 0.01*d',
                   dt='0.5*x0*y1 - 0.25*t', dd='0.1*y2*x0 - u2*d')
out = Linear(input, features=3, weight='v')
lif = LIF(fc, decay=0.9, threshold=1.0)
return lif, fc
"""


def model(text: str = STDP) -> Model:
    """A model of four inputs and three neurons."""
    rng = np.random.default_rng(3)
    graph = parse(text)
    return Model("learns", graph, {"w": rng.random((3, 4)), "v": rng.normal(size=(3, 4))}, 30).with_(graph).checked()


def samples(count: int = 3) -> FloatArray:
    """Random spikes for it."""
    return (np.random.default_rng(4).random((count, 30, 4)) < 0.3).astype(np.float64)


def learned(model: Model, x: FloatArray) -> FloatArray:
    """The weights after samples in sequence, by the reference: each begins with those that the one before left."""
    for sample in x:
        for _, state in each_step(model, sample[None]):
            w = state["fc"]["w"][0]
        model = model.with_(model.graph, {"w": w})
    return w
