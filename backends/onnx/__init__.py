"""ONNX: one lowering for this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from nmc.backends.onnx.targets import (
    CPU,
    EDGE_TPU_DEV_BOARD,
    GPU,
    H100,
    JETSON_ORIN,
    JETSON_ORIN_NANO,
    JETSON_TX1,
    QUADRO_K4000,
    RTX_4090,
    TPU,
    TPU_V1,
    TPU_V4,
    TPU_V5E,
)

__all__ = [
    "CPU", "EDGE_TPU_DEV_BOARD", "GPU", "H100", "JETSON_ORIN", "JETSON_ORIN_NANO", "JETSON_TX1", "QUADRO_K4000",
    "RTX_4090", "TPU", "TPU_V1", "TPU_V4", "TPU_V5E",
]  # fmt: skip
