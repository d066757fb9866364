"""Random fixed-point networks that go to the edges: of every parameter, and of what 24 and 32 bits hold."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import spiking, tensor
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from strategies.draft import Draw

STEPS = 9
_seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
_decays = st.sampled_from([0, 1, 410, 2048, 4094, 4095])
_signs = st.sampled_from(["mixed", "excitatory", "inhibitory"])


@st.composite
def neurons(draw: Draw, name: str, inputs: tuple[Ref, ...], weights: dict[str, Array], size: int) -> FixedLIF:
    """Neurons with parameters anywhere in their ranges, the ends above all."""
    rng = draw(_seeds)
    facts: dict[str, object] = {}
    if draw(st.booleans()):
        weights[f"{name}.bias"] = rng.integers(-4096, 4096, size)
        facts = {"bias_mant": f"{name}.bias", "bias_exp": draw(st.integers(-3, 7))}
    if draw(st.booleans()):
        facts["initial"] = draw(st.sampled_from([1, 64, -12345, 2**23 - 1, 1 - 2**23]))
    if draw(st.integers(0, 3)) == 0:
        facts |= {"reset_interval": draw(st.integers(1, 6)), "reset_offset": draw(st.integers(0, 9))}
    return FixedLIF(
        name=name, inputs=inputs, du=draw(st.sampled_from([-1, 0, 1, 300, 4094, 4095])),
        dv=draw(st.one_of(_decays, st.just(4096))), vth=draw(st.sampled_from([0, 1, 40, 300, 5000, 2**17 - 1])),
        emits=draw(st.sampled_from(["spikes", "spikes", "voltage"])), **facts,
    )


def legal(rng: np.random.Generator, sign: str, bits: int, shape: tuple[int, ...], extreme: bool) -> FloatArray:
    """Weights that Lava's clipping and truncation leave as they are; only the largest ones where `extreme`."""
    step = 1 << (8 - bits + (sign == "mixed"))
    low, high = {"mixed": (-256, 256 - step), "excitatory": (0, 256 - step), "inhibitory": (step - 256, 0)}[sign]
    if extreme:
        return rng.choice([low, high], shape)
    sparse = rng.random(shape) < 0.7
    return rng.integers(low // step, high // step, shape, endpoint=True) * step * sparse


@st.composite
def dense(
    draw: Draw, name: str, read: Ref, weights: dict[str, Array], inputs: int, features: int
) -> FixedDense:
    """A Dense of any sign mode, precision and exponent."""
    sign, bits = draw(_signs), draw(st.integers(4, 8))
    weights[f"{name}.w"] = legal(draw(_seeds), sign, bits, (features, inputs), draw(st.booleans()))
    return FixedDense(
        name=name, inputs=(read,), features=features, weight=f"{name}.w", weight_exp=draw(st.integers(-8, 7)),
        num_weight_bits=bits, num_message_bits=draw(st.sampled_from([0, 8, 24])), sign_mode=sign,
    )


@st.composite
def dense_networks(draw: Draw) -> Model:
    """One or two populations that read the input and perhaps each other and themselves, late or at once."""
    inputs, size = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    weights: dict[str, Array] = {}
    nodes: list[Node] = [tensor.Input(name="x", shape=(inputs,), stream=True)]
    nodes.append(draw(dense("d0", Ref("x", draw(st.integers(0, 3))), weights, inputs, size)))
    reads = [Ref("d0", draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        late = draw(st.integers(1, 3))
        nodes.append(spiking.Delay(name="late", inputs=(Ref("n1", 1),), steps=late))
        nodes.append(draw(dense("loop", Ref("late"), weights, size, size)))
        reads.append(Ref("loop", draw(st.integers(0, 1))))
    nodes.append(draw(neurons("n0", tuple(reads), weights, size)))
    nodes.append(draw(dense("d1", Ref("n0"), weights, size, size)))
    nodes.append(draw(neurons("n1", (Ref("d1", 1), *([Ref("n1", 1)] if draw(st.booleans()) else [])), weights, size)))
    return _model(nodes, weights, "n1")


@st.composite
def direct_networks(draw: Draw) -> Model:
    """Neurons that get their activation straight from the input."""
    size = draw(st.integers(1, 6))
    weights: dict[str, Array] = {}
    nodes: list[Node] = [tensor.Input(name="x", shape=(size,), stream=True)]
    nodes.append(draw(neurons("n0", (Ref("x"),), weights, size)))
    return _model(nodes, weights, "n0")


@st.composite
def conv_networks(draw: Draw) -> Model:
    """Two convolutions of any geometry, with neurons after each, and a Dense at the end."""
    weights: dict[str, Array] = {}
    shape = (draw(st.sampled_from([1, 2, 4])), draw(st.integers(3, 6)), draw(st.integers(3, 6)))
    nodes: list[Node] = [tensor.Input(name="x", shape=shape, stream=True)]
    read = Ref("x")
    for i in range(draw(st.integers(1, 2))):
        groups = draw(st.sampled_from([g for g in (1, 2, 4) if shape[0] % g == 0]))
        channels = groups * draw(st.integers(1, 3))
        pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
        room = (shape[1] + pads[0] + pads[2], shape[2] + pads[1] + pads[3])
        kernel = (draw(st.integers(1, min(3, room[0]))), draw(st.integers(1, min(3, room[1]))))
        dilation = (draw(st.integers(1, 2)) if room[0] > 2 * (kernel[0] - 1) else 1, 1)
        weights[f"c{i}.w"] = legal(
            draw(_seeds), "mixed", 8, (channels, shape[0] // groups, *kernel), draw(st.booleans())
        )
        conv = FixedConv2d(
            name=f"c{i}", inputs=(read,), channels=channels, kernel=kernel, weight=f"c{i}.w",
            stride=(draw(st.integers(1, 3)), draw(st.integers(1, 2))), padding=pads, dilation=dilation, groups=groups,
            num_message_bits=draw(st.sampled_from([0, 16])),
        )
        shape = conv.output_shape(shape)
        nodes.append(conv)
        reads = (Ref(f"c{i}", 1), *([Ref(f"c{i}", 2)] if draw(st.booleans()) else []))
        neuron = draw(neurons(f"n{i}", reads, weights, int(np.prod(shape))))
        if f"n{i}.bias" in weights:
            weights[f"n{i}.bias"] = weights[f"n{i}.bias"].reshape(shape)
        nodes.append(neuron)
        read = Ref(f"n{i}")
    nodes.append(tensor.Flatten(name="flat", inputs=(read,)))
    nodes.append(draw(dense("d", Ref("flat"), weights, int(np.prod(shape)), 3)))
    nodes.append(draw(neurons("out", (Ref("d", 1),), weights, 3)))
    return _model(nodes, weights, "out")


def _model(nodes: list[Node], weights: dict[str, Array], output: str) -> Model:
    return Model("m", Graph(tuple(nodes), (output,), 0.001), weights).checked()


@st.composite
def streams(draw: Draw, model: Model, largest: int, batch: int = 2) -> FloatArray:
    """Whole numbers [B, T, *shape] for the model's input: spikes, or up to `largest` in size."""
    rng = draw(_seeds)
    node = next(node for node in model.graph if isinstance(node, tensor.Input))
    shape = (batch, STEPS, *node.shape)
    if draw(st.booleans()):
        return (rng.random(shape) < draw(st.sampled_from([0.1, 0.5, 0.95]))).astype(np.float64)
    return rng.integers(-largest, largest, shape, endpoint=True).astype(np.float64)
