"""What each operation of ONNX comes to, by family."""

from __future__ import annotations

from collections.abc import Mapping

from nmc.frontends.onnx.call import Operation
from nmc.frontends.onnx.ops import (
    activations,
    einsum,
    elementwise,
    layers,
    picking,
    pooling,
    quantized,
    recurrent,
    reductions,
    resizing,
    shaping,
)

OPERATIONS: Mapping[str, Operation] = {
    **elementwise.OPERATIONS, **einsum.OPERATIONS, **activations.OPERATIONS, **layers.OPERATIONS, **picking.OPERATIONS,
    **pooling.OPERATIONS, **shaping.OPERATIONS, **resizing.OPERATIONS, **reductions.OPERATIONS,
    **quantized.OPERATIONS, **recurrent.OPERATIONS,
}  # fmt: skip
