"""Nonlinearities in time: the host's before the network and after it, refused within it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import reference
from nmc.errors import UnsupportedError
from nmc.model import FloatArray, Model, Task
from nmc.passes.host_streams import HostStreams
from nmc.text import parse

X = np.random.default_rng(0).normal(size=(6, 10, 4))
WEIGHTS = {name: np.random.default_rng(1).normal(size=(4, 4)) for name in ("w", "v")}
START = "dt = 0.001\nx = Input(shape=(4,), stream=True)\n"


def model(text: str, folder: Path) -> Model:
    graph = parse(START + text)
    np.savez(folder / "calibration.npz", x=X, y=np.zeros(len(X)))
    task = Task("classification", "accuracy", calibration=folder / "calibration.npz")
    return Model("m", graph, {"w": WEIGHTS["w"]}, task=task).checked()


def on_loihi(text: str, folder: Path) -> tuple[FloatArray, FloatArray]:
    """The result "y" in double precision, and on the emulated chip."""
    made = model(text, folder)
    program = nmc.compile(made, "loihi-sim", folder / "p")
    return reference.run(made, X)["y"], nmc.run(program, X).outputs["y"]


@pytest.mark.parametrize("text", [
    "a = Relu(x)\nb = Linear(a, features=4, weight='w')\ny = LI(b, decay=0.5)\nreturn y",
    "a = Tanh(x)\nb = Relu(a, x)\nc = Linear(b, features=4, weight='w')\nv = LI(c, decay=0.5)\ny = Max(v)\nreturn y",
    "b = Linear(x, features=4, weight='w')\nv = LI(b, decay=0.5)\ny = Tanh(v)\nreturn y",
    "b = Linear(x, features=4, weight='w')\nc = Sigmoid(b)\ny = Mean(c)\nreturn y",
    "b = Linear(x, features=4, weight='w')\nv = LI(b, decay=0.5)\nm = Softmax(v)\n"
    "c = Linear(m, features=4, weight='w')\ny = Add(c, x)\nreturn y",
    "a = Relu(x)\nb = Linear(a, features=4, weight='w')\nv = LI(b, decay=0.5)\ny = Mul(v, a)\nreturn y",
    "b = Linear(x, features=4, weight='w')\nv = LI(b, decay=0.5)\nc = Linear(v, features=4, weight='w')\n"
    "y = Mean(c)\nreturn y",
])
def test_the_host_does_what_comes_before_and_after(text: str, tmp_path: Path) -> None:
    """In step with the chip, however late that is; numbers are rounded to 8 bits on the way in."""
    want, have = on_loihi(text, tmp_path)
    np.testing.assert_allclose(have, want, atol=0.03 * np.abs(want).max())


@pytest.mark.parametrize("between", ["Relu", "Softmax"])
def test_within_the_network_nobody_does_it(between: str, tmp_path: Path) -> None:
    text = (
        f"b = Linear(x, features=4, weight='w')\nr = {between}(b)\nc = Linear(r, features=4, weight='w')\n"
        "y = IF(c)\nreturn y"
    )
    with pytest.raises(UnsupportedError, match=f"node 'r': {between} works on currents at every time step"):
        nmc.compile(model(text, tmp_path), "loihi-sim", tmp_path / "p")


def test_a_memory_beside_the_chip_is_refused(tmp_path: Path) -> None:
    """Its first step would come before the chip's first value."""
    text = "b = Linear(x, features=4, weight='w')\nm = Tanh(b, m@1)\ny = Mean(m)\nreturn y"
    with pytest.raises(UnsupportedError, match="node 'm': Tanh is read a step late beside the chip"):
        nmc.compile(model(text, tmp_path), "loihi-sim", tmp_path / "p")


def test_whose_each_stream_is() -> None:
    """A layer with weights is the chip's, unless only encoders read on from it, or the host did before."""
    graph = parse(START + """a = Relu(x)
b = Linear(a, features=4, weight='w')
n = IF(b)
c = Linear(n, features=4, weight='w')
t = Tanh(c)
d = Linear(t, features=4, weight='w')
e = Linear(x, features=4, weight='w')
s = RateEncode(e)
f = Linear(s, features=4, weight='w')
m = IF(f, d@1)
return m""")
    host = HostStreams(graph)
    assert host.before == {"x", "a", "e", "s"}
    assert not host.after
    assert [fault.node for fault in host.faults()] == ["t"]
    apart = HostStreams(parse(str(graph).replace("m = IF(f, d@1)", "m = IF(f)").replace("return m", "return m, d")))
    assert apart.after == {"t", "d"}
    assert not apart.faults()
