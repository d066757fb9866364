"""Random fixed-point networks with extreme parameters, for comparing executions of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import fixed_point
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.nodes.fixed_point.weights import truncated
from nmc.nodes.quantized import QuantizeLinear
from nmc.nodes.tensor import Flatten, Input


@dataclass(frozen=True, eq=False)
class Case:
    """A network, and samples for it: x is [B, T, *shape]."""

    model: Model
    x: FloatArray

    @property
    def steps(self) -> int:
        return self.x.shape[1]


class Builder:
    """Grows one random network from a seed; every choice is drawn from its generator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []
        self.weights: dict[str, Array] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.plain = self.rng.random() < 0.5
        """Only LIF, Dense and Conv."""

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def add(self, node: Node, shape: tuple[int, ...]) -> str:
        self.nodes.append(node)
        self.shapes[node.name] = shape
        return node.name

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def input(self, shape: tuple[int, ...]) -> str:
        self.add(Input(name="input", shape=shape, stream=True), shape)
        return self.add(QuantizeLinear(name="sent", inputs=(Ref("input"),), scale=1.0, bits=32), shape)

    def array(self, name: str, values: np.ndarray) -> str:
        self.weights[name] = values.astype(np.int32)
        return name

    def neuron(self, shape: tuple[int, ...], reads: tuple[Ref, ...], name: str | None = None) -> str:
        """A LIF, or where the name is given at will one with spikes of two signs."""
        rng, name = self.rng, name or self.name("lif")
        bias: int | str = int(rng.integers(-4096, 4096)) if rng.random() < 0.3 else 0
        if rng.random() < 0.3:
            bias = self.array(f"{name}.bias", rng.integers(-(2**15) + 1, 2**15 - 1, shape))
        initial: int | str = self.pick(0, 0, int(rng.integers(-(2**23), 2**23)))
        if rng.random() < 0.2:
            initial = self.array(f"{name}.v", rng.integers(-(2**24), 2**24, shape))
        facts = {
            "name": name, "inputs": reads, "bias_mant": bias, "initial": initial,
            "bias_exp": self.pick(0, 6, 7, -3, -15, int(rng.integers(-8, 9)), 15),
            "du": self.pick(-1, 0, 1, 4095, 4094, int(rng.integers(0, 4096))),
            "dv": self.pick(0, 1, 4095, 4096, int(rng.integers(0, 4097)), 128),
        }  # fmt: skip
        vth = self.pick(0, 1, 2**17 - 1, int(rng.integers(1, 2000)), int(rng.integers(1, 200)))
        if not self.plain and rng.random() < 0.3:
            low = self.pick(-vth, vth, 1 - 2**17, int(rng.integers(-2000, vth)))
            return self.add(fixed_point.FixedTernaryLIF(**facts, vth_hi=vth, vth_lo=low), shape)
        interval = self.pick(0, 0, 0, 1, int(rng.integers(2, 9)), 2**30)
        offset = int(rng.integers(0, 12))
        return self.add(FixedLIF(**facts, vth=vth, reset_interval=interval, reset_offset=offset), shape)

    def legal(self, shape: tuple[int, ...], sign_mode: str, bits: int) -> np.ndarray:
        raw = self.rng.integers(-300, 300, shape)
        if self.rng.random() < 0.3:
            raw = raw // 20
        raw = {"excitatory": np.abs(raw), "inhibitory": -np.abs(raw)}.get(sign_mode, raw)
        return truncated(raw * (self.rng.random(shape) < self.pick(0.2, 1.0)), sign_mode, bits)

    def dense(self, source: Ref, features: int, message_bits: int = 0) -> str:
        """A synapse from all to all, stored densely or sparsely, with or without delays."""
        rng, name = self.rng, self.name("dense")
        sign_mode = self.pick("mixed", "mixed", "excitatory", "inhibitory")
        bits = self.pick(8, 8, 1, 2, 4, 7)
        (count,) = self.shapes[source.node]
        matrix = self.legal((features, count), sign_mode, bits)
        facts = {
            "name": name, "inputs": (source,), "features": features, "weight": f"{name}.w",
            "weight_exp": self.pick(0, 0, 1, 7, -1, -3, -6, 12, 20), "num_weight_bits": bits,
            "num_message_bits": message_bits, "sign_mode": sign_mode,
        }  # fmt: skip
        longest = self.pick(0, 1, int(rng.integers(0, 7)), 12)
        delays = rng.integers(0, longest + 1, matrix.shape)
        sparse, delayed = (not self.plain and rng.random() < 0.5 for _ in range(2))
        if sparse:
            rows, columns = np.nonzero((matrix != 0) | (rng.random(matrix.shape) < 0.1))
            matrix, delays = matrix[rows, columns], delays[rows, columns]
            facts |= {"synapses": len(matrix), "column": f"{name}.c", "row_start": f"{name}.r"}
            self.array(f"{name}.c", columns)
            self.array(f"{name}.r", np.searchsorted(rows, np.arange(features + 1)))
        self.array(f"{name}.w", matrix)
        if delayed:
            facts |= {"delay": f"{name}.d", "longest": longest}
            self.array(f"{name}.d", delays)
        kinds = (FixedDense, fixed_point.FixedDelayDense, fixed_point.FixedSparse, fixed_point.FixedDelaySparse)
        return self.add(kinds[2 * sparse + delayed](**facts), (features,))

    def conv(self, source: Ref, message_bits: int = 0) -> str:
        rng, name = self.rng, self.name("conv")
        channels, *size = self.shapes[source.node]
        groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
        pads = tuple(int(p) for p in rng.integers(0, 3, 2))
        dilation = tuple(int(d) for d in rng.integers(1, 3, 2))
        kernel = tuple(
            int(rng.integers(1, max(1, min(3, (n + 2 * p - 1) // d + 1)) + 1))
            for n, p, d in zip(size, pads, dilation, strict=True)
        )
        count = groups * int(rng.integers(1, 3))
        limit = self.pick(2, 128, 128, 2**11)
        self.array(f"{name}.w", rng.integers(-limit, limit, (count, channels // groups, *kernel)))
        node = FixedConv2d(
            name=name, inputs=(source,), channels=count, kernel=kernel, weight=f"{name}.w",
            stride=tuple(int(s) for s in rng.integers(1, 3, 2)), padding=pads * 2, dilation=dilation,
            groups=groups, num_message_bits=message_bits,
        )  # fmt: skip
        return self.add(node, node.output_shape(self.shapes[source.node]))

    def samples(self, shape: tuple[int, ...], limit: int | None) -> FloatArray:
        """Spikes, or where there is a limit numbers of up to that."""
        rng = self.rng
        full = (2, int(rng.integers(8, 24)), *shape)
        spikes = rng.random(full) < self.pick(0.05, 0.3, 0.9)
        values = rng.integers(-limit, limit, full) if limit else 1
        return (spikes * values).astype(np.float64)

    def case(self, output: str, x: FloatArray) -> Case:
        graph = Graph(tuple(self.nodes), (output,), 0.001)
        return Case(Model("random", graph, self.weights, x.shape[1]).checked(), x)


def dense_network(seed: int) -> Case:
    """One to three layers, each perhaps recurrent, perhaps with a bypass from the input, perhaps delayed."""
    build = Builder(seed)
    rng = build.rng
    shape = (int(rng.integers(1, 12)),)
    graded = bool(rng.random() < 0.4)
    source = build.input(shape)
    last = source
    for _ in range(rng.integers(1, 4)):
        features = int(rng.integers(1, 12))
        delay = build.pick(1, 1, 1, 2, int(rng.integers(1, 9)))
        bits = int(rng.integers(1, 25)) if graded and last == source else build.pick(0, 0, 1)
        reads = [Ref(build.dense(Ref(last), features, bits), delay)]
        name = f"lif{len(build.nodes) + 2}"
        if rng.random() < 0.4:
            build.shapes[name] = (features,)
            reads.append(Ref(build.dense(Ref(name, build.pick(0, 1)), features), build.pick(1, 2)))
        if rng.random() < 0.3:
            reads.append(Ref(build.dense(Ref(source), features, 4 if graded else 0), 1))
        last = build.neuron((features,), tuple(reads), name)
    return build.case(last, build.samples(shape, build.pick(2, 100, 2**15, 2**31 - 1) if graded else None))


def direct_network(seed: int) -> Case:
    """A population that takes numbers of up to 32 bits straight, so that every wrap and clip happens."""
    build = Builder(seed)
    shape = (int(build.rng.integers(1, 20)),)
    build.input(shape)
    lif = build.neuron(shape, (Ref("sent"),))
    last = build.neuron(shape, (Ref(lif), Ref("sent")))
    limit = build.pick(2**10, 2**17, 2**18, 2**25, 2**31 - 1)
    x = build.rng.integers(-limit, limit, (2, 40, *shape)) * (build.rng.random((2, 40, *shape)) < 0.7)
    return build.case(last, x.astype(np.float64))


def convolutional_network(seed: int) -> Case:
    """Convolution, perhaps another, then a dense layer over the flattened result."""
    build = Builder(seed)
    rng = build.rng
    shape = tuple(int(n) for n in (rng.integers(1, 4), rng.integers(2, 8), rng.integers(2, 8)))
    graded = bool(rng.random() < 0.3)
    build.input(shape)
    conv = build.conv(Ref("sent"), 8 if graded else 0)
    last = build.neuron(build.shapes[conv], (Ref(conv, 1),))
    if rng.random() < 0.4:
        conv = build.conv(Ref(last))
        last = build.neuron(build.shapes[conv], (Ref(conv, 1),))
    flat = build.add(Flatten(name="flat", inputs=(Ref(last),)), (int(np.prod(build.shapes[last])),))
    dense = build.dense(Ref(flat), int(rng.integers(1, 8)))
    last = build.neuron(build.shapes[dense], (Ref(dense, 1),))
    return build.case(last, build.samples(shape, build.pick(2, 100, 2**15) if graded else None))


def graded_network(seed: int) -> Case:
    """Populations that send numbers of up to 32 bits: two chosen at will in front of and behind a synapse."""
    build = Builder(seed)
    rng = build.rng
    shape = (int(rng.integers(1, 12)),)
    build.input(shape)
    first = graded_neuron(build, (Ref("sent"), Ref("sent")), shape)
    synapse = build.dense(Ref(first), int(rng.integers(1, 12)), int(rng.integers(0, 25)))
    other = build.dense(Ref("sent"), build.shapes[synapse][0], 16)
    reads = (Ref(synapse, 1), Ref(other, build.pick(1, 1, 3)))
    last = graded_neuron(build, reads, build.shapes[synapse])
    return build.case(last, build.samples(shape, build.pick(2, 4, 1000, 2**15, 2**24, 2**31 - 1)))


def graded_neuron(build: Builder, reads: tuple[Ref, Ref], shape: tuple[int, ...]) -> str:
    """One of all kinds of neuron that take numbers; those with a single operand take the first read, or the sum."""
    rng = build.rng
    spike_exp, state_exp = (build.pick(0, int(n)) for n in rng.integers(0, 8, 2))
    vth = int(rng.integers(0, build.pick(3, 3, 100, 2**15)))
    encoder = {
        "spike_exp": spike_exp, "state_exp": state_exp, "vth": vth, "cumulative": bool(rng.random() < 0.5),
    }  # fmt: skip
    name, kind = build.name("graded"), rng.integers(8)
    one = {"name": name, "inputs": reads if reads[0] != reads[1] and rng.random() < 0.5 else reads[:1]}
    two = {"name": name, "inputs": reads}
    if kind == 0:
        return build.add(fixed_point.FixedDelta(**one, **encoder), shape)
    if kind == 1:
        return build.add(fixed_point.FixedSigma(**one), shape)
    if kind == 2:
        bias = build.array(f"{name}.b", rng.integers(-(2**15), 2**15, shape)) if rng.random() < 0.5 else 7
        activation = build.pick("relu", "unit")
        return build.add(fixed_point.FixedSigmaDelta(**one, **encoder, bias=bias, activation=activation), shape)
    if kind == 3:
        rectified = bool(rng.random() < 0.5)
        return build.add(fixed_point.FixedGraded(**one, vth=build.pick(vth, 1, 2), rectified=rectified), shape)
    if reads[0] == reads[1]:
        two["inputs"] = (reads[0], Ref(build.add(fixed_point.FixedSigma(name=f"{name}_sum", inputs=reads[:1]), shape)))
    if kind == 4:
        return build.add(fixed_point.FixedProduct(**two, vth=vth, exp=int(rng.integers(0, 32))), shape)
    if kind == 5:
        return build.add(fixed_point.FixedNormDelay(**two, vth=vth), shape)
    bits = int(rng.integers(1, 16))
    angle, length = rng.random() * 2 * np.pi, build.pick(1.0, 0.9, 0.5)
    return build.add(fixed_point.FixedResonator(
        **(two if rng.random() < 0.7 else one | {"inputs": reads[:1]}),
        sin_decay=int(length * np.sin(angle) * 2**bits), cos_decay=int(length * np.cos(angle) * 2**bits),
        decay_bits=bits, vth=vth << state_exp, state_exp=state_exp, fires=build.pick("phase", "izhikevich"),
    ), shape)  # fmt: skip
