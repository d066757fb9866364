"""Evolves a program: variants of it run side by side on the emulator, and what does better is varied further."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc import program as programs
from nmc.backends import able, target_named
from nmc.backends.target import VARIANTS
from nmc.datasets import score, test_data, train_data
from nmc.evolution.fitness import loss_of
from nmc.evolution.generations import Bench, EvolutionOptions, Progress, Run, key_of
from nmc.evolution.genome import Genome
from nmc.evolution.history import History
from nmc.evolution.neurons import as_neurons
from nmc.evolution.search import search
from nmc.evolution.subject import Subject
from nmc.model import MetricName, Model
from nmc.pipeline import program_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nmc.program import Program


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

    def model(self) -> Model:
        """The evolved program as a network of neurons, which compiles to it again. Raises UnsupportedError."""
        found = as_neurons(self.subject.neurons, self.program.model)
        return replace(
            found, name=f"{self.program.name}-evolved",
            description=f"{self.program.name} as neurons, evolved on {self.program.target} with weights of "
            f"{self.subject.weight_bits} bits for runs of {found.steps} steps",
        )  # fmt: skip


def evolve(
    model: Model,
    target: str,
    directory: Path,
    options: EvolutionOptions | None = None,
    *,
    target_options: Mapping[str, object] | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> Evolution:
    """Evolve what a target makes of a model on its task's training data, and write the program to `directory`.

    What the search hears is kept beside it, in `directory`.evolution.json, from which the same call goes on. The same
    seed gives the same program, whatever the workers, unless time runs out. Where nothing better is found, it is the
    program as compiled. `samples` limits the test set. Raises UsageError for a target that runs no variants, a task
    without a loss, and a directory that is taken, ModelError without training or test data, and ToolError without the
    package cmaes.
    """
    chosen, given = target_named(target), options or EvolutionOptions()
    settings = chosen.configured(target_options or {})
    programs.require_replaceable(directory, programs.is_program)
    train, test = train_data(model), test_data(model, samples)
    task = model.task
    assert task is not None  # train_data saw to it
    subject = Subject.of(model, chosen, settings)
    genome = Genome.of(subject, given.genes)
    bench = Bench(able(chosen, VARIANTS), genome, train, loss_of(task), given)
    place = Path(f"{directory}.evolution.json")
    before = History.load(place, key_of(genome, train, given), given.strategy.population)
    tell = progress or (lambda what, done, of: None)
    with ThreadPoolExecutor(given.workers or os.cpu_count() or 1) as pool:
        run = Run(bench, pool, place, before, tell)
        mean = search(genome.size, given.strategy, given.generations, run.losses, run.has_time)
    tell("scoring", given.generations, given.generations)
    candidates = [genome.expressed(np.zeros(genome.size)), genome.expressed(mean)]
    losses = bench.of_all(candidates)
    on_test = able(chosen, VARIANTS)(subject.program, test.x)
    scores = [score(task, on_test(each)[each.graph.outputs[0]], test.y) for each in candidates]
    best = 1 if losses[1] < losses[0] else 0
    evolved = candidates[best].checked()
    written = programs.write(
        directory, evolved, target=chosen.name, chip=chosen.chip_name, options=asdict(settings),
        files=program_files(chosen, evolved, settings),
    )  # fmt: skip
    return Evolution(
        written, subject, task.metric, Fitness(losses[0], scores[0]), Fitness(losses[best], scores[best]), genome.size,
        run.done, run.continued, len(train.x), len(test.x), run.samples_per_s,
    )  # fmt: skip
