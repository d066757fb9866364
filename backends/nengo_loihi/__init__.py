"""NengoLoihi: networks as nengo-loihi 1.1.0 puts them on Loihi 1, run by the native emulator or by its own."""

from __future__ import annotations

from nmc.backends.toolchain import Toolchain

TOOLCHAIN = Toolchain(
    "nengo-loihi",
    "nmc.backends.nengo_loihi",
    "nengo-loihi 1.1.0: runs programs for Loihi on NengoLoihi's emulator",
)
