"""Everything linear between two populations of neurons becomes one synapse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import ClassVar

import numpy as np

from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph, Node, Ref, Shape, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.host_streams import POPULATIONS, READOUTS, HostStreams
from nmc.passes.linear_paths import (
    Convolution,
    Path,
    as_convolution,
    constant,
    is_linear,
    paths_to,
    summed,
)
from nmc.passes.normalized_neurons import normalized
from nmc.passes.plastic_units import faults_on_chip, with_weights_times
from nmc.passes.refusal import refuse
from nmc.passes.sparse_paths import SparseMatrix, added, sparse_matrix

SPARSE_FROM = 1 << 12
"""A matrix of fewer entries is stored whole."""
SPARSE_BELOW = 0.5
"""The share of entries other than 0 below which a larger matrix is stored by these."""


@dataclass(frozen=True)
class FuseSynapses:
    """Between neurons there are only synapses: one Linear or Conv2d without bias for each source and delay.

    Afterwards a neuron reads synapses in the same step, and at most constants beside them, which are its
    biases. A synapse reads one source: a neuron, an encoder or an input that streams. It is a convolution
    where the way between the two is one, else a matrix, by its entries where most are 0, with Flatten before and
    Reshape after as the shapes need. Gains, leaks and per-neuron thresholds go into weights and biases. Currents
    that are read out get an LI without memory, since a chip can show voltages only.
    """

    name: ClassVar[str] = "fuse-synapses"
    stage: ClassVar[Stage] = "spiking"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The fused model. Raises UnsupportedError with every node that no chip of neurons can do."""
        refuse(model.graph, [*HostStreams(model.graph).faults(), *faults_on_chip(model.graph)])
        model = _with_shown_currents(model)
        if not any(isinstance(node, POPULATIONS) for node in model.graph):
            refuse(model.graph, [Fault(
                "nothing in this network is for a chip of neurons: there is neither a neuron nor a layer with weights",
                "compile it for a processor, as with --target cpu",
            )])
        writer = _Writer(model)
        for node in model.graph:
            if isinstance(node, POPULATIONS):
                writer.add_population(node)
            elif node.name in writer.kept and not isinstance(node, PlasticLinear):
                writer.nodes.append(node)
        graph = replace(model.graph, nodes=tuple(writer.nodes)).pruned()
        return model.with_(graph, writer.arrays)


def _with_shown_currents(model: Model) -> Model:
    """The model with an LI that forgets at once wherever the host reads a current, or it is a result."""
    graph, host = model.graph, HostStreams(model.graph)
    names = set(graph.by_name)
    currents = {
        n.name for n in graph
        if graph.signals[n.name].timing == "stream" and is_linear(n) and n.name not in host.before | host.after
    }  # fmt: skip
    renamed = {name: fresh(f"{name}_current", names) for name in graph.outputs if name in currents}
    probes = {renamed[name]: name for name in renamed}
    moved = replace(
        graph.rewire(renamed),
        nodes=tuple(replace(n, name=renamed.get(n.name, n.name)) for n in graph.rewire(renamed)),
        outputs=graph.outputs,
    )

    def probed(node: Node) -> Node:
        if not isinstance(node, READOUTS) and node.name not in host.after:
            return node
        for ref in node.inputs:
            if ref.node not in probes and ref.node in currents:
                probes[ref.node] = fresh(f"{ref.node}_shown", names)
        return replace(node, inputs=tuple(Ref(probes.get(ref.node, ref.node), ref.delay) for ref in node.inputs))

    nodes = [probed(node) for node in moved]
    nodes += [spiking.LI(name=probe, inputs=(Ref(name),), decay=0.0) for name, probe in probes.items()]
    return model.with_(replace(moved, nodes=tuple(nodes))) if probes else model


def _is_sparse(form: Convolution | SparseMatrix) -> bool:
    """Whether a synapse is stored by the entries that are not 0."""
    size = prod(form.shape) if isinstance(form, SparseMatrix) else 0
    return isinstance(form, SparseMatrix) and size >= SPARSE_FROM and len(form) < SPARSE_BELOW * size


@dataclass
class _Writer:
    """Collects the nodes and arrays of the fused graph."""

    model: Model
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    kept: frozenset[str] = field(init=False)
    taken: set[str] = field(init=False)
    helpers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.kept = frozenset(node.name for node in graph if not is_linear(node) or self._is_kept(graph, node))
        self.taken = set(self.kept)

    @staticmethod
    def _is_kept(graph: Graph, node: Node) -> bool:
        """Whether a linear node leads, through linear nodes alone, to an output or to something that is no neuron."""
        reached = graph.downstream([node.name], lambda _, reader: is_linear(reader))
        ends = (reader for name in reached for reader in graph.consumers[name] if reader.name not in reached)
        return not reached.isdisjoint(graph.outputs) or not all(isinstance(end, POPULATIONS) for end in ends)

    def add_population(self, node: Node) -> None:
        """The neuron, reading only its synapses and biases."""
        graph = self.model.graph
        shape = graph.signals[node.name].shape
        plain = normalized(self.model, node)
        self.arrays.update(plain.arrays)
        paths: dict[tuple[str, int], list[Path]] = {}
        biases: dict[int, FloatArray] = {}
        learning = [read for ref in node.inputs if isinstance(read := graph[ref.node], PlasticLinear)]
        for ref in node.inputs:
            if graph[ref.node] in learning:
                continue
            for path in paths_to(graph, ref):
                if not isinstance(graph[path.source], tensor.Constant):
                    paths.setdefault((path.source, path.delay), []).append(path)
            for late, x in constant(self.model, ref).items():
                biases[late] = biases.get(late, 0.0) + np.asarray(plain.factor * x)
        if np.any(plain.offset):
            biases[0] = biases.get(0, 0.0) + np.broadcast_to(plain.offset, shape)
        factor = np.broadcast_to(plain.factor, shape)
        alike = len(shape) == 3 and bool(np.all(factor == factor[:, :1, :1]))
        forms = [form for group in paths.values() for form in self._forms(group, alike)]
        if any(_is_sparse(form) for _, form in forms):  # on a row of neurons no convolution ends
            forms = [form for group in paths.values() for form in self._forms(group, alike=False)]
        reads = [self._synapse(form, factor) for form in forms]
        reads += [self._plastic(read, factor) for read in learning]
        reads += [self._bias(node.name, np.broadcast_to(x, shape), late) for late, x in biases.items() if np.any(x)]
        self.nodes.append(replace(plain.node, inputs=tuple(reads)))

    def _forms(self, paths: list[Path], alike: bool) -> list[tuple[Path, Convolution | SparseMatrix]]:
        """The paths of one source and delay, as few convolutions and at most one matrix.

        There are convolutions only where the neurons of a channel are `alike`.
        """
        forms = [(path, as_convolution(self.model, path) if alike else None) for path in paths]
        found = [form for _, form in forms if form is not None]
        whole: list[tuple[Path, Convolution | SparseMatrix]] = [(paths[0], one) for one in summed(found)]
        dense = [path for path, form in forms if form is None]
        if dense:
            whole.append((dense[0], added([sparse_matrix(self.model, path) for path in dense])))
        return whole

    def _synapse(self, form: tuple[Path, Convolution | SparseMatrix], factor: FloatArray) -> Ref:
        """A synapse node, its weights multiplied by a factor for each neuron [*shape], as a read of it."""
        path, weights = form
        shape = factor.shape
        name = self._synapse_name(path)
        source = self._stream(path.source)
        if isinstance(weights, Convolution):
            self.arrays[f"{name}.weight"] = weights.weight * factor[:, 0, 0][:, None, None, None]
            self.nodes.append(tensor.Conv2d(
                name=name, inputs=(Ref(source, path.delay),), weight=f"{name}.weight", channels=shape[0],
                kernel=weights.weight.shape[2:], stride=weights.stride, padding=weights.padding,
                dilation=weights.dilation, groups=weights.groups,
            ))
            return Ref(name)
        flat = self._flat(source, self.model.graph.signals[path.source].shape)
        self.nodes.append(self._matrix(name, Ref(flat, path.delay), weights, factor.ravel()))
        if len(shape) == 1:
            return Ref(name)
        shaped = fresh(f"{name}_shaped", self.taken)
        self.nodes.append(tensor.Reshape(name=shaped, inputs=(Ref(name),), shape=shape))
        return Ref(shaped)

    def _matrix(self, name: str, read: Ref, weights: SparseMatrix, factor: FloatArray) -> Node:
        """A synapse that is a matrix, its rows multiplied by the factors; stored in the form that takes less."""
        weight = f"{name}.weight"
        if not _is_sparse(weights):
            self.arrays[weight] = weights.dense() * factor[:, None]
            return tensor.Linear(name=name, inputs=(read,), features=weights.shape[0], weight=weight)
        self.arrays[weight] = weights.value * factor[weights.row]
        self.arrays |= {f"{name}.row": weights.row, f"{name}.column": weights.column}
        return tensor.SparseLinear(
            name=name, inputs=(read,), features=weights.shape[0], synapses=len(weights), weight=weight,
            row=f"{name}.row", column=f"{name}.column",
        )

    def _plastic(self, node: PlasticLinear, factor: FloatArray) -> Ref:
        """A connection that learns, its weights multiplied by the neurons' factor, as a read of it."""
        scale = float(factor.flat[0])
        if np.any(factor != scale) or scale <= 0:
            raise UnsupportedError(
                "its neurons differ in their gains or thresholds, and the rule by which it learns is one for all",
                "give them one gain and one threshold", node=node.name,
            )
        name = f"{node.weight}_scaled" if scale != 1.0 else node.weight
        self.arrays[name] = self.model.weights[node.weight].astype(np.float64) * scale
        self.nodes.append(replace(with_weights_times(node, scale), weight=name))
        return Ref(node.name)

    def _synapse_name(self, path: Path) -> str:
        """The name of the last layer with weights on the way, for a reader to find it again."""
        weighted = (tensor.Linear, tensor.Conv1d, tensor.Conv2d)
        layers = [node for node, _ in reversed(path.nodes)]
        names = [node.name for node in sorted(layers, key=lambda node: not isinstance(node, weighted))]
        free = [name for name in names if name not in self.taken]
        return fresh(free[0] if free else f"from_{path.source}", self.taken)

    def _stream(self, source: str) -> str:
        """A source as a stream: what is known before the run comes anew at every step."""
        if self.model.graph.signals[source].timing == "stream":
            return source
        if source not in self.helpers:
            self.helpers[source] = fresh(f"{source}_current", self.taken)
            self.nodes.append(coding.ConstantCurrent(name=self.helpers[source], inputs=(Ref(source),)))
        return self.helpers[source]

    def _flat(self, source: str, shape: Shape) -> str:
        if len(shape) == 1:
            return source
        key = f"flat {source}"
        if key not in self.helpers:
            self.helpers[key] = fresh(f"{source}_flat", self.taken)
            self.nodes.append(tensor.Flatten(name=self.helpers[key], inputs=(Ref(source),)))
        return self.helpers[key]

    def _bias(self, population: str, x: FloatArray, late: int) -> Ref:
        name = fresh(f"{population}_bias", self.taken)
        self.arrays[f"{name}.value"] = np.ascontiguousarray(x)
        self.nodes.append(tensor.Constant(name=name, value=f"{name}.value", shape=x.shape))
        return Ref(name, late)
