"""ONNX files to models."""

from __future__ import annotations

from nmc.frontends.onnx.load import Options, load

__all__ = ["Options", "load"]
