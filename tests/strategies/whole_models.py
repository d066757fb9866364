"""Whole models as people bring them, at random: layers, skips, loops and delays, in the conventions of many tools.

A model follows from two numbers alone, a seed and its own, so that one can be drawn again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from nmc.data_source import Arrays
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes import KINDS

STEPS = (6, 9, 16)
BATCHES = (1, 2, 3, 20)
"""How many samples there are: one, few, and so many that machine code takes one after another."""
MOST_SYNAPSES = 8


@dataclass(frozen=True)
class Convention:
    """What a tool's neurons say when nobody says otherwise."""

    tool: str
    reset: str = "zero"
    reset_at: str = "spike"
    compare: str = ">"
    current: str = "new"
    starts_at_reset: bool = False


CONVENTIONS = (
    Convention("lava"), Convention("lava-dl", compare=">="), Convention("norse", "value", current="old"),
    Convention("snntorch", "subtract", "next"), Convention("snntorch-zero"), Convention("rockpool", "subtract"),
    Convention("sinabs", "subtract", compare=">="), Convention("sinabs-zero", compare=">="),
    Convention("spikingjelly", "value", compare=">=", starts_at_reset=True), Convention("nengo"),
)  # fmt: skip
_ON_CHIP = tuple(c for c in CONVENTIONS if c.reset != "subtract")
"""Those that chips with a reset to one voltage can mean: most of the models follow them."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A model by its number, samples for it, and what it is like, in words."""

    number: int
    model: Model
    x: FloatArray
    said: str


def drawn(seed: int, number: int) -> Drawn:
    """The model of this number among those of a seed."""
    rng = np.random.default_rng([seed, number])
    sketch = _Sketch(rng, spiking=bool(rng.random() < 0.8))
    return sketch.drawn(number, f"model {number} of seed {seed}")


@dataclass
class _Sketch:
    """A model in the making. `populations` are the neurons so far, each with its shape."""

    rng: np.random.Generator
    spiking: bool
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    populations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        groups = _ON_CHIP if self.chance(0.85) else CONVENTIONS
        self.convention = groups[self.rng.integers(len(groups))]
        self.dyadic = self.chance(0.25)
        self.delays = self.chance(0.3)
        self.batch, self.steps = self.pick(*BATCHES), self.pick(*STEPS)

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, *choices: object) -> object:
        return choices[self.rng.integers(len(choices))]

    def add(self, kind: str, *reads: Ref, name: str = "", **facts: object) -> str:
        node = KINDS[kind](name=name or f"n{len(self.nodes)}", inputs=reads, **facts)
        operands = reads[:1] if node.sums else reads
        self.shapes[node.name] = node.output_shape(*(self.shapes[ref.node] for ref in operands))
        self.nodes.append(node)
        return node.name

    def array(self, values: FloatArray) -> str:
        name = f"w{len(self.arrays)}"
        self.arrays[name] = np.rint(values * 4) / 4 if self.dyadic else values.astype(np.float32)
        return name

    def weights(self, shape: Shape, fan_in: int) -> str:
        """Weights that make neurons with a threshold near 1 spike now and then."""
        values = self.rng.normal(0.4 / np.sqrt(fan_in), 1.2 / np.sqrt(fan_in), shape)
        if self.chance(0.15):
            values = np.abs(values)
        if self.chance(0.15):
            values = values * (self.rng.random(shape) < 0.4)
        return self.array(values)

    def drawn(self, number: int, name: str) -> Drawn:
        read = self.entrance()
        for _ in range(self.rng.integers(2, 7)):
            read = self.layer(read)
        outputs = self.results(read)
        graph = Graph(tuple(self.nodes), outputs, 0.001 if self.spiking else None)
        used = {array for node in graph for array in node.arrays(*graph.operand_shapes(node))}
        arrays = {array: self.arrays[array] for array in used}
        model = Model(name, graph, arrays, self.steps if self.spiking else None).checked()
        x = self.samples()
        task = Task("regression", "mean-squared-error", calibration=Arrays(x[:4], None, "drawn"))
        kind = f"{self.convention.tool} neurons" if self.spiking else "an ordinary network"
        return Drawn(number, replace(model, task=task), x, f"{name}, {kind}, {len(x)} samples\n{graph}")

    def entrance(self) -> str:
        """The input, and an encoder where it does not stream."""
        sizes = (int(self.rng.integers(1, 4)), int(self.rng.integers(4, 8)), int(self.rng.integers(4, 8)))
        shape = sizes if self.chance(0.55) else (int(self.rng.integers(3, 20)),)
        self.stream = self.spiking and self.chance(0.5)
        self.real = self.chance(0.4)
        read = self.add("Input", name="x", shape=shape, stream=self.stream)
        if self.spiking and not self.stream:
            encoder = self.pick("BernoulliEncode", "RateEncode", "ConstantCurrent", "LatencyEncode")
            facts = {"LatencyEncode": {"window": 5}, "BernoulliEncode": {"seed": int(self.rng.integers(99))}}
            read = self.add(encoder, Ref(read), **facts.get(encoder, {}))
        elif self.spiking and not self.real and self.chance(0.5):
            read = self.add("Threshold", Ref(read), threshold=0.5)
        return read

    def samples(self) -> FloatArray:
        shape = self.shapes["x"]
        steps = (self.steps,) if self.stream else ()
        x = self.rng.random((self.batch, *steps, *shape))
        if self.spiking and self.stream and not self.real:
            return (x < 0.4).astype(np.float64)
        return x if self.chance(0.7) else x * 2 - 1

    def layer(self, read: str) -> str:
        """Neurons that read from 1 to 8 synapses, and perhaps a bias, themselves and what lies further back."""
        first = self.synapse(read, None)
        shape, reads = self.shapes[first], [Ref(first)]
        name = f"p{len(self.populations)}"
        extra = int(self.rng.integers(1, MOST_SYNAPSES)) if self.chance(0.15) else int(self.chance(0.4))
        before = [read, *self.populations]
        for _ in range(extra):
            reads.append(Ref(self.synapse(str(self.pick(*before)), shape)))
        if self.chance(0.12):
            bias = self.add("Constant", value=self.array(self.rng.normal(0.1, 0.1, shape)), shape=shape)
            reads.append(Ref(bias))
        if not self.spiking:
            read = reads[0].node if len(reads) == 1 else self.add("Add", *reads)
            made = self.add("Relu", Ref(read), name=name)
        else:
            if self.chance(0.25):
                self.shapes[name] = shape
                reads.append(Ref(self.synapse(name, shape, late=1)))
            made = self.neurons(name, reads, shape)
        self.populations.append(made)
        return made

    def late(self, read: str, least: int) -> Ref:
        delay = int(self.rng.integers(0, 4)) if self.spiking and self.delays and self.chance(0.4) else 0
        return Ref(read, max(delay, least))

    def synapse(self, read: str, onto: Shape | None, late: int = 0) -> str:
        """Weights that read a population: onto neurons of this shape, or of one that is made up."""
        source, shape = self.late(read, late), self.shapes[read]
        if not source.delay and self.spiking and self.delays and self.chance(0.15):
            source = Ref(self.delayed(read, shape))
        if len(shape) == 3 and (onto is None or (len(onto) == 3 and onto[1:] == shape[1:])):
            if onto == shape and not late and read in self.populations and self.chance(0.25):
                return self.add("Affine", source, gain=float(self.pick(0.5, 0.25, 1.0)))
            if onto is not None or self.chance(0.8):
                return self.convolution(source, shape, onto)
        flat = Ref(self.add("Flatten", source)) if len(shape) > 1 else source
        features = int(np.prod(onto)) if onto is not None else int(self.rng.integers(2, 24))
        inputs = int(np.prod(shape))
        bias = self.array(self.rng.normal(0.05, 0.1, features)) if self.chance(0.3) and not late else None
        made = self.add("Linear", flat, features=features, weight=self.weights((features, inputs), inputs), bias=bias)
        return self.add("Reshape", Ref(made), shape=onto) if onto is not None and len(onto) > 1 else made

    def delayed(self, read: str, shape: Shape) -> str:
        """A delay of whole steps: one for all, or, now and then, one for each neuron."""
        if self.chance(0.7):
            return self.add("Delay", Ref(read), steps=int(self.rng.integers(1, 4)))
        name = f"w{len(self.arrays)}"
        self.arrays[name] = self.rng.integers(0, 4, shape)
        return self.add("Delay", Ref(read), steps=name, longest=3)

    def convolution(self, source: Ref, shape: Shape, onto: Shape | None) -> str:
        """A convolution, depthwise perhaps, with pooling before it or after it, and a normalization."""
        read, channels = source, shape[0]
        side = min(shape[1:])
        if onto is None and side >= 4 and self.chance(0.25):
            read = Ref(self.pool(read))
        filters = int(self.rng.integers(1, 9)) if onto is None else onto[0]
        groups = channels if channels > 1 and filters % channels == 0 and self.chance(0.3) else 1
        spatial = self.shapes[read.node][1:]
        size = min(int(self.pick(1, 2, 3)), *spatial) if onto is None else int(self.pick(1, 3))
        pad = int(self.chance(0.6)) * (size // 2) if onto is None else size // 2
        facts: dict[str, object] = {"padding": (pad,) * 4}
        if onto is None and self.chance(0.3):
            facts["stride"] = (int(self.pick(1, 2)), int(self.pick(1, 2)))
        if onto is None and size == 2 and min(spatial) >= 4 and self.chance(0.2):
            facts["dilation"] = (2, 2)
        fan_in = channels // groups * size * size
        bias = self.array(self.rng.normal(0.05, 0.1, filters)) if self.chance(0.3) else None
        made = self.add(
            "Conv2d", read, channels=filters, kernel=(size, size), groups=groups, bias=bias,
            weight=self.weights((filters, channels // groups, size, size), fan_in), **facts,
        )
        if self.chance(0.2):
            made = self.normalization(made, filters)
        if onto is None and min(self.shapes[made][1:]) >= 4 and self.chance(0.2):
            made = self.pool(Ref(made))
        return made

    def pool(self, read: Ref) -> str:
        kind = str(self.pick("AvgPool2d", "AvgPool2d", "SumPool2d")) if self.spiking else "AvgPool2d"
        return self.add(kind, read, kernel=(2, 2), stride=(2, 2))

    def normalization(self, read: str, channels: int) -> str:
        """A normalization; one of numbers that do not round divides by a power of two."""
        scale, variance = self.rng.uniform(0.5, 1.5, channels), self.rng.uniform(0.5, 2.0, channels)
        bias, mean = self.rng.normal(0, 0.1, (2, channels))
        if self.dyadic:
            variance = np.where(variance < 1, 0.25, np.where(variance < 1.5, 1.0, 4.0))
        facts = {"scale": scale, "bias": bias, "mean": mean, "variance": variance}
        arrays = {fact: self.array(value) for fact, value in facts.items()}
        return self.add("BatchNorm", Ref(read), epsilon=0.0 if self.dyadic else 1e-5, **arrays)

    def neurons(self, name: str, reads: list[Ref], shape: Shape) -> str:
        kind = str(self.pick("LIF", "LIF", "CubaLIF", "IF", "Threshold"))
        facts: dict[str, object] = {"threshold": self.each(shape, 0.75, 1.5), "compare": self.convention.compare}
        if kind != "Threshold":
            facts |= {"reset": self.convention.reset, "reset_at": self.convention.reset_at}
            base = float(self.pick(0.0, 0.0, -0.25)) if self.convention.reset == "value" else 0.0
            facts |= {"reset_value": base} if base else {}
            if self.convention.starts_at_reset and base:
                facts["initial"] = base
            elif self.chance(0.08):
                facts["initial"] = self.each(shape, 0.0, 0.5)
            if self.chance(0.15):
                facts["gain"] = self.each(shape, 0.5, 1.5)
            if self.convention.reset_at == "spike" and self.chance(0.05):
                facts["refractory"] = int(self.rng.integers(1, 4))
        if kind in ("LIF", "CubaLIF"):
            facts["decay"] = float(self.pick(0.0, 0.5, 0.75, 0.9, 0.95, float(self.rng.random())))
            if self.chance(0.1):
                facts["leak"] = self.each(shape, -0.1, 0.1)
        if kind == "CubaLIF":
            facts |= {"current_decay": float(self.pick(0.0, 0.25, 0.8)), "current": self.convention.current}
        return self.add(kind, *reads, name=name, **facts)

    def each(self, shape: Shape, low: float, high: float) -> float | str:
        """One value for all neurons, or now and then one for each, or for each channel."""
        if self.chance(0.75):
            return float(np.rint(self.rng.uniform(low, high) * 4) / 4 if self.dyadic else self.rng.uniform(low, high))
        spread = shape if self.chance(0.5) else (*shape[:1], *(1 for _ in shape[1:]))
        values = self.rng.uniform(low, high, spread)
        return self.array(np.maximum(values, 0.25) if low > 0 else values)

    def results(self, read: str) -> tuple[str, ...]:
        """What is put out: spikes, counts, or what integrators that read them say; and perhaps an inner layer."""
        flat = Ref(self.add("Flatten", Ref(read))) if len(self.shapes[read]) > 1 else Ref(read)
        if not self.spiking:
            inputs = self.shapes[flat.node][0]
            return (self.add("Linear", flat, features=3, weight=self.weights((3, inputs), inputs)),)
        outputs = [read] if self.chance(0.4) else []
        if self.chance(0.3):
            outputs.append(self.add("Sum", Ref(read)))
        if not outputs or self.chance(0.3):
            inputs = self.shapes[flat.node][0]
            made = self.add("Linear", flat, features=3, weight=self.weights((3, inputs), inputs))
            if self.chance(0.7):
                made = self.add("LI", Ref(made), decay=float(self.pick(0.5, 0.9)))
            outputs.append(self.add(str(self.pick("Sum", "Last", "Mean", "Max")), Ref(made)))
        inner = self.populations[0]
        return tuple(dict.fromkeys([*outputs, *([inner] if self.chance(0.2) else [])]))
