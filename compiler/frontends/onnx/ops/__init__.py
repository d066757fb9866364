"""What each operation of ONNX comes to, by family."""

from __future__ import annotations

from collections.abc import Mapping

from nmc.frontends.onnx.call import Operation
from nmc.frontends.onnx.ops import elementwise, layers, quantized, recurrent, reductions, shaping

OPERATIONS: Mapping[str, Operation] = {
    **elementwise.OPERATIONS, **layers.OPERATIONS, **shaping.OPERATIONS, **reductions.OPERATIONS,
    **quantized.OPERATIONS, **recurrent.OPERATIONS,
}  # fmt: skip
