"""Evolves a program: variants of it run side by side on the emulator, and what does better is varied further."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc import program as programs
from nmc.backends import target_named, variants_of
from nmc.datasets import Dataset, score, test_data, train_data
from nmc.errors import UsageError
from nmc.evolution.fitness import Loss, loss_of
from nmc.evolution.genome import Genes, Genome
from nmc.evolution.history import History
from nmc.evolution.search import Strategy, search
from nmc.evolution.subject import Subject
from nmc.model import FloatArray, MetricName, Model
from nmc.pipeline import make_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nmc.backends.target import Variants
    from nmc.program import Program

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""


@dataclass(frozen=True)
class EvolutionOptions:
    """How long to evolve what, and on how much: `samples` of the training data are drawn anew for each generation.

    No generation starts later than `seconds` after the first. `workers` threads run candidates side by side.
    """

    generations: int = 40
    samples: int = 256
    genes: Genes = "channels"
    strategy: Strategy = field(default_factory=Strategy)
    seconds: float | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for what, value in (("generations", self.generations), ("samples", self.samples), ("workers", self.workers)):
            if value is not None and value < 1:
                raise UsageError(f"{what} is {value}", "give 1 or more")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"an evolution of {self.seconds:g} seconds", "give more than 0")


@dataclass(frozen=True)
class Fitness:
    """A program's loss on all training data, and its score on the test data."""

    loss: float
    score: float


@dataclass(frozen=True, eq=False)
class Evolution:
    """What evolution made of a program.

    `generations` are those that ran, `continued` those of them that an earlier call had run; `samples_per_s` is what
    the emulator got through in this call, NaN where none was left to run.
    """

    program: Program
    subject: Subject
    metric: MetricName
    before: Fitness
    after: Fitness
    genes: int
    generations: int
    continued: int
    train_samples: int
    test_samples: int
    samples_per_s: float


def evolve(
    model: Model,
    target: str,
    directory: Path,
    options: EvolutionOptions | None = None,
    *,
    target_options: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> Evolution:
    """Evolve what a target makes of a model on its task's training data, and write the program to `directory`.

    What the search hears is kept beside it, in `directory`.evolution.json, from which the same call goes on. The same
    seed gives the same program, whatever the workers, unless time runs out. Where nothing better is found, it is the
    program as compiled. Raises UsageError for a target that runs no variants, a task without a loss, and a directory
    that is taken, ModelError without training or test data, and ToolError without the package cmaes.
    """
    chosen, given = target_named(target), options or EvolutionOptions()
    settings = make_options(chosen, target_options or {})
    programs.require_replaceable(directory, programs.is_program)
    train, test = train_data(model), test_data(model)
    task = model.task
    assert task is not None  # train_data saw to it
    subject = Subject.of(model, chosen, settings)
    genome = Genome.of(subject, given.genes)
    bench = _Bench(variants_of(chosen), genome, train, loss_of(task), given)
    place = Path(f"{directory}.evolution.json")
    before = History.load(place, _key(genome, train, given), given.strategy.population)
    tell = progress or (lambda what, done, of: None)
    with ThreadPoolExecutor(given.workers or os.cpu_count() or 1) as pool:
        run = _Run(bench, pool.map, place, before, tell)
        mean = search(genome.size, given.strategy, given.generations, run.losses, run.has_time)
    tell("scoring", given.generations, given.generations)
    candidates = [genome.expressed(np.zeros(genome.size)), genome.expressed(mean)]
    losses = bench.of_all(candidates)
    on_test = variants_of(chosen)(subject.program, test.x)
    scores = [score(task, on_test(each)[each.graph.outputs[0]], test.y) for each in candidates]
    best = 1 if losses[1] < losses[0] else 0
    evolved = candidates[best].checked()
    written = programs.write(
        directory, evolved, target=chosen.name, chip=chosen.chip, options=asdict(settings),
        files=chosen.lower(evolved, settings),
    )  # fmt: skip
    return Evolution(
        written, subject, task.metric, Fitness(losses[0], scores[0]), Fitness(losses[best], scores[best]), genome.size,
        run.done, run.continued, len(train.x), len(test.x), run.samples_per_s,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Bench:
    """Where candidates are judged: the same training samples for all of a generation."""

    variants: Variants
    genome: Genome
    data: Dataset
    loss: Loss
    options: EvolutionOptions

    def judge(self, generation: int) -> Callable[[FloatArray], float]:
        """The loss of a vector in a generation."""
        count = min(self.options.samples, len(self.data.x))
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
class _Run:
    """The generations of one call: first those that are known, then those to run, each kept as it comes."""

    bench: _Bench
    map: Callable[[Callable[[FloatArray], float], Sequence[FloatArray]], Sequence[float]]
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
        found = tuple(self.map(self.bench.judge(generation), vectors))
        self.seconds += perf_counter() - started
        self.ran += len(vectors) * min(options.samples, len(self.bench.data.x))
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


def _key(genome: Genome, data: Dataset, options: EvolutionOptions) -> str:
    """What a search depends on, as a digest: the program, the genes, the data, and how it is searched."""
    digest = hashlib.sha256(str(genome.program.graph).encode())
    for name, array in sorted(genome.program.weights.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for layer in genome.layers:
        for synapses in layer.synapses:
            digest.update(synapses.latent.tobytes())
    digest.update(repr((genome.genes, options.samples, options.strategy, data.digest, len(data.x))).encode())
    return digest.hexdigest()
