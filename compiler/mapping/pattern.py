"""Which inputs each neuron of a sparse synapse reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.errors import ModelError
from nmc.model import Array, array_faults
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
        if faults := array_faults(node, ((inputs,),), weights):
            raise ModelError.of(faults)
        indices = np.ascontiguousarray(weights[node.column], dtype=np.int32)
        return cls(indices, np.ascontiguousarray(weights[node.row_start], dtype=np.int64), inputs)


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
