"""A spiking network in real numbers becomes one in the integers and the timing of a Loihi chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, log2
from typing import ClassVar

import numpy as np

from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph, Node, Ref, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import fixed_point, quantized, spiking, tensor
from nmc.nodes.facts import Compare
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.bias_axons import with_bias_axons
from nmc.passes.bounds import require_bounds
from nmc.passes.integer_scale import (
    VOLTAGES,
    Grid,
    Weights,
    choose_scale,
    integer_bias,
)
from nmc.passes.integer_threshold import integer_threshold
from nmc.passes.plastic_units import in_integers, saturating_scale
from nmc.passes.populations import Population, Synapse, populations
from nmc.passes.refusal import refuse
from nmc.passes.retiming import Edge, chip_delay, lags
from nmc.passes.signal_ranges import MARGIN, Message, Ranges
from nmc.passes.unfit_neurons import faults_of

LONGEST_DELAY = 62
"""Steps that a synapse of the chip can hold a spike beyond the one it always takes."""
GRADED_BITS = 12
"""Bits of what a sigma-delta neuron sends, with its sign and a margin."""
ONCE = 2**30
"""A reset interval longer than any run."""


@dataclass(frozen=True)
class QuantizeFixedPoint:
    """Neurons, synapses and biases as integers with the meaning of Lava 0.10.0 `fixed_pt`; the rest on the host.

    `weight_bits` counts the sign; `graded`: whether the chip's neurons can send numbers. Samples [B, ...] show how
    large signals get.
    Each population has one scale, in activation units per unit of the model. Every synapse is read a
    step late, as the chip does it; relative timing stays as it was, by lags, and the graph as a whole
    gets the lag of its outputs. Takes what `fuse-synapses` gives.
    """

    weight_bits: int = 8
    graded: bool = False

    name: ClassVar[str] = "quantize-fixed-point"
    stage: ClassVar[Stage] = "fixed-point"
    keeps: ClassVar[Keeps] = "rounds"

    def __post_init__(self) -> None:
        require_bounds(self)

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model in integers. Raises UnsupportedError with every neuron that the chip cannot mean."""
        found = populations(model)
        refuse(model.graph, [*faults_of(model, found), *(_too_graded(p) for p in found if p.graded > self.graded)])
        model = with_bias_axons(model, found)
        return _Writer(model, self.weight_bits, Ranges(model, samples)).written()


def _too_graded(population: Population) -> Fault:
    return Fault(
        f"{population.node.kind} sends numbers, and this chip's neurons send spikes only",
        "compile it for a chip with graded spikes, as with --target loihi2-sim", population.name,
    )


@dataclass
class _Writer:
    """Collects the nodes and arrays of the fixed-point graph."""

    model: Model
    weight_bits: int
    ranges: Ranges
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    host_reads: dict[str, str] = field(default_factory=dict)
    sent: dict[str, Message] = field(default_factory=dict)

    @cached_property
    def populations(self) -> tuple[Population, ...]:
        return populations(self.model)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(population.name for population in self.populations)

    @cached_property
    def taken(self) -> set[str]:
        return set(self.model.graph.by_name)

    @cached_property
    def lag(self) -> dict[str, int]:
        """How late each population works on the chip."""
        edges = [edge for population in self.populations for edge in population.edges()]
        hosted = frozenset(edge.source for edge in edges) - self.names
        return dict.fromkeys(self.names, 0) | dict(lags(edges, hosted))

    @cached_property
    def before(self) -> frozenset[str]:
        """What the host computes to feed the chip: at its own time, like the chip's first synapses."""
        return self.model.graph.upstream(self.ranges.sources)

    @cached_property
    def after(self) -> tuple[Node, ...]:
        """What the host computes of what it is shown."""
        inner = {name for p in self.populations for s in p.synapses for name in (s.node.name, s.read, s.feed)}
        return tuple(
            node for node in self.model.graph
            if node.name not in self.before | self.names | inner and not isinstance(node, tensor.Input)
        )  # fmt: skip

    @cached_property
    def shown(self) -> frozenset[str]:
        """The streams that the host is shown: those of populations, and perhaps some of what it feeds them."""
        graph, own = self.model.graph, {node.name for node in self.after}
        read = {ref.node for node in self.after for ref in node.inputs} | set(graph.outputs)
        return frozenset(name for name in read - own if graph.signals[name].timing == "stream")

    @cached_property
    def graph_lag(self) -> int:
        """How late the outputs come: as late as the latest of them."""
        return max((self.lag[name] for name in self.shown & self.names), default=0)

    @cached_property
    def started(self) -> frozenset[str]:
        """The populations that a bias, their own or one upstream, moves before the data arrives."""
        moved = {p.name for p in self.populations if p.biases or getattr(p.node, "leak", 0.0) != 0.0}
        while True:
            more = {p.name for p in self.populations if any(s.source in moved for s in p.synapses)} - moved
            if not more:
                return frozenset(moved)
            moved |= more

    @cached_property
    def remembers(self) -> bool:
        """Whether a spike may be read in a later step of the model."""
        return any(edge.delay and edge.source in self.names for p in self.populations for edge in p.edges())

    def written(self) -> Model:
        """The whole model."""
        rank = {name: place for place, name in enumerate(self.model.graph.order)}
        for population in sorted(self.populations, key=lambda p: rank[p.name]):
            self._add(population)
        for name in sorted(self.shown - self.names):
            self._hold(name, self.graph_lag)
        mine = {node.name for node in self.nodes}
        hosts = [
            self._host(node) if node in self.after else node for node in self.model.graph
            if node in self.after or node.name in self.before or isinstance(node, tensor.Input)
        ]  # fmt: skip
        hosts = [node for node in hosts if node.name not in mine]
        outputs = tuple(self.host_reads.get(name, name) for name in self.model.graph.outputs)
        graph = replace(
            self.model.graph, nodes=(*hosts, *self.nodes), outputs=outputs, lag=self.graph_lag
        )
        return self.model.with_(self._with_results_named(graph).pruned(), self.arrays)

    def _with_results_named(self, graph: Graph) -> Graph:
        """The graph with the model's own names for results that are held back; what they hold gets new ones."""
        inner = self.model.graph
        held = {self.host_reads[name]: name for name in inner.outputs if name in self.host_reads}
        names = {late: name for late, name in held.items() if not isinstance(inner[name], tensor.Input)}
        names |= {name: fresh(f"{name}_on_chip", self.taken) for name in names.values()}
        moved = graph.rewire(names)
        return replace(moved, nodes=tuple(replace(n, name=names.get(n.name, n.name)) for n in moved))

    def _host(self, node: Node) -> Node:
        """A host node, reading what the host has of each population."""
        return replace(node, inputs=tuple(
            Ref(self.host_reads.get(ref.node, ref.node), ref.delay) for ref in node.inputs
        ))

    def _add(self, population: Population) -> None:
        weights = [self._weights(synapse) for synapse in population.synapses]
        if population.graded:
            self._add_graded(population, weights)
            return
        threshold = float(getattr(population.node, "threshold", 0.0)) if population.spikes else None
        highest = self.ranges.highest_scale(population, weights)
        scale = choose_scale(weights, threshold, highest, self.ranges.comfortable_scale(population, weights))
        scale = saturating_scale(population, weights, scale)
        reads = self._reads(population, weights, scale)
        name = population.name if population.spikes else fresh(f"{population.name}_voltage", self.taken)
        self.nodes.append(self._neuron(population, name, reads, scale))
        if population.name in self.shown:
            self._show(population, name, scale)

    def _add_graded(self, population: Population, weights: Sequence[Weights]) -> None:
        """Sigma-delta neurons. Their sums keep all bits; what they send is shifted to GRADED_BITS."""
        node, name = population.node, population.name
        assert isinstance(node, spiking.SigmaDelta)
        scale = choose_scale(weights, None, self.ranges.highest_graded_scale(population))
        largest = max(MARGIN * self.ranges.largest(population) * scale, 1.0)
        shift = min(max(ceil(log2(largest) - (GRADED_BITS - 1)), 0), 15)
        self.sent[name] = Message(2**shift / scale, GRADED_BITS)
        unit = self.sent[name].unit
        bias = np.rint(np.asarray(self._value(node.bias)) / unit)
        self.nodes.append(fixed_point.FixedSigmaDelta(
            name=name, inputs=self._reads(population, weights, scale), activation=node.activation, state_exp=shift,
            vth=max(round(node.threshold / unit), 1), bias=self._parameter(f"{name}.bias", bias),
        ))
        if name in self.shown:
            late = self.graph_lag - self.lag[name]
            shown = name
            if late:
                shown = fresh(f"{name}_held", self.taken)
                self.nodes.append(spiking.Delay(name=shown, inputs=(Ref(name),), steps=late))
            self.host_reads[name] = fresh(f"{name}_shown", self.taken)
            self.nodes.append(quantized.DequantizeLinear(
                name=self.host_reads[name], inputs=(Ref(shown),), scale=unit, bits=24
            ))

    def _reads(self, population: Population, weights: Sequence[Weights], scale: float) -> tuple[Ref, ...]:
        """The population's synapses in integers, as reads of them."""
        return tuple(
            self._synapse(synapse, w, edge, scale)
            for synapse, w, edge in zip(population.synapses, weights, population.edges(), strict=True)
        )

    def _message(self, source: str) -> Message:
        """What a source sends. Raises UnsupportedError in a loop of populations that send numbers."""
        if source in self.sent:
            return self.sent[source]
        if source in self.names and self.model.graph.signals[source].dtype != "spike":
            raise UnsupportedError(
                "it is in a loop of neurons that send numbers, whose scale would depend on itself",
                "leave the loop out, or close it through spiking neurons", node=source,
                where=self.model.graph.sources.get(source),
            )
        return self.ranges.message(source)

    def _weights(self, synapse: Synapse) -> Weights:
        message = self._message(synapse.source)
        value = synapse.weight * message.unit
        grid = Grid.of(value, self.weight_bits)
        return Weights(value, grid, not isinstance(synapse.node, tensor.Conv2d), message.largest)

    def _neuron(self, population: Population, name: str, reads: tuple[Ref, ...], scale: float) -> Node:
        node = population.node
        bias = sum(population.biases.values()) + np.zeros(population.shape)
        if isinstance(node, spiking.CubaLIF):
            bias = bias + (1 - float(node.decay)) * self._value(node.leak)
        compare: Compare = getattr(node, "compare", ">")
        mantissa, exponent = integer_bias(bias, scale, spare=compare == ">=")
        facts = replace(_dynamics(node), bias_exp=exponent)
        initial = self._value(getattr(node, "initial", 0.0))
        first = np.rint(np.broadcast_to(initial, population.shape) * scale * VOLTAGES)
        if population.spikes:
            threshold = float(getattr(node, "threshold"))  # noqa: B009 - any kind that spikes has one
            vth, more = integer_threshold(threshold * scale, compare, facts, mantissa, first)
            facts, mantissa = replace(facts, vth=vth), mantissa + more
        facts = replace(
            facts, bias_mant=self._parameter(f"{name}.bias", mantissa),
            initial=self._parameter(f"{name}.initial", first),
        )
        lag = self.lag[population.name]
        if lag and getattr(node, "leak", 0.0) != 0.0 and self.remembers:
            raise UnsupportedError(
                "its leak would move it before the data reaches it, and what it spikes then would arrive later",
                "train the network with leak: 0, or with a bias instead", node=node.name,
                where=self.model.graph.sources.get(node.name),
            )
        if population.name in self.started and lag:
            facts = replace(facts, reset_interval=ONCE, reset_offset=lag + 1)
        return replace(facts, name=name, inputs=reads, emits="spikes" if population.spikes else "voltage")

    def _value(self, param: float | str) -> FloatArray | float:
        return self.model.param(param)

    def _parameter(self, name: str, value: FloatArray) -> int | str:
        """Integers as one number where they are all the same, else as an array of this name."""
        if np.all(value == value.flat[0]):
            return int(value.flat[0])
        self.arrays[name] = value.astype(np.int32)
        return name

    def _synapse(self, synapse: Synapse, weights: Weights, edge: Edge, scale: float) -> Ref:
        """The synapse in integers, as a read of it."""
        feed = self._fed(synapse, chip_delay(edge, self.lag) - 1)
        bits = self._message(synapse.source).bits
        array = f"{synapse.node.name}.weight"
        node = synapse.node
        if not isinstance(node, PlasticLinear):
            self.arrays[array] = weights.integers(scale).astype(np.int16)
        if isinstance(node, PlasticLinear):
            self.nodes.append(self._plastic(node, weights, scale, feed, array))
        elif isinstance(node, tensor.Conv2d):
            self.nodes.append(fixed_point.FixedConv2d(
                name=node.name, inputs=(Ref(feed),), channels=node.channels, kernel=node.kernel, weight=array,
                stride=node.stride, padding=node.padding, dilation=node.dilation, groups=node.groups,
                num_message_bits=bits,
            ))
        elif isinstance(node, tensor.SparseLinear):
            self.nodes.append(self._sparse(node, weights, scale, feed, bits))
        else:
            self.nodes.append(fixed_point.FixedDense(
                name=node.name, inputs=(Ref(feed),), features=node.features, weight=array,
                weight_exp=weights.exponent(scale), num_weight_bits=self.weight_bits, num_message_bits=bits,
                sign_mode=weights.grid.sign_mode,
            ))
        if synapse.read != node.name:
            reshape = self.model.graph[synapse.read]
            self.nodes.append(replace(reshape, inputs=(Ref(node.name),)))
        return Ref(synapse.read, 1)

    def _sparse(self, node: tensor.SparseLinear, weights: Weights, scale: float, feed: str, bits: int) -> Node:
        """The entries of a matrix, row by row with rising columns."""
        row, column = (self.model.weights[name].astype(np.int64) for name in (node.row, node.column))
        order = np.lexsort((column, row))
        array = f"{node.name}.weight"
        self.arrays |= {
            array: self.arrays[array][order],
            node.column: column[order].astype(np.int32),
            f"{node.name}.row_start": np.searchsorted(row[order], np.arange(node.features + 1)),
        }
        return fixed_point.FixedSparse(
            name=node.name, inputs=(Ref(feed),), features=node.features, synapses=node.synapses, weight=array,
            column=node.column, row_start=f"{node.name}.row_start", weight_exp=weights.exponent(scale),
            num_weight_bits=self.weight_bits, num_message_bits=bits, sign_mode=weights.grid.sign_mode,
        )

    def _plastic(self, node: PlasticLinear, weights: Weights, scale: float, feed: str, array: str) -> Node:
        """A synapse that learns, from the neurons behind it as they are on the chip in the same step."""
        exponent = weights.exponent(scale)
        unit = scale * 2.0**-exponent
        first = self.model.weights[node.weight].astype(np.float64) * unit
        self.arrays[array] = weights.grid.rounded(first).astype(np.int16)
        taus = {f"{trace.name}_tau": max(round(trace.tau), 1) if trace.tau else 0 for trace in node.traces}
        return fixed_point.FixedPlasticDense(
            name=node.name, inputs=(Ref(feed), Ref(node.inputs[1].node)), features=node.features, weight=array,
            weight_exp=exponent, num_weight_bits=self.weight_bits, sign_mode=weights.grid.sign_mode,
            **{**taus, **in_integers(node, unit)},  # type: ignore[arg-type]
        )

    def _fed(self, synapse: Synapse, delay: int) -> str:
        """What the synapse reads: its source in whole numbers, flat where it was, and late enough."""
        graph = self.model.graph
        source = synapse.source
        if self.ranges.is_real(source):
            source = f"{synapse.source}_quantized"
            self._once(quantized.QuantizeLinear(
                name=source, inputs=(Ref(synapse.source),), scale=self.ranges.message(synapse.source).unit,
                bits=self.ranges.message(synapse.source).bits or 2,
            ))
        if synapse.feed != synapse.source:
            self._once(replace(graph[synapse.feed], inputs=(Ref(source),)))
            source = synapse.feed
        if delay > LONGEST_DELAY:
            raise UnsupportedError(
                f"it would have to hold spikes for {delay} steps, the chip for {LONGEST_DELAY} at most",
                "shorten the delay, or the longest way from the input to this synapse", node=synapse.node.name,
            )
        if delay:
            late = f"{source}_late_{delay}"
            self._once(spiking.Delay(name=late, inputs=(Ref(source),), steps=delay))
            source = late
        return source

    def _show(self, population: Population, name: str, scale: float) -> None:
        """What the host has of a population: in the model's units, and as late as the latest output."""
        host = population.name
        late = self.graph_lag - self.lag[population.name]
        if not population.spikes:
            held = name
            if late:
                held = fresh(f"{name}_held", self.taken)
                self.nodes.append(spiking.Delay(name=held, inputs=(Ref(name),), steps=late))
            self.nodes.append(quantized.DequantizeLinear(
                name=host, inputs=(Ref(held),), scale=1 / (64 * scale), bits=24
            ))
        else:
            self._hold(host, late)

    def _hold(self, name: str, late: int) -> None:
        """Let the host read a stream as late as the latest output."""
        if late:
            self.host_reads[name] = fresh(f"{name}_held", self.taken)
            self.nodes.append(spiking.Delay(name=self.host_reads[name], inputs=(Ref(name),), steps=late))

    def _once(self, node: Node) -> None:
        if all(node.name != other.name for other in self.nodes):
            self.nodes.append(node)


def _dynamics(node: Node) -> fixed_point.FixedLIF:
    """The chip's neuron with the decays of this one, and the highest threshold."""
    silent = fixed_point.FixedLIF(name=node.name, du=4095, dv=0, vth=2**17 - 1)
    match node:
        case spiking.CubaLIF():
            du, dv = 4095 - round(4096 * float(node.current_decay)), 4096 - round(4096 * float(node.decay))
            return replace(silent, du=max(du, 0), dv=dv)
        case spiking.LIF() | spiking.LI():
            return replace(silent, dv=4096 - round(4096 * float(node.decay)))
        case spiking.Threshold():
            return replace(silent, dv=4096)
    return silent
