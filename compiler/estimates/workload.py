"""What a tensor graph asks of a chip that runs kernels: products, element-wise operations, bytes.

All of it follows from the graph alone; no weights are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from nmc.graph import Graph, Node
from nmc.nodes.product import ConvTranspose1d, ConvTranspose2d, MatMul
from nmc.nodes.tensor import Constant, Conv1d, Conv2d, Input, Linear

if TYPE_CHECKING:
    from nmc.chips.chip import Precision

BYTES: Mapping[Precision, int] = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}


@dataclass(frozen=True)
class Gemm:
    """A product of [m, k] and [k, n], `groups` of them: m counts output positions, batch included."""

    m: int
    n: int
    k: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.n * self.k * self.groups


@dataclass(frozen=True)
class Kernel:
    """One kernel: the nodes it computes, and what it does each of the `repeats` times it runs in a call.

    A product or an element-wise node, with the element-wise nodes fused to it that follow it where nothing
    else reads it, sums of several operands among them, as ONNX Runtime and TensorRT do. Elements count the whole batch.
    `precision` is the kernel's own, where it differs from that of the workload.
    """

    nodes: tuple[str, ...]
    gemm: Gemm | None
    operations: float
    weights: int
    reads: int
    writes: int
    states: int
    repeats: int
    precision: Precision | None = None

    @property
    def name(self) -> str:
        """The node that the kernel starts with."""
        return self.nodes[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return self.gemm.macs if self.gemm else 0

    def bytes(self, precision: Precision) -> int:
        """Bytes of weights, inputs, outputs and states (read and written) that one run moves."""
        return BYTES[self.precision or precision] * (self.weights + self.reads + self.writes + 2 * self.states)


@dataclass(frozen=True)
class Workload:
    """The kernels of one call for a batch, in order, and the elements that enter and leave the chip."""

    kernels: tuple[Kernel, ...]
    batch: int
    steps: int
    inputs: int
    outputs: int

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of a call."""
        return sum(kernel.macs * kernel.repeats for kernel in self.kernels)

    @property
    def weights(self) -> int:
        """Elements of all weights."""
        return sum(kernel.weights for kernel in self.kernels)

    @property
    def loops(self) -> bool:
        """Whether anything runs anew at every step."""
        return self.steps > 1 and any(kernel.repeats > 1 for kernel in self.kernels)


def workload(
    graph: Graph, *, steps: int = 1, batch: int = 1, precisions: Mapping[str, Precision] | None = None
) -> Workload:
    """What one call for `batch` samples asks, over `steps` time steps. Raises ModelError for an unsound graph.

    `precisions` are those of layers that differ from the rest.
    """
    kernels: dict[str, Kernel] = {}
    owner: dict[str, str] = {}
    for name in graph.order:
        node = graph[name]
        if node.view or isinstance(node, Input | Constant):
            continue
        kernel = replace(_kernel(graph, node, steps, batch), precision=(precisions or {}).get(name))
        head = next((owner[name] for name in _fusible(graph, node) if name in owner), None)
        if kernel.gemm is None and head is not None and kernels[head].repeats == kernel.repeats:
            kernels[head] = _fused(kernels[head], kernel)
            owner[name] = head
        else:
            kernels[name] = kernel
            owner[name] = name
    ends = [node.name for node in graph if isinstance(node, Input)], list(graph.outputs)
    inputs, outputs = (sum(_crossing(graph, name, steps) for name in names) * batch for names in ends)
    return Workload(tuple(kernels.values()), batch, steps, inputs, outputs)


def gemm(graph: Graph, node: Node, batch: int) -> Gemm | None:
    """The product a node computes, convolutions unfolded; None for other nodes."""
    out = graph.signals[node.name].shape
    if isinstance(node, Linear):
        return Gemm(batch * prod(out[:-1]), node.features, graph.operand_shapes(node)[0][-1])
    if isinstance(node, Conv1d | Conv2d):
        channels = graph.operand_shapes(node)[0][0] // node.groups
        return Gemm(batch * prod(out[1:]), node.channels // node.groups, channels * prod(node.kernel), node.groups)
    if isinstance(node, ConvTranspose1d | ConvTranspose2d):
        x = graph.operand_shapes(node)[0]
        spread = node.channels // node.groups * prod(node.kernel)
        return Gemm(batch * prod(x[1:]), spread, x[0] // node.groups, node.groups)
    if isinstance(node, MatMul):
        return Gemm(out[-2], out[-1], graph.operand_shapes(node)[0][-1], batch * prod(out[:-2]))
    return None


def _kernel(graph: Graph, node: Node, steps: int, batch: int) -> Kernel:
    signal = graph.signals[node.name]
    operands = graph.operand_shapes(node)
    elements = prod(signal.shape) * batch
    return Kernel(
        nodes=(node.name,),
        gemm=gemm(graph, node, batch),
        operations=batch * node.operations(*operands) + elements * (len(node.inputs) - len(operands)),
        weights=sum(prod(spec.shape) for spec in node.arrays(*operands).values()),
        reads=sum(prod(graph.signals[ref.node].shape) for ref in node.inputs) * batch,
        writes=elements,
        states=sum(prod(state.shape) for state in node.state(*operands).values()) * batch,
        repeats=steps if signal.timing == "stream" or node.produces == "final" else 1,
    )


def _fusible(graph: Graph, node: Node) -> list[str]:
    """The nodes that this one could be fused to, since nothing else reads them, views skipped; the latest first."""
    if node.moves and len(node.inputs) > 1:
        return []
    found = []
    for ref in node.inputs:
        producer, delay = graph[ref.node], ref.delay
        while not delay and producer.name not in graph.outputs and len(graph.consumers[producer.name]) == 1:
            if not producer.view:
                found.append(producer.name)
                break
            delay, producer = producer.inputs[0].delay, graph[producer.inputs[0].node]
    return sorted(found, key=graph.order.index, reverse=True) if len(found) > 1 else found


def _fused(first: Kernel, then: Kernel) -> Kernel:
    """Two kernels as one: what the first wrote stays in registers, and the other operands are read."""
    return replace(
        first,
        nodes=first.nodes + then.nodes,
        operations=first.operations + then.operations,
        weights=first.weights + then.weights,
        reads=first.reads + max(0, then.reads - first.writes),
        writes=then.writes,
        states=first.states + then.states,
    )


def _crossing(graph: Graph, name: str, steps: int) -> int:
    """Elements of a node that cross to or from the chip for one sample."""
    signal, node = graph.signals[name], graph[name]
    streams = node.stream if isinstance(node, Input) else signal.timing == "stream"
    return prod(signal.shape) * (steps if streams else 1)
