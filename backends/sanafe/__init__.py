"""SANA-FE as a second account of what a spiking chip does: the same network, placed alike, simulated by another tool.

SANA-FE (GPL-3) runs in an environment of its own, as a process of its own; nothing of it is imported here.
"""

from __future__ import annotations

from nmc.backends.toolchain import Toolchain

TOOLCHAIN = Toolchain(
    "sanafe", "nmc.backends.sanafe", "SANA-FE 2.2.9: counts and prices events on Loihi a second time"
)
