"""What the host makes of the chip's outputs for all steps at once, against the reference, step by step: bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from nmc import reference
from nmc.backends.loihi.host import Host
from nmc.model import Array, Model
from nmc.text import parse

STEPS, LAG, SAMPLES = 9, 2, 5
CHIP = "e = RateEncode(x)\nn = FixedCompartments(e, decay_u=4094, decay_v=0, vth=9, vmin=0)"
AT_ONCE = [
    "v = LI(n, decay=0.9)\ny = Last(v)",
    "v = LI(n, decay='d', gain='g', leak=0.3, initial='i')\ny = Mean(v)",
    "v = I(n, gain='g', initial=0.7)\ny = Sum(v)",
    "v = LI(n, decay=0.9)\ny = Max(v)",
    "c = Constant(value='g', shape=(3,))\nv = I(n@1, n, c@3)\nw = LI(v@4, decay='d')\ny = Mean(w)",
    "q = DequantizeLinear(n, scale=0.3, zero_point=2)\ny = Sum(q@1)",
    "v = I(n, x)\ny = Last(v)",
    "v = I(n)\nl = Last(v)\ns = Sum(n)\nm = Mul(l, s)\ny = Sigmoid(m)",
    "v = I(n@20)\ny = Mean(v)",
]
STEP_BY_STEP = [
    "v = LI(n, decay=0.9)\ny = Relu(v)",
    "l = Linear(n, features=2, weight='l')\nv = LI(l, decay=0.9)\ny = Last(v)",
    "v = LIF(n, decay=0.9)\ny = Sum(v)",
]


def host_of(text: str, stream: bool) -> Host:
    rng = np.random.default_rng(0)
    weights: dict[str, Array] = {name: rng.random(3) for name in ("d", "g", "i") if f"'{name}'" in text}
    if "'l'" in text:
        weights["l"] = rng.normal(size=(2, 3))
    lines = f"dt = 0.001\nlag = {LAG}\nx = Input(shape=(3,), stream={stream})\n{CHIP}\n{text}\nreturn y"
    return Host.of(Model("m", parse(lines), weights, STEPS).checked(), ["e"], ["n"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", AT_ONCE + STEP_BY_STEP)
def test_what_is_read_out_equals_the_reference(text: str, stream: bool) -> None:
    host, rng = host_of(text, stream), np.random.default_rng(1)
    assert (host.decoder is not None) == (text in AT_ONCE)
    x = rng.normal(size=(SAMPLES, STEPS, 3) if stream else (SAMPLES, 3))
    spikes = rng.integers(0, 2, (SAMPLES, STEPS + LAG, 3)).astype(np.uint8)
    read = {node.name for node in host.after.graph if node.kind == "Input"}
    meant = reference.run(host.after, {k: v for k, v in {"x": x, "n": spikes}.items() if k in read}, STEPS)["y"]
    found = host.read_out({"x": x}, {"n": spikes}, STEPS)["y"]
    assert found.shape == meant.shape
    assert np.array_equal(found, meant)
