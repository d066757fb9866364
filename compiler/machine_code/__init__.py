"""Kernels in machine code: made by numba once for this machine, kept on disk, and run without numba from then on."""

from __future__ import annotations

from nmc.machine_code.kernel import Call, Kernel, kernel
from nmc.machine_code.operations import (
    LANES,
    add_double_lanes,
    add_lanes,
    count_ones,
    lowest_bits,
    mac,
    nonzero_bits,
    prefetch,
    trailing_zeros,
)

__all__ = [
    "LANES", "Call", "Kernel", "add_double_lanes", "add_lanes", "count_ones", "kernel", "lowest_bits", "mac",
    "nonzero_bits", "prefetch", "trailing_zeros",
]
