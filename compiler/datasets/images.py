"""Folders of PNG and JPEG images, a folder for each class, by Pillow."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc.data_source import ImageFolder, Scaling
from nmc.datasets.frames import Frame, frame_of
from nmc.datasets.listing import Listing, files_by_class, unreadable
from nmc.errors import ModelError, ToolError
from nmc.graph import Shape
from nmc.model import FloatArray

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
CHANNELS = {1: "grey", 3: "red, green, blue"}
LIMIT_PIXELS = 1 << 26
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
"""Kinds of image with 8 bits a channel or fewer."""


def image_listing(source: ImageFolder, shape: Shape) -> Listing:
    """The images of a folder for an input of this shape. Raises ModelError; ToolError where Pillow is missing."""
    need_pillow()
    frame = frame_of(str(source.path), shape, source.scaling.size, CHANNELS)
    check_scaling(str(source.path), source.scaling, frame)
    paths, labels = files_by_class(source.path, SUFFIXES)
    return Listing(
        source.path.name, labels, shape, lambda index: _read(paths[index], frame, source.scaling).reshape(shape)
    )


def need_pillow() -> None:
    """Raises ToolError where Pillow is not installed."""
    try:
        importlib.import_module("PIL.Image")
    except ImportError:
        raise ToolError("images are read by Pillow, which is not installed", "pip install 'nmc[images]'") from None


def check_scaling(name: str, scaling: Scaling, frame: Frame) -> None:
    """Raises ModelError where mean and std are not one for all channels, or one for each."""
    for fact, values in (("mean", scaling.mean), ("std", scaling.std)):
        if len(values) not in (1, frame.channels):
            raise ModelError(
                f"{name}: {fact} has {len(values)} values for {frame.channels} channels", "give one, or one a channel"
            )


def pixels(image: Image, frame: Frame, scaling: Scaling, name: str) -> FloatArray:
    """An open image as [channels, height, width], scaled. Raises ModelError where its size or kind is another."""
    if image.mode not in _MODES:
        raise ModelError(f"{name} has pixels of kind {image.mode}, not 8 bits a channel", "convert it to 8 bits")
    if image.size != (frame.width, frame.height):
        if scaling.size is None:
            raise ModelError(
                f"{name} is {image.height} x {image.width} pixels (height x width), but the input takes"
                f" {frame.height} x {frame.width}",
                f"add 'size: [{frame.height}, {frame.width}]' to resize such images",
            )
        image = image.convert("RGB" if frame.channels == 3 else "L")
        image = image.resize((frame.width, frame.height), resample=2)  # bilinear
    values = np.asarray(image.convert("RGB" if frame.channels == 3 else "L"), dtype=np.float64) / 255
    channels = values.reshape(frame.height, frame.width, frame.channels).transpose(2, 0, 1)
    mean, std = (np.asarray(numbers).reshape(-1, 1, 1) for numbers in (scaling.mean, scaling.std))
    scaled: FloatArray = (channels - mean) / std
    return scaled


def _read(path: Path, frame: Frame, scaling: Scaling) -> FloatArray:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > LIMIT_PIXELS:
                raise ModelError(f"{path} has {image.width} x {image.height} pixels", f"{LIMIT_PIXELS} are the limit")
            image.load()
            return pixels(image, frame, scaling, str(path))
    except Exception as error:  # damaged files fail in many ways, each decoder with its own errors
        raise unreadable(path, "a whole PNG or JPEG image", error, "write it again, or remove it") from None
