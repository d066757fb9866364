"""Data sets of torchvision, where that is installed. Nothing is downloaded."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np

from nmc.data_source import TorchvisionSet
from nmc.datasets.frames import frame_of
from nmc.datasets.images import CHANNELS, check_scaling, need_pillow, pixels
from nmc.datasets.listing import Listing
from nmc.errors import ModelError, ToolError, UsageError, closest
from nmc.graph import Shape
from nmc.model import FloatArray

NAMES = ("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST")
"""Those with a training and a test part whose files torchvision checks, or reads as plain numbers."""


class _Pictures(Protocol):
    """What torchvision's data sets have in common."""

    targets: Sequence[int]

    def __getitem__(self, index: int) -> tuple[object, int]: ...


def torchvision_listing(source: TorchvisionSet, shape: Shape) -> Listing:
    """A part of a data set for an input of this shape.

    Raises UsageError for an unknown name, ModelError where it is not in the folder or does not fit, ToolError
    where torchvision is missing.
    """
    if source.dataset not in NAMES:
        what = f"{source.dataset!r} is no data set of torchvision that nmc reads"
        raise UsageError(what, closest(source.dataset, NAMES))
    try:
        module = importlib.import_module("torchvision.datasets")
    except ImportError:
        raise ToolError(
            f"{source.dataset} is read by torchvision, which is not installed", "pip install torchvision"
        ) from None
    need_pillow()
    name = f"torchvision {source.dataset}, {'training' if source.train else 'test'} part"
    frame = frame_of(name, shape, source.scaling.size, CHANNELS)
    check_scaling(name, source.scaling, frame)
    try:
        of_name = getattr(module, source.dataset)
        pictures = cast(_Pictures, of_name(str(source.root), train=source.train, download=False))
        labels = np.asarray(pictures.targets, dtype=np.int64)
    except Exception as error:  # torchvision raises RuntimeError, and whatever damaged files do to its readers
        reason = str(error).partition("\n")[0]
        remedy = f"download it: torchvision.datasets.{source.dataset}({str(source.root)!r}, download=True)"
        raise ModelError(f"{name} is not in {source.root}: {reason}", remedy) from None

    def read(index: int) -> FloatArray:
        from PIL.Image import Image

        image, _ = pictures[index]
        assert isinstance(image, Image)
        return pixels(image, frame, source.scaling, f"{name}, image {index}").reshape(shape)

    return Listing(name, labels, shape, read)
