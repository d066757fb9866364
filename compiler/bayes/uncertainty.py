"""What a model knows of its own doubt on a target: many draws of its weights beside the point network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nmc import pipeline
from nmc.backends import distinct
from nmc.backends.target import Options, Target
from nmc.bayes.quality import HELD_OUT, TEST, Outcome, Quality, quality_of
from nmc.bayes.sampling import certain, sampled
from nmc.bayes.unknown import unknown_samples
from nmc.comparison import DEFAULT_TARGETS
from nmc.datasets import labelled_calibration, test_data
from nmc.errors import ModelError, UsageError
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Softmax
from nmc.sweeps.sweep import Progress


@dataclass(frozen=True)
class TargetUncertainty:
    """A target: the model with drawn weights, and the point network of their means; or why it refuses the model."""

    target: str
    drawn: Quality | None = None
    point: Quality | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Uncertainty:
    """A row for each target, and what they were measured on. `fitted` says whether temperatures were fitted."""

    model: str
    data: str
    samples: int
    draws: int
    seed: int
    fitted: bool
    rows: tuple[TargetUncertainty, ...]

    def __getitem__(self, target: str) -> TargetUncertainty:
        return next(row for row in self.rows if row.target == target)


def measure_uncertainty(
    model: Model,
    targets: Iterable[str] = DEFAULT_TARGETS,
    *,
    draws: int = 16,
    seed: int = 0,
    samples: int | None = None,
    unknown: Path | None = None,
    fit_temperature: bool = False,
    options: Mapping[str, object] | None = None,
    engine: str | None = None,
    progress: Progress | None = None,
) -> Uncertainty:
    """Compile and run `draws` sets of weights on each target, and the mean weights beside them.

    `samples` limits the test set; `unknown` is a file of samples that no class is right for. With `fit_temperature`,
    the mean probabilities on each target are tempered to suit the labels of the task's calibration data: for the drawn
    weights and the point network alike. `options` and `engine` go to every target. A target that refuses a set
    of weights gives a row with the reason. Raises UsageError for a model without deviations or classes, ModelError for
    data that do not fit.
    """
    model = model.checked()
    data = test_data(model, samples)
    _require(model, draws)
    held_out = labelled_calibration(model) if fit_temperature else None
    known = {TEST: data.x} if held_out is None else {TEST: data.x, HELD_OUT: held_out.x}
    sets = {**known, **unknown_samples(model, data.x, seed, unknown)}
    aims, weights = distinct(targets), (certain(model), *(sampled(model, seed, draw) for draw in range(draws)))
    tell = progress or (lambda what, done, of: None)
    rows: list[TargetUncertainty] = []
    for target in aims:
        try:
            outcomes: list[Outcome] = []
            for one in weights:
                tell(target.name, len(rows) * len(weights) + len(outcomes), len(aims) * len(weights))
                outcomes.append(_outcome(one, target, sets, options or {}, engine))
        except ModelError as error:
            rows.append(TargetUncertainty(target.name, refusal=error.summary()))
        else:
            point, *drawn = outcomes
            qualities = quality_of(drawn, data, held_out), quality_of([point], data, held_out)
            rows.append(TargetUncertainty(target.name, *qualities))
    return Uncertainty(model.name, data.name, len(data.x), draws, seed, fit_temperature, tuple(rows))


def _require(model: Model, draws: int) -> None:
    """Raises UsageError for what has no doubt to measure."""
    if draws < 1:
        raise UsageError(f"{draws} draws", "draw 1 set of weights or more")
    if not model.deviations:
        raise UsageError(
            f"the weights of {model.name} have no deviations: every draw would be the same",
            "name them in its model.yaml, as in 'deviations: {fc1.weight: fc1.weight.std}'",
        )
    if model.task is None or model.task.kind != "classification":
        raise UsageError(f"{model.name} does not tell classes apart", "give a model whose task is classification")


def _outcome(
    model: Model,
    target: Target[Options],
    sets: Mapping[str, FloatArray],
    options: Mapping[str, object],
    engine: str | None,
) -> Outcome:
    """Compile and run one set of weights; an inference costs what it does on the test set."""
    with TemporaryDirectory(prefix="nmc-") as scratch:
        program = pipeline.compile_model(model, target, Path(scratch) / "program", options)
        results = {name: pipeline.run_program(program, x, engine=engine) for name, x in sets.items()}
        estimate = pipeline.estimate_run(program, results[TEST])
    output = program.model.graph.outputs[0]
    found = {name: result.outputs[output] for name, result in results.items()}
    if isinstance(model.graph[model.graph.outputs[0]], Softmax):
        found = {name: np.log(np.maximum(shares, np.finfo(np.float64).tiny)) for name, shares in found.items()}
    if estimate is None:
        return Outcome(found)
    return Outcome(found, estimate.energy_j, estimate.latency_s, estimate.missing)
