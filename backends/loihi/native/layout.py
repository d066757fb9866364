"""Where signals lie: which arrays there are, in which order their elements, and how far back they reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Graph, Node, Ref, Shape
from nmc.nodes import fixed_point, spiking, tensor

Index = NDArray[np.intp]

CHIP: tuple[type[Node], ...] = fixed_point.KINDS
"""Kinds that the chip computes. What only moves signals about is settled before the run."""


_IMAGE = 3
"""The axes of what has channels, height and width."""
_IN_ANY_ORDER = fixed_point.FixedLIF | fixed_point.FixedTernaryLIF | fixed_point.FixedCompartments


def is_view(node: Node) -> bool:
    """Whether a node's output is another signal's, at most later or in another shape."""
    return isinstance(node, tensor.Flatten | tensor.Reshape) or (
        isinstance(node, spiking.Delay) and isinstance(node.steps, int)
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """A graph's signals as flat arrays. A root is a node whose output is stored; views lead to one."""

    graph: Graph

    def root(self, ref: Ref) -> Ref:
        """The stored signal that a read comes down to, and how many steps late in all."""
        found = self._roots[ref.node]
        return Ref(found.node, found.delay + ref.delay)

    def reads(self, node: Node) -> tuple[Ref, ...]:
        """What a node reads, as reads of stored signals."""
        return self._reads[node.name]

    @cached_property
    def _roots(self) -> Mapping[str, Ref]:
        return {node.name: self._root(node) for node in self.graph}

    def _root(self, node: Node) -> Ref:
        late = 0
        while is_view(node) and len(node.inputs) == 1:
            (before,) = node.inputs
            late += before.delay + (node.longest if isinstance(node, spiking.Delay) else 0)
            node = self.graph[before.node]
        return Ref(node.name, late)

    @cached_property
    def _reads(self) -> Mapping[str, tuple[Ref, ...]]:
        return {node.name: tuple(self.root(ref) for ref in node.inputs) for node in self.graph}

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """Every stored signal, in the order of the graph."""
        return tuple(node.name for node in self.graph if self.root(Ref(node.name)) == Ref(node.name))

    @cached_property
    def history(self) -> Mapping[str, int]:
        """How many steps back each stored signal is still read."""
        back = dict.fromkeys(self.stored, 0)
        for node in self.graph:
            longest = node.longest if isinstance(node, spiking.Delay) and not is_view(node) else 0
            for ref in (*self.reads(node), self.root(Ref(node.name))):
                back[ref.node] = max(back[ref.node], ref.delay + longest)
        return back

    def size(self, name: str) -> int:
        """The number of elements of a signal."""
        return prod(self.graph.signals[name].shape)

    @cached_property
    def order(self) -> Mapping[str, Index | None]:
        """For each stored signal, which element of the sample lies at each place; None: as it is.

        Convolutions put their channels innermost, for events to add whole runs of memory. Neurons that
        read those follow them, and so do matrices that only such neurons read beside. Neurons in a row do so too
        where they are read as an image: then their matrices mostly are convolutions written out.
        """
        orders: dict[str, Index | None] = dict.fromkeys(self.stored)
        for name in self.stored:
            node = self.graph[name]
            if isinstance(node, fixed_point.FixedConv2d):
                orders[name] = self._channels_last(name)
            elif isinstance(node, _IN_ANY_ORDER) and self._follows(node):
                orders[name] = self._channels_last(name)
                orders |= {ref.node: orders[name] for ref in self.reads(node) if self._serves(ref.node, name)}
            elif isinstance(node, _IN_ANY_ORDER) and all(self._serves(ref.node, name) for ref in self.reads(node)):
                shown = [shape for shape in self._shapes[name] if len(shape) == _IMAGE]
                orders[name] = _channels_last(shown[0]) if shown else None
                orders |= {ref.node: orders[name] for ref in self.reads(node)}
        return orders

    @cached_property
    def _shapes(self) -> Mapping[str, list[Shape]]:
        """The shapes in which each stored signal is read."""
        found: dict[str, list[Shape]] = {name: [] for name in self.stored}
        for name, root in self._roots.items():
            found[root.node].append(self.graph.signals[name].shape)
        return found

    def bits_read(self, name: str) -> int:
        """How many bits of a sum its readers can take: others than compartments multiply it by 2^6, in 24 bits."""
        readers = [self.graph[reader] for reader in self._readers[name]]
        return 24 if all(isinstance(reader, fixed_point.FixedCompartments) for reader in readers) else 18

    @cached_property
    def place(self) -> Mapping[str, Index | None]:
        """For each stored signal, at which place each element of the sample lies; None: as it is."""
        return {name: None if order is None else np.argsort(order) for name, order in self.order.items()}

    def _follows(self, node: Node) -> bool:
        """Whether neurons read a convolution, and else only what serves them alone."""
        shape = self.graph.signals[node.name].shape
        reads = [self.graph[ref.node] for ref in self.reads(node)]
        convolutions = [
            read for read in reads
            if isinstance(read, fixed_point.FixedConv2d) and self.graph.signals[read.name].shape == shape
        ]
        rest = [read for read in reads if read not in convolutions]
        return bool(convolutions) and all(self._serves(read.name, node.name) for read in rest)

    def _serves(self, matrix: str, neurons: str) -> bool:
        """Whether a node is a matrix that no others than these neurons read."""
        is_matrix = type(self.graph[matrix]) in (fixed_point.FixedDense, fixed_point.FixedSparse)
        return is_matrix and self._readers[matrix] == {neurons} and matrix not in self.graph.outputs

    @cached_property
    def _readers(self) -> Mapping[str, set[str]]:
        """Who reads each stored signal, views apart."""
        found: dict[str, set[str]] = {name: set() for name in self.stored}
        for node in self.graph:
            for ref in () if is_view(node) else self.reads(node):
                found[ref.node].add(node.name)
        return found

    @cached_property
    def shared(self) -> frozenset[str]:
        """Signals that are kept once for all samples: matrices of what no input has a part in, and what they read.

        Only neurons that read something of their sample beside may read such a matrix.
        """
        same = self._without_inputs
        found = {name for name in self.stored if name in same and self._adds_to_neurons(name)}
        while True:
            sources = {ref.node for name in found for ref in self.reads(self.graph[name])}
            sources = {name for name in sources if self._readers[name] <= found and self._from_outside(name)}
            kept = {name for name in found if {ref.node for ref in self.reads(self.graph[name])} <= sources}
            if kept == found:
                return frozenset(found | sources)
            found = kept

    def _from_outside(self, name: str) -> bool:
        """Whether the chip reads a signal without computing it."""
        return not isinstance(self.graph[name], (*CHIP, spiking.Delay)) and name not in self.graph.outputs

    @cached_property
    def _without_inputs(self) -> frozenset[str]:
        """The nodes that come out the same for all samples."""
        return frozenset(self.graph.by_name) - self.graph.downstream(node.name for node in self.graph if node.fed)

    def _adds_to_neurons(self, matrix: str) -> bool:
        """Whether a node is a matrix whose only readers are compartments that read something else beside."""
        readers = self._readers[matrix]
        return type(self.graph[matrix]) is fixed_point.FixedDense and bool(readers) and all(
            isinstance(self.graph[name], fixed_point.FixedCompartments)
            and any(ref.node not in self._without_inputs for ref in self.reads(self.graph[name]))
            for name in readers
        ) and matrix not in self.graph.outputs  # fmt: skip

    def _channels_last(self, name: str) -> Index:
        return _channels_last(self.graph.signals[name].shape)


def _channels_last(shape: Shape) -> Index:
    return np.arange(prod(shape)).reshape(shape).transpose(1, 2, 0).ravel()


def source_order(node: Node, layout: Layout) -> Index | None:
    """The order in which a node reads its elements: that of its source, or the model's where it adds several."""
    reads = layout.reads(node)
    return layout.order[reads[0].node] if len(reads) == 1 else None
