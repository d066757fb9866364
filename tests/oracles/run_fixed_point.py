"""Runs a fixed-point graph on the integer oracle, one sample at a time, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import fixed_point, spiking, tensor
from oracles.lava_fixed_point import Conv, Ints, Lif, dense, w32


class Oracle:
    """A graph of fixed-point nodes, inputs that stream, and nodes that move signals about."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.t = 0
        self.past: dict[str, list[Ints]] = {node.name: [] for node in model.graph}
        self.neurons = {node.name: self._lif(node) for node in model.graph if isinstance(node, fixed_point.FixedLIF)}

    def run(self, x: FloatArray) -> Mapping[str, list[Ints]]:
        """Every node's output at every step, for one sample x [T, *shape] of the only input."""
        for self.t, frame in enumerate(x):
            for name in self.model.graph.order:
                node = self.model.graph[name]
                now = _ints(frame) if isinstance(node, tensor.Input) else self._output(node)
                self.past[name].append(now)
        return self.past

    def _output(self, node: Node) -> Ints:
        reads = [self._read(ref) for ref in node.inputs]
        total = [w32(sum(values)) for values in zip(*reads, strict=True)]
        match node:
            case fixed_point.FixedLIF():
                neurons = self.neurons[node.name]
                spikes = neurons.step(total)
                return spikes if node.emits == "spikes" else list(neurons.v)
            case fixed_point.FixedDense():
                return dense(self._weights(node.weight), total, node.weight_exp, node.num_message_bits)
            case fixed_point.FixedConv2d():
                conv = Conv(
                    self._weights(node.weight), node.stride, node.padding, node.dilation, node.groups,
                    node.num_message_bits,
                )
                return conv(total, self.model.graph.signals[node.inputs[0].node].shape)
            case spiking.Delay():
                (read,) = node.inputs
                return self._read(Ref(read.node, read.delay + node.longest))
        return total

    def _read(self, ref: Ref) -> Ints:
        """What a node put out `delay` steps ago; 0 before the first step."""
        step = self.t - ref.delay
        return self.past[ref.node][step] if step >= 0 else [0] * prod(self.model.graph.signals[ref.node].shape)

    def _weights(self, name: str) -> list[object]:
        return self.model.weights[name].astype(int).tolist()

    def _lif(self, node: fixed_point.FixedLIF) -> Lif:
        shape = self.model.graph.signals[node.name].shape

        def spread(value: int | str) -> Ints:
            array = self.model.weights[value] if isinstance(value, str) else value
            return _ints(np.broadcast_to(array, shape))

        return Lif(
            node.du, node.dv, node.vth, spread(node.bias_mant), node.bias_exp, [0] * prod(shape), spread(node.initial),
            node.reset_interval, node.reset_offset,
        )


def _ints(array: FloatArray) -> Ints:
    return [int(value) for value in array.ravel()]
