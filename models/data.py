"""What the training scripts without PyTorch share: the digits, and writing a model's arrays and samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmc.frontends.weights import as_bytes

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

CALIBRATION_SAMPLES = 128


class Digits(NamedTuple):
    """The scikit-learn digits: x [N, 64] in 0..1 (multiples of 1/16), y [N] class numbers."""

    train_x: Floats
    train_y: Classes
    test_x: Floats
    test_y: Classes


def digits() -> Digits:
    """The digits, 360 of 1797 for the test, stratified; the same split for every model."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, classes = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, classes, test_size=360, random_state=0, stratify=classes
    )
    return Digits(train_x / 16, train_y.astype(np.int64), test_x / 16, test_y.astype(np.int64))


def some(x: Floats, count: int = CALIBRATION_SAMPLES, seed: int = 0) -> Floats:
    """That many of the samples, drawn with a seed; all of them where there are fewer."""
    return x[np.random.default_rng(seed).permutation(len(x))[:count]]


def write_weights(folder: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write weights.safetensors in single precision."""
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    (folder / "weights.safetensors").write_bytes(as_bytes(single))


def write_samples(
    folder: Path, split: str, x: NDArray[np.generic], y: NDArray[np.generic] | None = None
) -> None:
    """Write a split as an .npz with x, in single precision, and y."""
    arrays = {"x": x.astype(np.float32)} | ({} if y is None else {"y": y})
    np.savez_compressed(folder / f"{split}.npz", **arrays)  # type: ignore[arg-type]  # of NumPy's own keywords
