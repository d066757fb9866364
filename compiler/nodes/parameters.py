"""Which arrays of a model are trained, and what they hold before."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.graph import ArraySpec, Graph, Node
from nmc.model import Array, FloatArray
from nmc.nodes import product, spiking, tensor

TRAINED: Mapping[type[Node], tuple[str, ...]] = {
    **dict.fromkeys(
        (tensor.Linear, tensor.Conv1d, tensor.Conv2d, product.ConvTranspose1d, product.ConvTranspose2d),
        ("weight", "bias"),
    ),
    tensor.BatchNorm: ("scale", "bias"),
    **dict.fromkeys(
        (
            tensor.Constant, tensor.SparseLinear, spiking.LIF, spiking.CubaLIF, spiking.IF, spiking.LI, spiking.I,
            spiking.Threshold,
        ),
        (),
    ),
}
"""The facts that name trained arrays, by kind of node with arrays; those of neurons stay as they are."""
MEASURED = ("mean", "variance")
"""The facts of BatchNorm that name what training measures."""


def trained_arrays(node: Node) -> tuple[str, ...]:
    """The names of a node's trained arrays."""
    return _named(node, TRAINED.get(type(node), ()))


def fitted_arrays(graph: Graph) -> Mapping[str, ArraySpec]:
    """Every array that training sets, trained or measured, and what it may be."""
    return {
        name: spec
        for node in graph
        for name, spec in node.arrays(*graph.operand_shapes(node)).items()
        if name in (*trained_arrays(node), *_named(node, MEASURED))
    }


def initial_arrays(graph: Graph, seed: int) -> Mapping[str, Array]:
    """Every array that training sets, as it is before: random weights, biases of zero, normalization that does nothing.

    Weights are uniform in +-sqrt(6 / inputs), for Relu (He et al., arXiv:1502.01852), or +-sqrt(6 / (inputs +
    outputs)) where Relu does not follow (Glorot & Bengio, AISTATS 2010). An array that several nodes read is one.
    """
    rng = np.random.default_rng(seed)
    specs = fitted_arrays(graph)
    arrays: dict[str, Array] = {}
    for node in graph:
        for fact in (*TRAINED.get(type(node), ()), *MEASURED):
            for name in _named(node, (fact,)):
                if name in specs and name not in arrays:
                    arrays[name] = _initial(graph, node, fact, specs[name].shape, rng).astype(np.float32)
    return arrays


def _initial(graph: Graph, node: Node, fact: str, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    if fact != "weight":
        return np.ones(shape) if fact in ("scale", "variance") else np.zeros(shape)
    window, (first, second) = prod(shape[2:]), shape[:2]
    transposed = isinstance(node, product.ConvTranspose1d | product.ConvTranspose2d)
    inputs, outputs = (first * window, second * window) if transposed else (second * window, first * window)
    relu = any(isinstance(reader, tensor.Relu | tensor.BatchNorm) for reader in graph.consumers[node.name])
    limit = float(np.sqrt(6 / inputs if relu else 6 / (inputs + outputs)))
    return rng.uniform(-limit, limit, shape)


def _named(node: Node, facts: tuple[str, ...]) -> tuple[str, ...]:
    """The arrays that facts of a node name."""
    return tuple(name for fact in facts if isinstance(name := getattr(node, fact, None), str))
