"""Lava: programs that run on Lava 0.10.0, the engine that runs them there, and the toolchain they need."""

from __future__ import annotations

from nmc.backends.target import Engine
from nmc.backends.toolchain import Toolchain

LAVA = Engine(
    "nmc.backends.lava.engine:run",
    learn="nmc.backends.lava.engine:learn",
    files="nmc.backends.lava.lowering:lower_program",
    verify="nmc.backends.lava.verification:verify",
)
TOOLCHAIN = Toolchain(
    "lava", "nmc.backends.lava", "lava-nc 0.10.0: runs Loihi programs on Lava's own fixed-point models"
)
