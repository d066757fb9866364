"""Samples of several inputs as one array: a structured one, [samples], with a field for each input.

Its parts are views by name, and slices and choices of samples are those of any array, so whatever takes samples of one
input takes these. `nmc.reference.interpreter.as_feeds` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nmc.errors import ModelError
from nmc.model import Array


def joined(name: str, parts: Mapping[str, Array]) -> Array:
    """Arrays [samples, ...] of each input, by its name, as one. Raises ModelError where they are not as many."""
    counts = {part: len(array) if array.ndim else 0 for part, array in parts.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        said = ", ".join(f"{part} {count}" for part, count in counts.items())
        raise ModelError(f"{name}: the inputs differ in their number of samples: {said}", "give as many to each input")
    whole = np.empty(
        next(iter(counts.values())), [(part, array.dtype, array.shape[1:]) for part, array in parts.items()]
    )
    for part, array in parts.items():
        whole[part] = array
    return whole


def parts_of(x: Array) -> Mapping[str, Array]:
    """The array of each input by its name; of samples of one input alone, that array under no name."""
    return {"": x} if x.dtype.names is None else {part: cast("NDArray[np.void]", x)[part] for part in x.dtype.names}
