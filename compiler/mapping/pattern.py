"""Which inputs each neuron of a sparse synapse reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.errors import ModelError
from nmc.model import Array
from nmc.nodes.fixed_point import FixedSparse

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pattern:
    """Neuron i reads the inputs indices[indptr[i]:indptr[i + 1]], of `inputs` there are."""

    indices: NDArray[np.int32]
    indptr: IntArray
    inputs: int

    @classmethod
    def of(cls, node: FixedSparse, inputs: int, weights: Mapping[str, Array]) -> Pattern:
        """The pattern of a sparse synapse. Raises ModelError where its arrays are missing or do not hold together."""
        if node.column not in weights or node.row_start not in weights:
            raise ModelError(
                "its pattern is not known", "map the model with its weights, not the graph alone", node=node.name
            )
        indices = np.ascontiguousarray(weights[node.column], dtype=np.int32)
        indptr = np.ascontiguousarray(weights[node.row_start], dtype=np.int64)
        if indptr[0] != 0 or indptr[-1] != len(indices) or np.any(np.diff(indptr) < 0):
            raise ModelError(
                f"the array {node.row_start!r} must rise from 0 to {len(indices)}",
                "give where each row starts, and the number of synapses at the end", node=node.name,
            )
        if len(indices) and not 0 <= indices.min() <= indices.max() < inputs:
            raise ModelError(
                f"the array {node.column!r} must hold 0 to {inputs - 1}", "mend the weights", node=node.name
            )
        return cls(indices, indptr, inputs)


def joined(patterns: tuple[Pattern, ...]) -> Pattern:
    """One pattern over the inputs of several, one after another, onto the same neurons."""
    if len(patterns) == 1:
        return patterns[0]
    from nmc.mapping.kernels import copy_rows

    indptr = np.sum([pattern.indptr for pattern in patterns], axis=0)
    indices = np.empty(int(indptr[-1]), np.int32)
    ahead, offset = indptr[:-1].copy(), 0
    for pattern in patterns:
        copy_rows(pattern.indices, pattern.indptr, offset, ahead, indices)
        offset += pattern.inputs
    return Pattern(indices, indptr, offset)
