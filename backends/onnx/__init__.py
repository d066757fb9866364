"""ONNX: one lowering for this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from nmc.backends.onnx.targets import (
    CPU,
    GPU,
    H100,
    JETSON_ORIN,
    JETSON_ORIN_NANO,
    JETSON_TX1,
    QUADRO_K4000,
    RTX_4090,
    TPU,
    TPU_V1,
)

__all__ = [
    "CPU", "GPU", "H100", "JETSON_ORIN", "JETSON_ORIN_NANO", "JETSON_TX1", "QUADRO_K4000", "RTX_4090", "TPU", "TPU_V1",
]  # fmt: skip
