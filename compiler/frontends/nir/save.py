"""A model to a NIR file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nmc.errors import Fault, UnsupportedError, UsageError
from nmc.frontends.exports import Export
from nmc.frontends.nir import hdf5
from nmc.frontends.nir.conventions import PROFILES
from nmc.frontends.nir.dynamics import Dynamics
from nmc.frontends.nir.flatten import FlatGraph
from nmc.frontends.nir.hdf5 import TextArray, Tree
from nmc.frontends.nir.in_time import in_time
from nmc.frontends.nir.load import UNITS, Options, late_reads
from nmc.frontends.nir.primitives import Primitive
from nmc.frontends.nir.profile import Profile
from nmc.frontends.nir.writers import WRITERS, Writing
from nmc.graph import Graph, Node, Ref
from nmc.model import Model
from nmc.nodes.spiking import Delay
from nmc.nodes.tensor import Add, Constant, Mul

NIR_VERSION = "1.0.8"
"""The version of the format that is written."""


def save(model: Model, options: Options) -> Export:
    """The model as a NIR file, by the conventions of `options.profile` ("nir" without).

    The file states its time step and profile, so that reading it needs neither. Encoders and readouts
    stay with the model: notes say which. Raises UnsupportedError naming every node that NIR, read by
    those conventions, cannot mean, UsageError for a dt, ToolError without h5py.
    """
    tree, notes = tree_of(model, options)
    return Export(hdf5.write(tree), notes)


def tree_of(model: Model, options: Options) -> tuple[Tree, tuple[str, ...]]:
    """What the file holds, and in words what of the model it leaves out. Raises as `save`."""
    if options.dt is not None:
        raise UsageError("dt is given, but the model has its own", "leave out dt")
    profile, unit = Profile.of(options.profile or "nir"), options.time_unit or "s"
    cut = in_time(model.checked())
    dt_s = cut.model.graph.dt_s
    dynamics = None if dt_s is None else Dynamics(PROFILES[profile.name], dt_s, UNITS[unit])
    profile.require_nodes(cut.model.graph.by_name)
    nodes, edges = _Exporting(cut.model, dynamics, profile).nodes_and_edges()
    metadata: Tree = {} if dt_s is None else {"dt": np.array(dt_s), "time_unit": unit, "nmc": {"profile": str(profile)}}
    graph: Tree = {
        "type": "NIRGraph",
        "nodes": nodes,
        "edges": TextArray((len(edges), 2), tuple(name for edge in edges for name in edge)),
        **({"metadata": metadata} if metadata else {}),
    }
    return {"version": NIR_VERSION, "node": graph}, cut.notes


@dataclass
class _Exporting:
    """One graph on its way to NIR, with the faults found so far."""

    model: Model
    dynamics: Dynamics | None
    profile: Profile
    faults: list[Fault] = field(default_factory=list)

    @property
    def graph(self) -> Graph:
        return self.model.graph

    def nodes_and_edges(self) -> tuple[dict[str, Tree], list[tuple[str, str]]]:
        """Every primitive by name, and the edges. Raises UnsupportedError with every node that has none."""
        primitives: dict[str, Primitive] = {}
        reads: dict[str, tuple[Ref, ...]] = {}
        for node in self.graph:
            if self._is_factor(node) or self._is_plain_sum(node) or self._is_late_output(node):
                continue
            primitive = self._primitive(node)
            if primitive is not None:
                primitives[node.name] = primitive
                reads[node.name] = self._sources(node)
        for index, name in enumerate(self.graph.outputs):
            output = self._output_name(name, index)
            primitives[output] = Primitive(output, "Output", {"shape": np.array(self.graph.signals[name].shape)})
            reads[output] = self._expand(Ref(name))
        if not self.faults:
            self._write_delays(primitives, reads)
        if self.faults:
            raise UnsupportedError.of(self.graph.placed(self.faults))
        edges = [(ref.node, name) for name, refs in reads.items() for ref in refs]
        return {name: _tree(primitive) for name, primitive in primitives.items()}, edges

    def _primitive(self, node: Node) -> Primitive | None:
        writer = WRITERS.get(type(node))
        what, remedy = f"NIR has no primitive for {node.kind}", "convert the model to a spiking one first, or remove it"
        if writer is not None:
            try:
                own = self.dynamics and replace(self.dynamics, conventions=self.profile.of_node(node.name))
                return writer(node, Writing(node, self.model, own))
            except ValueError as error:
                what, remedy = str(error), "change the model, or choose another --profile (docs/nir.md)"
        self.faults.append(Fault(what, remedy, node.name))
        return None

    def _is_factor(self, node: Node) -> bool:
        """Whether this is a constant that only scales: a part of the Scale that it belongs to."""
        readers = self.graph.consumers[node.name]
        return isinstance(node, Constant) and bool(readers) and all(isinstance(reader, Mul) for reader in readers)

    def _is_late_output(self, node: Node) -> bool:
        """Whether the conventions say without this node that an output of a neuron comes a step late."""
        if not isinstance(node, Delay) or node.steps != 1 or node.name not in self.graph.outputs:
            return False
        late = self.dynamics is not None and self.dynamics.conventions.late == "neurons"
        return late and not self.graph.consumers[node.name] and len(node.inputs) == 1

    def _is_plain_sum(self, node: Node) -> bool:
        """Whether several edges say the same as this node."""
        return isinstance(node, Add) and len({self.graph.signals[ref.node].shape for ref in node.inputs}) == 1

    def _output_name(self, name: str, index: int) -> str:
        """The name of an Output node: of the sum that it stands for, or one that no node has."""
        node = self.graph[name]
        if (self._is_plain_sum(node) or self._is_late_output(node)) and not self.graph.consumers[name]:
            return name
        base = "output" if len(self.graph.outputs) == 1 else f"output_{index}"
        while base in self.graph:
            base += "_"
        return base

    def _sources(self, node: Node) -> tuple[Ref, ...]:
        """What a primitive reads, sums taken apart."""
        refs = tuple(ref for ref in node.inputs if not self._is_factor(self.graph[ref.node]))
        found = tuple(source for ref in refs for source in self._expand(ref))
        if len({ref.node for ref in found}) < len(found):
            self.faults.append(Fault("it reads one node twice, and NIR has an edge once", "double a weight", node.name))
        return found

    def _expand(self, ref: Ref) -> tuple[Ref, ...]:
        node = self.graph[ref.node]
        if self._is_late_output(node):
            return (Ref(node.inputs[0].node, node.inputs[0].delay + 1),)
        if self._is_plain_sum(node):
            return tuple(
                replace(inner, delay=inner.delay + ref.delay) for part in node.inputs for inner in self._expand(part)
            )
        return (ref,)

    def _write_delays(self, primitives: dict[str, Primitive], reads: dict[str, tuple[Ref, ...]]) -> None:
        """Write out as Delay what is later than reading the file makes it; a fault where something is earlier."""
        if self.dynamics is None:
            return
        slow, loops = late_reads(_flat(primitives, reads), self.dynamics)
        for reader in [name for name in reads if primitives[name].kind != "Delay"]:
            for ref in reads[reader]:
                read = (ref.node, reader)
                extra = ref.delay - (read in slow)
                if extra > 0 and not (extra == 1 and read in loops):
                    self._insert_delay(primitives, reads, reader, ref, extra)
        slow, loops = late_reads(_flat(primitives, reads), self.dynamics)
        for reader, refs in reads.items():
            for ref in refs:
                if primitives[reader].kind != "Delay":
                    self._check_delay(reader, ref, (ref.node, reader) in slow | loops)
                elif (ref.node, reader) in slow:
                    self._check_delay(reader, Ref(ref.node), True)

    def _check_delay(self, reader: str, ref: Ref, late: bool) -> None:
        if bool(ref.delay) != late:
            how = "late" if late else "without delay"
            what = f"who reads the file would read {ref.node!r} {how} here"
            self.faults.append(Fault(what, "have the model read late where a loop returns to its start", reader))

    def _insert_delay(
        self, primitives: dict[str, Primitive], reads: dict[str, tuple[Ref, ...]], reader: str, ref: Ref, steps: int
    ) -> None:
        name = f"{ref.node}_{steps}_late"
        while name in primitives and reads[name] != (Ref(ref.node),):
            name += "_"
        if name not in primitives:
            node = Delay(name=name, inputs=(Ref(ref.node),), steps=steps)
            shape = self.graph.signals[ref.node].shape
            primitives[name] = WRITERS[Delay](node, Writing(node, self.model, self.dynamics, shape))
            reads[name] = (Ref(ref.node),)
        reads[reader] = tuple(Ref(name, other.delay - steps) if other == ref else other for other in reads[reader])


def _flat(primitives: Mapping[str, Primitive], reads: Mapping[str, tuple[Ref, ...]]) -> FlatGraph:
    return FlatGraph(primitives, {name: tuple(ref.node for ref in refs) for name, refs in reads.items()}, ())


def _tree(primitive: Primitive) -> Tree:
    metadata: Tree = {"metadata": {"nmc": dict(primitive.metadata)}} if primitive.metadata else {}
    return {"type": primitive.kind, **primitive.parameters, **metadata}
