"""NeuroBench's complexity metrics: what a network asks of any hardware, without a price for it.

As neurobench 2.3.0 defines them (Yik et al., Nature Communications 16, 2025), counted on the reference.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from nmc.errors import ModelError
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.nodes.fixed_point import (
    FixedConv2d,
    FixedDelayDense,
    FixedDelaySparse,
    FixedDense,
    FixedLIF,
    FixedSparse,
    FixedTernaryLIF,
)
from nmc.nodes.spiking import Neuron
from nmc.nodes.tensor import Conv1d, Conv2d, Linear, Relu, Sigmoid
from nmc.reference.interpreter import Feed, each_step
from nmc.reference.meaning import Result, Step
from nmc.reference.tensor import convolve

ACTIVATIONS = (Relu, Sigmoid, Neuron, FixedLIF, FixedTernaryLIF)
"""Nodes whose outputs count as activations."""
Dense = Linear | FixedDense | FixedDelayDense
Convolution = Conv1d | Conv2d | FixedConv2d
Sparse = FixedSparse | FixedDelaySparse
Connection = Dense | Convolution | Sparse
"""Nodes whose weights count as connections."""


@dataclass(frozen=True)
class NeuroBench:
    """The metrics of a model. Operations and updates are means over the samples.

    `footprint_bytes`: all arrays. `connection_sparsity`: the share of weights that are 0.
    `activation_sparsity`: the share of zeros among what rectifiers, sigmoids and neurons put out.
    Effective operations are those whose weight and input are both not 0: ACs at a step at which all the
    layer's inputs are -1, 0 or 1, else MACs. `dense_operations` counts zeros, too, but not those of
    padding. `membrane_updates` counts voltages that a step changed, and all of them at the first step.
    """

    samples: int
    parameters: int
    footprint_bytes: int
    connection_sparsity: float
    activation_sparsity: float
    effective_macs: float
    effective_acs: float
    dense_operations: float
    membrane_updates: float


def neurobench(model: Model, x: Feed, steps: int | None = None) -> NeuroBench:
    """The metrics of a run of the reference on samples x; takes what `nmc.reference.run` takes.

    A layer counts whenever it is computed: at every step or, where it is known before the run or only after
    it, once. Raises ModelError for a model without connections.
    """
    weights = [model.weights[node.weight] for node in model.graph if isinstance(node, Connection)]
    if not weights:
        raise ModelError(f"the model {model.name} has no layer with weights", "NeuroBench counts their operations")
    counting = _Counting(model)
    samples = 0
    for values, _ in each_step(model, x, steps, counting):
        samples = len(next(iter(values.values())))
    counts = counting.total()
    zeros = sum(weight.size - np.count_nonzero(weight) for weight in weights)
    return NeuroBench(
        samples=samples,
        parameters=sum(array.size for array in model.weights.values()),
        footprint_bytes=sum(array.nbytes for array in model.weights.values()),
        connection_sparsity=float(zeros / sum(weight.size for weight in weights)),
        activation_sparsity=counts["zeros"] / counts["activations"] if counts["activations"] else 0.0,
        effective_macs=counts["macs"] / samples,
        effective_acs=counts["acs"] / samples,
        dense_operations=counts["dense"] / samples,
        membrane_updates=counts["updates"] / samples,
    )


@dataclass
class _Counting:
    """Watches a run. Of a node known only after the run, the last evaluation counts."""

    model: Model
    by_node: dict[str, Counter[str]] = field(default_factory=dict)
    dense: dict[str, int] = field(default_factory=dict)

    def __call__(self, node: Node, step: Step, result: Result) -> None:
        found: Counter[str] = Counter()
        if isinstance(node, Connection):
            spikes = np.isin(step.x, (-1.0, 0.0, 1.0)).all()
            found["acs" if spikes else "macs"] = self._operations(node, step.x != 0, zeros=False)
            if node.name not in self.dense:
                self.dense[node.name] = self._operations(node, np.ones_like(step.x), zeros=True)
            found["dense"] = self.dense[node.name]
        if "v" in step.state:
            changed = result.state["v"] != step.state["v"]
            found["updates"] = int(np.count_nonzero(changed)) if node.name in self.by_node else changed.size
        if isinstance(node, ACTIVATIONS):
            found["activations"] = result.y.size
            found["zeros"] = result.y.size - int(np.count_nonzero(result.y))
        if self.model.graph.signals[node.name].timing == "final":
            self.by_node[node.name] = found
        else:
            self.by_node.setdefault(node.name, Counter()).update(found)

    def total(self) -> Counter[str]:
        """All nodes together."""
        return sum(self.by_node.values(), Counter())

    def _operations(self, node: Connection, reads: Array, *, zeros: bool) -> int:
        """How many weights meet an input that it reads; those that are 0 themselves only with `zeros`."""
        weight = self.model.weights[node.weight]
        counted = np.ones(weight.shape) if zeros else (weight != 0).astype(np.float64)
        x = reads.astype(np.float64)
        if isinstance(node, Convolution):
            return round(float(convolve(node, x, counted).sum()))
        if isinstance(node, Sparse):
            columns = self.model.weights[node.column].astype(np.intp)
            return round(float(x.reshape(len(x), -1).sum(axis=0)[columns] @ counted))
        inputs = x.shape[-1] if isinstance(node, Linear) else x[0].size
        return round(float(x.reshape(-1, inputs).sum(axis=0) @ counted.sum(axis=0)))
