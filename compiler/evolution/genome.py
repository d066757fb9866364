"""What of a program may change, as a vector of real numbers, and the program that a vector stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from nmc.errors import UsageError, closest
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.passes.integer_scale import BIAS_BITS, Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nmc.evolution.subject import Subject
    from nmc.graph import Node
    from nmc.model import Array, FloatArray, Model

Genes = Literal["layers", "channels", "weights"]
"""What evolves: thresholds alone; gains and biases of channels, too; or every weight by itself, too."""
HIGHEST_THRESHOLD = 2**17 - 1
LARGEST_BIAS = 2**BIAS_BITS - 1
STEPS_OF_A_GENE = 4.0
"""A weight's own gene at 1 moves it by so many steps of its grid; others change a layer by a factor of e."""


def genes_named(name: str) -> Genes:
    """The genes of this name. Raises UsageError with the names there are."""
    for known in get_args(Genes):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"{name!r} is no kind of genes", closest(name, get_args(Genes)))


@dataclass(frozen=True, eq=False)
class Synapses:
    """The weights of a node, in `array`: the real numbers that they were rounded from, on their grid's scale."""

    array: str
    latent: FloatArray
    grid: Grid

    def rounded(self, gain: FloatArray, moved: FloatArray) -> Array:
        """Weights on the grid, each channel's times its gain, after each was moved by so many steps."""
        by_channel = gain.reshape(-1, *(1,) * (self.latent.ndim - 1))
        weights = (self.latent + moved.reshape(self.latent.shape) * self.grid.step) * by_channel
        return self.grid.rounded(weights).astype(np.int16)


@dataclass(frozen=True, eq=False)
class Layer:
    """Neurons, the synapses that drive them, and their biases [channels, ...]; None where they have no array of them.

    A bias gene at 1 adds `bias_unit`, in units of the mantissa.
    """

    neurons: FixedLIF
    synapses: tuple[Synapses, ...]
    bias: FloatArray | None
    bias_unit: float

    @property
    def channels(self) -> int:
        """How many rows of weights it has."""
        return len(self.synapses[0].latent)

    def sizes(self, genes: Genes) -> tuple[int, ...]:
        """How many genes there are of the threshold, of gains, of biases and of each array of weights."""
        by_channel = 0 if genes == "layers" else self.channels
        own = [s.latent.size if genes == "weights" else 0 for s in self.synapses]
        return (int(self.neurons.emits == "spikes"), by_channel, 0 if self.bias is None else by_channel, *own)

    def expressed(self, parts: list[FloatArray]) -> tuple[Node, dict[str, Array]]:
        """The neurons and the arrays that genes stand for, in the order of `sizes`."""
        threshold, gains, biases, *moved = parts
        gain = np.exp(gains) if gains.size else np.ones(self.channels)
        neurons = self.neurons
        if threshold.size:
            scaled = round(neurons.vth * float(np.exp(threshold[0])))
            neurons = replace(neurons, vth=min(max(scaled, 1), HIGHEST_THRESHOLD))
        arrays = {
            s.array: s.rounded(gain, STEPS_OF_A_GENE * own if own.size else np.zeros(s.latent.shape))
            for s, own in zip(self.synapses, moved, strict=True)
        }
        if self.bias is not None and isinstance(neurons.bias_mant, str):
            by_channel = (-1, *(1,) * (self.bias.ndim - 1))
            added = biases if biases.size else np.zeros(self.channels)
            bias = self.bias * gain.reshape(by_channel) + self.bias_unit * added.reshape(by_channel)
            arrays[neurons.bias_mant] = np.clip(np.rint(bias), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32)
        return neurons, arrays


@dataclass(frozen=True, eq=False)
class Genome:
    """The layers of a program that may change. A vector of zeros stands for the program itself."""

    program: Model
    layers: tuple[Layer, ...]
    genes: Genes

    @classmethod
    def of(cls, subject: Subject, genes: Genes) -> Genome:
        """The genome of a program. Raises UsageError where there is too little to evolve."""
        found = cls(subject.program, tuple(_layers(subject)), genes)
        if found.size < 2:
            raise UsageError(
                f"{subject.program.name} has {found.size} genes of the kind {genes!r}: too few to evolve",
                "evolve channels, or a program with neurons and synapses of its own",
            )
        return found

    @property
    def size(self) -> int:
        """The number of genes."""
        return sum(sum(layer.sizes(self.genes)) for layer in self.layers)

    def expressed(self, vector: FloatArray) -> Model:
        """The program that genes [size] stand for, every integer legal on the chip."""
        nodes: dict[str, Node] = {}
        arrays: dict[str, Array] = dict(self.program.weights)
        place = 0
        for layer in self.layers:
            parts = []
            for size in layer.sizes(self.genes):
                parts.append(vector[place : place + size])
                place += size
            nodes[layer.neurons.name], changed = layer.expressed(parts)
            arrays |= changed
        graph = self.program.graph
        changed_graph = replace(graph, nodes=tuple(nodes.get(node.name, node) for node in graph))
        return replace(self.program, graph=changed_graph, weights=arrays)


def _layers(subject: Subject) -> Iterator[Layer]:
    program = subject.program
    for node in program.graph:
        if isinstance(node, FixedLIF) and (synapses := _drivers(subject, node)):
            found = tuple(_synapses(subject, synapse) for synapse in synapses)
            if len({len(s.latent) for s in found}) == 1:
                yield Layer(node, found, *_bias(program, node, synapses))


def _drivers(subject: Subject, neurons: FixedLIF) -> list[FixedDense | FixedConv2d]:
    """The synapses that drive neurons; none where one is read by others, too, or has no counterpart in the network."""
    graph, network = subject.program.graph, subject.neurons.graph.by_name
    found: list[FixedDense | FixedConv2d] = []
    for ref in neurons.inputs:
        node = graph[ref.node]
        if not isinstance(node, FixedDense | FixedConv2d):
            return []
        if node.name not in network or len(graph.consumers[node.name]) > 1:
            return []
        found.append(node)
    return found


def _synapses(subject: Subject, node: FixedDense | FixedConv2d) -> Synapses:
    """The weights of a node before they were rounded: those of the network, brought to the scale of the integers."""
    whole = subject.program.weights[node.weight].astype(np.float64)
    real_node = subject.neurons.graph[node.name]
    real = subject.neurons.weights[real_node.weight].astype(np.float64)  # type: ignore[attr-defined]
    grid = Grid.of(real, subject.weight_bits)
    power = float(np.sum(real * real))
    factor = float(np.sum(whole * real)) / power if power else 0.0
    lost = np.clip(factor * real - whole, -0.49 * grid.step, 0.49 * grid.step)
    return Synapses(node.weight, np.where(whole == grid.rounded(whole + lost), whole + lost, whole), grid)


def _bias(
    program: Model, neurons: FixedLIF, synapses: list[FixedDense | FixedConv2d]
) -> tuple[FloatArray | None, float]:
    """The biases, and the unit of their genes: a threshold, or what a channel gets where half its inputs spike."""
    if not isinstance(neurons.bias_mant, str):
        return None, 0.0
    bias = program.weights[neurons.bias_mant].astype(np.float64)
    drive = float(neurons.vth)
    if neurons.emits == "voltage":
        squares = sum(
            float(np.mean(np.sum(program.weights[s.weight].astype(np.float64).reshape(len(bias), -1) ** 2, axis=1)))
            * 4.0 ** (s.weight_exp if isinstance(s, FixedDense) else 0)
            for s in synapses
        )
        drive = (squares / 2) ** 0.5
    return bias, drive * 64 / 2.0**neurons.bias_exp
