"""Random spiking networks as people train them: real weights, tens of steps, every convention of the neurons.

Weights come from a seeded generator, so that no sum lies exactly on a threshold and every order of adding up
gives the same spikes.
"""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import strategies as st

from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import KINDS, coding, spiking, tensor
from strategies.draft import Draw

STEPS = 25
BATCH = 2


class Sketch:
    """A network in the making: its nodes in order, the shape of the last one, and its weights."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.nodes: list[Node] = []
        self.weights: dict[str, FloatArray] = {}
        self.shape: Shape = ()

    def pick(self, *choices: object) -> object:
        return self.draw(st.sampled_from(choices))

    def add(self, kind: type[Node], *inputs: Ref, **facts: object) -> str:
        """A node that reads the last one, unless `inputs` say otherwise."""
        name = f"n{len(self.nodes)}"
        reads = inputs or ((Ref(self.nodes[-1].name),) if self.nodes else ())
        node = kind(name=name, inputs=reads, **facts)
        self.nodes.append(node)
        self.shape = node.output_shape(*(self.shape for _ in reads))
        return name

    def array(self, values: FloatArray) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = values
        return name

    def linear(self, features: int, inputs: int, *reads: Ref) -> str:
        weight = self.array(self.rng.normal(0.1, 2.0 / np.sqrt(inputs), (features, inputs)))
        bias = self.array(self.rng.normal(0, 0.1, features)) if self.draw(st.booleans()) else None
        return self.add(tensor.Linear, *reads, features=features, weight=weight, bias=bias)

    def param(self, low: float, high: float) -> float | str:
        """One value, or one for each neuron."""
        values = self.rng.uniform(low, high, self.shape)
        return self.array(values) if self.draw(st.booleans()) else float(values.flat[0])

    def neurons(self, *reads: Ref) -> str:
        """Spiking neurons of any kind."""
        kind = self.pick(spiking.LIF, spiking.CubaLIF, spiking.IF)
        reset = self.pick("zero", "value", "subtract", "none")
        next_step = self.draw(st.booleans())
        facts: dict[str, object] = {
            "threshold": self.param(0.5, 1.5), "reset": reset, "compare": self.pick(">", ">="),
            "reset_at": "next" if next_step else "spike", "initial": self.param(-0.5, 0.5),
            "gain": self.param(0.5, 1.5), "refractory": 0 if next_step else self.pick(0, 1, 3),
        }  # fmt: skip
        if (reset, facts["compare"], facts["reset_at"], facts["refractory"]) == ("subtract", ">=", "spike", 0):
            facts["multispike"] = self.draw(st.booleans())
        if reset == "value":
            facts["reset_value"] = self.param(-0.5, 0.2)
        if kind is not spiking.IF:
            facts |= {"decay": self.param(0.5, 0.99), "leak": self.param(-0.1, 0.1)}
        if kind is spiking.CubaLIF:
            facts |= {"current_decay": self.param(0.1, 0.9), "current_gain": self.param(0.3, 1.0)}
            facts["current"] = self.pick("new", "old")
        return self.add(kind, *reads, **facts)

    def model(self) -> Model:
        """The network, with every raster among its outputs, and a read-out."""
        self.linear(3, prod(self.shape))
        if self.draw(st.booleans()):
            self.add(spiking.LI, decay=self.param(0.5, 0.99))
        self.add(KINDS[self.pick("Sum", "Mean", "Max", "Last")])
        rasters = [node.name for node in self.nodes if isinstance(node, spiking.Neuron)]
        graph = Graph(tuple(self.nodes), (*rasters, self.nodes[-1].name), 0.001)
        return Model("random", graph, self.weights, STEPS).checked()

    def input(self, shape: Shape) -> None:
        """A stream of numbers, or held samples as spikes."""
        self.add(tensor.Input, shape=shape, stream=self.draw(st.booleans()))
        self.shape = shape
        if not self.nodes[0].stream:
            self.add(self.pick(coding.RateEncode, coding.ConstantCurrent, coding.BernoulliEncode))


@st.composite
def feed_forward(draw: Draw) -> Model:
    """Layers in a row, perhaps with a shortcut that is read late."""
    sketch = Sketch(draw)
    sketch.input((draw(st.integers(2, 12)),))
    for _ in range(draw(st.integers(1, 3))):
        before, inputs = sketch.nodes[-1].name, sketch.shape[0]
        size = draw(st.integers(2, 20))
        reads = [Ref(sketch.linear(size, inputs, Ref(before)))]
        if draw(st.booleans()):
            sketch.shape = (inputs,)
            late = sketch.linear(size, inputs, Ref(before, draw(st.integers(0, 4))))
            reads.append(Ref(late, draw(st.integers(0, 2))))
        sketch.neurons(*reads)
    return sketch.model()


@st.composite
def convolutional(draw: Draw) -> Model:
    """Convolutions in one or two dimensions with groups, strides, holes and any padding, and pooling."""
    sketch = Sketch(draw)
    rank = draw(st.sampled_from([1, 2, 2]))
    sketch.input((draw(st.sampled_from([1, 2, 4])), *(draw(st.integers(6, 9)) for _ in range(rank))))
    for _ in range(draw(st.integers(1, 2))):
        groups = draw(st.sampled_from([n for n in (1, 2) if sketch.shape[0] % n == 0]))
        channels = draw(st.sampled_from([2, 4]))
        room = min(sketch.shape[1:])
        kernel = tuple(draw(st.integers(1, min(3, room))) for _ in range(rank))
        weight = sketch.rng.normal(0.1, 1.5 / np.sqrt(prod(kernel)), (channels, sketch.shape[0] // groups, *kernel))
        paddings = [(0,) * 2 * rank, tuple((k - 1) // 2 for k in kernel) * 2, (1,) * 2 * rank, (0, 2) * rank]
        sketch.add(
            KINDS[f"Conv{rank}d"], channels=channels, kernel=kernel, weight=sketch.array(weight), groups=groups,
            stride=tuple(draw(st.integers(1, 2)) for _ in range(rank)),
            dilation=(draw(st.integers(1, 2 if room >= 5 else 1)),) * rank,
            padding=draw(st.sampled_from(paddings)),
            bias=sketch.array(sketch.rng.normal(0, 0.1, channels)) if draw(st.booleans()) else None,
        )  # fmt: skip
        sketch.neurons()
        if draw(st.booleans()) and min(sketch.shape[1:]) >= 2:
            pool = draw(st.sampled_from([f"MaxPool{rank}d", f"AvgPool{rank}d"] + ["SumPool2d"] * (rank == 2)))
            padding = (draw(st.integers(0, 1)), *[0] * (2 * rank - 1))
            sketch.add(KINDS[pool], kernel=(2,) * rank, stride=(draw(st.integers(1, 2)),) * rank, padding=padding)
    sketch.add(tensor.Flatten)
    return sketch.model()


@st.composite
def recurrent(draw: Draw) -> Model:
    """Populations that read themselves, through weights or one by one, and a delay for each neuron."""
    sketch = Sketch(draw)
    sketch.input((draw(st.integers(2, 8)),))
    for _ in range(draw(st.integers(1, 2))):
        size = draw(st.integers(2, 16))
        sketch.linear(size, sketch.shape[0])
        if draw(st.booleans()):
            longest = draw(st.integers(1, 4))
            steps = sketch.rng.integers(0, longest + 1, sketch.shape).astype(np.float64)
            sketch.add(spiking.Delay, steps=sketch.array(steps), longest=longest)
        own = f"n{len(sketch.nodes) + 1}"
        reads = [Ref(sketch.nodes[-1].name)]
        size = sketch.shape[0]
        reads.append(Ref(sketch.linear(size, size, Ref(own, draw(st.integers(0, 2)))), draw(st.integers(1, 2))))
        reads += [Ref(own, draw(st.integers(1, 3)))] * draw(st.integers(0, 1))
        sketch.neurons(*reads)
    return sketch.model()


@st.composite
def network_samples(draw: Draw, model: Model) -> FloatArray:
    """Samples from 0 to 1 for one of these networks."""
    (node,) = (node for node in model.graph if isinstance(node, tensor.Input))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.random((BATCH, *([STEPS] if node.stream else []), *node.shape))
