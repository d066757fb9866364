"""Modules of PyTorch to models."""

from __future__ import annotations

from nmc.frontends.torch.module import from_torch

__all__ = ["from_torch"]
