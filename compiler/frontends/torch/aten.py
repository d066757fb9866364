"""What each operation of ATen is in ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from nmc.frontends.torch import elementwise, layers, pooling, recurrent, reducing, shaping
from nmc.frontends.torch.call import Operation

OPERATIONS: Mapping[str, Operation] = {
    **elementwise.OPERATIONS, **layers.OPERATIONS, **pooling.OPERATIONS, **recurrent.OPERATIONS,
    **reducing.OPERATIONS, **shaping.OPERATIONS,
}  # fmt: skip
"""What says each operation of ATen, by its name without overload.

PyTorch's own decompositions lead the others to these, where they have one.
"""

MOVING = frozenset({*shaping.OPERATIONS, "alias", "clone", "contiguous", "detach", "lift_fresh_copy", "embedding"})
"""Those that put out numbers that they were given."""
