"""An ONNX file to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nmc.errors import UnsupportedError, UsageError
from nmc.model import Model


@dataclass(frozen=True)
class Options:
    """What an ONNX file leaves open.

    `batch`: whether the first axis of every input counts samples ("first"), or a sample is all that an
    input takes ("none"); "auto" is "first" where every operation lets it. `shapes`: sizes of inputs by
    name, as the file has them, the batch included.
    """

    batch: Literal["auto", "first", "none"] = "auto"
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.batch not in ("auto", "first", "none"):
            raise UsageError(f"batch is {self.batch!r}", "give auto, first or none")


def load(path: Path, options: Options) -> Model:
    """The model that an ONNX file says. Raises UsageError where there is no such file, ModelError with every fault."""
    raise UnsupportedError(f"{path}: ONNX files cannot be read yet")
