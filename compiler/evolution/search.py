"""Separable CMA-ES with mirrored samples: asks for generations of vectors, and hears how bad each of them is.

Ros and Hansen 2008, A Simple Modification in CMA-ES Achieving Linear Time and Space Complexity; Brockhoff et al. 2010,
Mirrored Sampling and Sequential Selection for Evolution Strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.errors import ToolError, UsageError
from nmc.model import FloatArray

Ask = Callable[[int, Sequence[FloatArray]], Sequence[float]]
"""Given a generation's number and its vectors, their losses."""


@dataclass(frozen=True)
class Strategy:
    """How to search: vectors of a generation, the first standard deviation of each number in them, and the seed."""

    population: int = 24
    sigma: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.population < 4 or self.population % 2:
            raise UsageError(f"a population of {self.population}", "give an even number, 4 or more: it comes in pairs")
        if not 0 < self.sigma < float("inf"):
            raise UsageError(f"sigma is {self.sigma:g}", "give a number above 0, as in 0.05")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"the seed is {self.seed}", "give 0 or more, below 2^32")


def search(size: int, strategy: Strategy, generations: int, losses: Ask, more: Callable[[], bool]) -> FloatArray:
    """The mean [size] that the search ends with, after so many generations or once `more` says no.

    It starts from zeros. The same seed and losses give the same. Raises ToolError without the package cmaes.
    """
    try:
        from cmaes import SepCMA
    except ImportError:
        raise ToolError("cmaes is not installed", "install it: pip install 'nmc[tune]'") from None
    optimizer = SepCMA(np.zeros(size), strategy.sigma, seed=strategy.seed, population_size=strategy.population)
    for generation in range(generations):
        if not more():
            break
        half = [optimizer.ask() for _ in range(strategy.population // 2)]
        asked = [vector for drawn in half for vector in (drawn, 2 * optimizer.mean - drawn)]
        optimizer.tell(list(zip(asked, losses(generation, asked), strict=True)))
    mean: FloatArray = np.array(optimizer.mean)
    return mean
