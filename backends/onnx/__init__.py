"""ONNX: one lowering for this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from nmc.backends.onnx.targets import CPU, EDGE_TPU_DEV_BOARD, GPU, JETSON_ORIN, TPU, TPU_V1, TPU_V4, TPU_V5E

__all__ = ["CPU", "EDGE_TPU_DEV_BOARD", "GPU", "JETSON_ORIN", "TPU", "TPU_V1", "TPU_V4", "TPU_V5E"]
