"""Where the samples of a task come from, and which of them are taken: facts only, nothing is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Selection:
    """Which samples are taken: a share of all, in the order of the data or, with `seed`, in a shuffled one.

    Shares that do not overlap, of one seed, have no sample in common. `samples` limits their number.
    """

    share: tuple[float, float] = (0.0, 1.0)
    samples: int | None = None
    seed: int | None = None

    def indices(self, count: int) -> NDArray[np.intp]:
        """The indices taken of `count` samples; a share's ends round to the nearest sample, halves to even."""
        order = np.arange(count) if self.seed is None else np.random.default_rng(self.seed).permutation(count)
        first, last = (round(end * count) for end in self.share)
        return order[first:last][: self.samples]


EVERYTHING = Selection()


Role = Literal["test", "calibration", "noise"]
"""What a score is taken on: test data or, where there is none, calibration samples or noise that stand in."""


@dataclass(frozen=True)
class DataRecord:
    """What a result was measured on: the data's name, its SHA-256, how many samples, which ones, and in which role."""

    name: str
    digest: str
    samples: int
    selection: Selection = EVERYTHING
    role: Role = "test"


@dataclass(frozen=True, eq=False)
class Arrays:
    """Samples in memory: x [samples, *shape], or [samples, steps, *shape] where the input streams.

    `y` are the labels; None where there are none. `record` says where they come from, if they were read.
    """

    x: NDArray[np.generic]
    y: NDArray[np.generic] | None = None
    name: str = "arrays"
    record: DataRecord | None = None


@dataclass(frozen=True, kw_only=True)
class ArrayFile:
    """Some samples of an .npz with x and y, or of an .npy."""

    path: Path
    selection: Selection = EVERYTHING


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How pixels become numbers: (value / 255 - mean) / std, one number for all channels or one for each.

    `size`: [height, width] that images of other sizes are resized to; None takes only images of the input's size.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, kw_only=True)
class ImageFolder:
    """PNG and JPEG images, in a folder for each class; classes count from 0 in the order of the folders' names."""

    path: Path
    scaling: Scaling = field(default_factory=Scaling)
    selection: Selection = EVERYTHING


@dataclass(frozen=True, kw_only=True)
class TorchvisionSet:
    """A data set of torchvision that was downloaded to `root`. `train`: its training part, else its test part."""

    dataset: str
    root: Path
    train: bool
    scaling: Scaling = field(default_factory=Scaling)
    selection: Selection = EVERYTHING


TimeUnit = Literal["s", "ms", "us", "ns"]
"""The units that the times of events come in."""


@dataclass(frozen=True, kw_only=True)
class EventRecordings:
    """Recordings of an event camera, in a folder for each class, or labelled ones in one HDF5 file.

    Events are counted in `bins` time bins (None: the steps of the model) of `bin_s` seconds, or, without it, of
    equal parts of each recording. `size`: [height, width] of the sensor; None takes the input's. `binary`: a
    bin holds 1 where there was an event, not their number. `unit`: that of the times in HDF5 files; None takes what
    the file says, or else the format's own, and refuses times that cannot be in it.
    """

    path: Path
    size: tuple[int, int] | None = None
    bins: int | None = None
    bin_s: float | None = None
    binary: bool = False
    unit: TimeUnit | None = None
    selection: Selection = EVERYTHING


Source = Path | Arrays | ArrayFile | ImageFolder | TorchvisionSet | EventRecordings
"""A path alone is an array file of which everything is taken."""
