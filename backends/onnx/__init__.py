"""ONNX: one lowering for this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from nmc.backends.onnx.targets import CPU, GPU, JETSON_ORIN, TPU, TPU_V1

__all__ = ["CPU", "GPU", "JETSON_ORIN", "TPU", "TPU_V1"]
