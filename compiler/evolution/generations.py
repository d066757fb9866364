"""Generations of candidates: each is judged by the same samples of the training data, side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.datasets import Dataset
from nmc.errors import UsageError
from nmc.evolution.fitness import Loss
from nmc.evolution.genome import Genes, Genome
from nmc.evolution.history import History
from nmc.evolution.search import Strategy
from nmc.model import FloatArray, Model
from nmc.program import nmc_version

if TYPE_CHECKING:
    from nmc.backends.target import Variants

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""


@dataclass(frozen=True)
class EvolutionOptions:
    """How long to evolve what, and on how much: each generation is judged by `batch` samples of the training data.

    No generation starts later than `seconds` after the first. `workers` threads run candidates side by side.
    """

    generations: int = 40
    batch: int = 256
    genes: Genes = "channels"
    strategy: Strategy = field(default_factory=Strategy)
    seconds: float | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for what, value in (("generations", self.generations), ("batch", self.batch), ("workers", self.workers)):
            if value is not None and value < 1:
                raise UsageError(f"{what} is {value}", "give 1 or more")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"an evolution of {self.seconds:g} seconds", "give more than 0")


@dataclass(frozen=True, eq=False)
class Bench:
    """Where candidates are judged: the same training samples for all of a generation."""

    variants: Variants
    genome: Genome
    data: Dataset
    loss: Loss
    options: EvolutionOptions

    def judge(self, generation: int) -> Callable[[FloatArray], float]:
        """The loss of a vector in a generation."""
        count = min(self.options.batch, len(self.data.x))
        random = np.random.default_rng([self.options.strategy.seed, generation])
        loss = self._on(np.sort(random.choice(len(self.data.x), count, replace=False)))
        return lambda vector: loss(self.genome.expressed(vector))

    def of_all(self, candidates: Sequence[Model]) -> list[float]:
        """The losses of programs on all of the data."""
        return list(map(self._on(np.arange(len(self.data.x))), candidates))

    def _on(self, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Callable[[Model], float]:
        run, y = self.variants(self.genome.program, self.data.x[chosen]), self.data.y[chosen]
        name = self.genome.program.graph.outputs[0]
        return lambda candidate: self.loss(run(candidate)[name], y)


@dataclass(eq=False)
class Run:
    """The generations of one call: first those that are known, then those to run, each kept as it comes."""

    bench: Bench
    pool: Executor
    place: Path
    history: History
    progress: Progress
    done: int = 0
    continued: int = 0
    ran: int = 0
    seconds: float = 0.0

    def losses(self, generation: int, vectors: Sequence[FloatArray]) -> Sequence[float]:
        """The losses of a generation."""
        options = self.bench.options
        self.progress("evolving", generation, options.generations)
        self.done = generation + 1
        if generation < len(self.history.losses):
            self.continued = self.done
            return self.history.losses[generation]
        started = perf_counter()
        found = tuple(self.pool.map(self.bench.judge(generation), vectors))
        self.seconds += perf_counter() - started
        self.ran += len(vectors) * min(options.batch, len(self.bench.data.x))
        self.history = self.history.after(found)
        self.history.save(self.place)
        return found

    def has_time(self) -> bool:
        """Whether another generation may start."""
        limit = self.bench.options.seconds
        return limit is None or self.seconds < limit

    @property
    def samples_per_s(self) -> float:
        """Samples that the emulator ran in a second, all candidates together."""
        return self.ran / self.seconds if self.ran else float("nan")


def key_of(genome: Genome, data: Dataset, options: EvolutionOptions) -> str:
    """What a search depends on, as a digest: the program, the genes, the data, and how it is searched."""
    digest = hashlib.sha256(str(genome.program.graph).encode())
    for name, array in sorted(genome.program.weights.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for layer in genome.layers:
        for synapses in layer.synapses:
            digest.update(synapses.latent.tobytes())
    settings = (nmc_version(), genome.genes, options.batch, options.strategy, data.digest, len(data.x))
    digest.update(repr(settings).encode())
    return digest.hexdigest()
