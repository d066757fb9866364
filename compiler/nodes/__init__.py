"""Every kind of node, by family: tensor, spiking, coding, quantized, fixed-point."""

from __future__ import annotations

from collections.abc import Mapping

from nmc.graph import Node
from nmc.nodes import (
    coding,
    elementwise,
    fixed_point,
    plasticity,
    product,
    quantized,
    reduction,
    selection,
    spiking,
    tensor,
)

FAMILIES: Mapping[str, tuple[type[Node], ...]] = {
    "tensor": (*tensor.KINDS, *product.KINDS, *elementwise.KINDS, *reduction.KINDS, *selection.KINDS),
    "spiking": spiking.KINDS,
    "plastic": plasticity.KINDS,
    "coding": coding.KINDS,
    "quantized": quantized.KINDS,
    "fixed-point": fixed_point.KINDS,
}
KINDS: Mapping[str, type[Node]] = {kind.__name__: kind for family in FAMILIES.values() for kind in family}
