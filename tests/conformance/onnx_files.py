"""ONNX's own checks of files."""

from __future__ import annotations

from collections.abc import Mapping

import onnx


def check_files(files: Mapping[str, bytes]) -> None:
    """The full checker with strict shape inference on every ONNX file."""
    for name, data in files.items():
        if name.endswith(".onnx"):
            loaded = onnx.load_from_string(data)
            onnx.checker.check_model(loaded, full_check=True)
            onnx.shape_inference.infer_shapes(loaded, check_type=True, strict_mode=True, data_prop=True)
