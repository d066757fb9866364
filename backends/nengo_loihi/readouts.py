"""Weights of the host that add up to the same in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmc.backends.loihi.native.accumulators import exactly_added
from nmc.model import Model
from nmc.nodes import tensor


def with_exact_readouts(model: Model) -> Model:
    """The model with the weights by which the host sums spikes rounded such that no order of summation shows.

    Else results would depend, in their last bits, on the size of a batch and on who adds.
    """
    arrays, nodes = {}, []
    for node in model.graph:
        reads = [model.graph.signals[ref.node].dtype for ref in node.inputs]
        if isinstance(node, tensor.Linear) and reads == ["spike"]:
            weight = model.weights[node.weight].astype(np.float64)
            if node.weight_scale is not None:
                weight = weight * model.weights[node.weight_scale].astype(np.float64).reshape(-1, 1)
            name = f"{node.name}.weight"
            arrays[name] = exactly_added(weight.T).T
            node = replace(node, weight=name, weight_scale=None)
        nodes.append(node)
    return model.with_(replace(model.graph, nodes=tuple(nodes)), arrays)
