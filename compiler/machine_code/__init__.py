"""Kernels in machine code: made by numba once for this machine, kept on disk, and run without numba from then on."""

from __future__ import annotations

from nmc.machine_code.kernel import Call, Kernel, kernel, prefetch

__all__ = ["Call", "Kernel", "kernel", "prefetch"]
