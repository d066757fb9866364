"""The native emulator: Lava 0.10.0 `fixed_pt`, bit for bit, over batches of samples and driven by spikes."""

from __future__ import annotations

from nmc.backends.loihi.native.emulator import Emulator

__all__ = ["Emulator"]
