"""The small networks in which seeded faults show: each a graph as text, with arrays from a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.data_source import Arrays
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.tensor import Input
from nmc.text import parse

STEPS = 24
SAMPLES = 3

DENSE = """dt = 0.001
x = Input(shape=(6,), stream=True)
a = Linear(x, features=6, weight='a.w', bias='a.b')
hidden = CubaLIF(a, decay=0.8125, current_decay=0.625, threshold=1.0)
b = Linear(hidden, features=6, weight='b.w', bias='b.b')
out = LIF(b, decay=0.75, threshold=0.75)
total = Sum(out)
return hidden, out, total"""

CONV = """dt = 0.001
x = Input(shape=(2, 7, 7), stream=True)
a = Conv2d(x, channels=4, kernel=(3, 3), weight='a.w', bias='a.b', stride=(2, 2), padding=(1, 1, 1, 1))
first = LIF(a, decay=0.75)
b = Conv2d(first, channels=4, kernel=(2, 2), weight='b.w', groups=2, dilation=(2, 2))
second = LIF(b, decay=0.5)
f = Flatten(second)
c = Linear(f, features=4, weight='c.w')
out = LIF(c, decay=0.875)
total = Sum(out)
return first, second, out, total"""

LATE = """dt = 0.001
x = Input(shape=(5,), stream=True)
a = Linear(x, features=5, weight='a.w')
loop = Linear(hidden@2, features=5, weight='loop.w')
hidden = LIF(a, loop, decay=0.75)
aged = Delay(hidden, steps=2, longest=2)
b = Linear(aged, features=5, weight='b.w')
skip = Linear(x@3, features=5, weight='skip.w')
out = LIF(b, skip, decay=0.875)
total = Sum(out)
return hidden, out, total"""

RULES = """dt = 0.001
x = Input(shape=(6,), stream=True)
a = Linear(x, features=6, weight='a.w', bias='a.b')
hidden = LIF(a, decay=0.75, reset='subtract')
b = Linear(hidden, features=6, weight='b.w')
rest = CubaLIF(b, decay=0.8125, current_decay=0.5, current='old', refractory=2, leak=0.125)
c = Linear(rest, features=6, weight='c.w')
d = Delay(c, steps='ages', longest=3)
out = IF(d, reset='value', reset_value=0.25, compare='>=')
mean = Mean(out)
return hidden, rest, out, mean"""

IMAGES = """x = Input(shape=(3, 8, 8))
a = Conv2d(x, channels=4, kernel=(3, 3), weight='a.w', bias='a.b', stride=(2, 2), padding=(1, 1, 1, 1))
r = Relu(a)
b = Conv2d(r, channels=4, kernel=(3, 3), weight='b.w', bias='b.b', groups=2, dilation=(1, 1), padding=(1, 1, 1, 1))
s = Clip(b, minimum=0.0, maximum=2.0)
p = AvgPool2d(s, kernel=(2, 2), stride=(2, 2), padding=(1, 0, 0, 1), count_include_pad=False)
f = Flatten(p)
c = Linear(f, features=24, weight='c.w', bias='c.b')
t = Tanh(c)
d = Linear(t, features=24, weight='d.w', bias='d.b')
return d"""

COUNTS = """dt = 0.001
x = Input(shape=(6,), stream=True)
a = Linear(x, features=6, weight='a.halves')
hidden = IF(a, threshold=1.0)
b = Linear(hidden, features=4, weight='b.halves')
out = IF(b, threshold=1.5)
total = Sum(out)
return hidden, out, total"""

RATES = """dt = 0.001
x = Input(shape=(6,))
sent = RateEncode(x)
a = Linear(sent, features=6, weight='a.w')
hidden = LIF(a, decay=0.9375)
b = Linear(hidden, features=6, weight='b.w')
out = LIF(b, decay=0.75, threshold=0.5)
total = Sum(out)
return hidden, out, total"""

NORMED = """dt = 0.001
x = Input(shape=(6,), stream=True)
a = Linear(x, features=6, weight='a.w', bias='a.b')
n = BatchNorm(a, scale='n.scale', bias='n.bias', mean='n.mean', variance='n.var')
hidden = LIF(n, decay=0.75)
b = Linear(hidden, features=6, weight='b.w')
out = LIF(b, decay=0.875)
total = Sum(out)
return hidden, out, total"""

INTEGERS = """dt = 0.001
x = Input(shape=(4,), stream=True)
sent = QuantizeLinear(x, scale=0.0078125, bits=12)
a = FixedDense(sent, features=4, weight='a.w', weight_exp=7, num_message_bits=12)
wide = FixedLIF(a, du=1024, dv=256, vth=131071, emits='voltage')
b = FixedDense(sent, features=4, weight='b.w', weight_exp=-12, num_message_bits=12)
fine = FixedLIF(b, du=2048, dv=512, vth=3)
return wide, fine"""

WRAPS = """dt = 0.001
x = Input(shape=(2, 5, 5), stream=True)
sent = QuantizeLinear(x, scale=0.0001220703125, bits=20)
a = FixedConv2d(sent, channels=2, kernel=(3, 3), weight='w', num_message_bits=20)
out = FixedLIF(a, du=4095, dv=4096, vth=65536)
return out"""


GRAPHS: Mapping[str, str] = {
    "dense": DENSE, "conv": CONV, "late": LATE, "rules": RULES, "images": IMAGES, "integers": INTEGERS,
    "wraps": WRAPS, "counts": COUNTS, "normed": NORMED, "rates": RATES,
}
"""The graphs by name."""


def network(name: str, seed: int = 0) -> Model:
    """The network of this name, with arrays that make its neurons spike now and then."""
    graph = parse(GRAPHS[name])
    rng = np.random.default_rng(seed)
    task = Task("regression", "mean-squared-error", calibration=Arrays(samples(graph), name="made up"))
    return Model(name, graph, _arrays(graph, rng), STEPS if graph.dt_s else None, task).checked()


def samples(graph: Graph, seed: int = 1) -> FloatArray:
    """Samples for it, [samples, steps, *shape] or [samples, *shape]: spikes, or numbers from -1 to 1."""
    node = next(node for node in graph if isinstance(node, Input))
    rng = np.random.default_rng(seed)
    shape = (SAMPLES, *((STEPS,) if node.stream else ()), *node.shape)
    if "sent" in graph or not graph.dt_s:
        return rng.uniform(-1, 1, shape)
    return (rng.random(shape) < 0.5) * 1.0


def _arrays(graph: Graph, rng: np.random.Generator) -> Mapping[str, Array]:
    found: dict[str, Array] = {}
    for node in graph:
        for name, spec in node.arrays(*graph.operand_shapes(node)).items():
            fan_in = max(1, int(np.prod(spec.shape[1:])))
            if name == "ages":
                found[name] = np.arange(spec.shape[0]) % 4
            elif name.endswith("halves"):
                found[name] = rng.integers(-1, 4, spec.shape) / 4
            elif name.endswith("var"):
                found[name] = rng.uniform(0.5, 1.5, spec.shape)
            elif spec.whole:
                found[name] = 2 * rng.integers(-127, 127, spec.shape)
            elif len(spec.shape) > 1:
                found[name] = rng.normal(0.3, 1.2, spec.shape) / np.sqrt(fan_in)
            else:
                found[name] = rng.normal(0.1, 0.2, spec.shape)
    return found
