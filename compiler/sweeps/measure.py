"""Measures one point: compiles the model, runs its test set, prices the run. What happens on a worker."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import TYPE_CHECKING

import numpy as np

from nmc import pipeline, reference
from nmc.control.rollout import rollout
from nmc.control.score import Played, played, streams
from nmc.data_source import Arrays, DataRecord
from nmc.datasets import Dataset, calibration_data, score, test_data
from nmc.datasets.data_findings import data_findings
from nmc.errors import ModelError, ToolError, UsageError
from nmc.findings import Finding
from nmc.finite import require_numbers
from nmc.metrics import metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.program import Program, nmc_version
from nmc.sweeps.address import model_digest, point_key
from nmc.sweeps.details import core_results, first_raster, layer_results, rounding_errors
from nmc.sweeps.result import Cost, Execution, LayerResult, PointResult
from nmc.sweeps.run_findings import answer_findings, own_findings, score_findings, spiking_findings
from nmc.sweeps.score_interval import score_interval

if TYPE_CHECKING:
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Translated
    from nmc.sweeps.grid import Point


@dataclass(frozen=True, eq=False)
class Subject:
    """What all points of a sweep have in common: the model, its data in memory, and what it puts out itself.

    `expected` are its outputs in double precision, [samples, ...], and `scored` what its score is taken of: these or,
    for control, the return of each episode. `chooses`: whether the largest of an output's values is what counts.
    `source` is what to type for the model, `samples` the limit on the test set, or on the episodes, `seed` what random
    choices start from. `findings` are warnings about the data and what the model itself makes of them.
    """

    model: Model
    task: Task
    digest: str
    data: Dataset
    calibration: DataRecord | None
    expected: FloatArray
    scored: FloatArray
    chooses: bool
    source: str
    samples: int | None
    seed: int
    nmc: str
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, model: Model, *, samples: int | None = None, seed: int = 0, source: str | None = None) -> Subject:
        """Reads the data, once for all points, and runs the reference. Raises ModelError for data that do not fit."""
        model = model.checked()
        read = calibration_data(model)
        acting = _acting(model, samples)
        data = test_data(model, samples) if acting is None else acting.data
        assert model.task is not None  # test_data saw to it
        task = model.task if read is None else replace(model.task, calibration=read)
        task = task if acting is None else replace(task, control=acting.control)
        outputs = _result(reference.run(model, data.x), model)
        require_numbers(model, {model.graph.outputs[0]: outputs})
        calibrated = None if read is None else read.x
        found = (*data_findings(model, task, data, calibrated, outputs), *own_findings(model, data.x))
        return cls(
            replace(model, task=task), task, model_digest(model), data,
            task.calibration.record if isinstance(task.calibration, Arrays) else None,
            outputs, outputs if acting is None else acting.episodes.returns,
            task.kind == "classification" if acting is None else acting.episodes.chosen,
            source or model.name, samples, seed, nmc_version(), found,
        )  # fmt: skip

    def key(self, point: Point) -> str:
        """What the result of a point is kept under."""
        return point_key(point, self.digest, self.data.record, self.calibration, self.seed)

    def command(self, point: Point) -> str:
        """What to type to measure a point again."""
        words = ["nmc", "compare", self.source, "--targets", point.aim.given]
        for name, value in point.given.items():
            words += [] if value is None else ["-O", f"{name}={value}"]
        words += [] if self.samples is None else ["--samples", str(self.samples)]
        return shlex.join(words + ([] if self.seed == 0 else ["--seed", str(self.seed)]))

    @property
    def reference_score(self) -> float:
        """The model's own score in double precision."""
        return _score(self.task, self.scored, self.data.y)


def measure(subject: Subject, point: Point, directory: Path | None = None) -> tuple[PointResult, Execution]:
    """Everything there is to know of a point, and how it was measured.

    The program is written to `directory`; without one it is gone afterwards. A target that refuses the model gives
    a result that says why. Raises ToolError where an engine fails or this is another version of nmc than the
    subject's, UsageError for options that only compiling finds wrong.
    """
    if subject.nmc != nmc_version():
        raise ToolError(
            f"this worker has nmc {nmc_version()}, the sweep was begun by nmc {subject.nmc}",
            "install the same version on all machines",
        )
    with TemporaryDirectory(prefix="nmc-") as scratch:
        return _measure(subject, point, directory or Path(scratch) / "program")


def _measure(subject: Subject, point: Point, directory: Path) -> tuple[PointResult, Execution]:
    began, started = time(), perf_counter()
    row = _unmeasured(subject, point)
    steps: list[Translated] = []
    try:
        program = pipeline.compile_model(
            subject.model, point.aim, directory, point.options, keep=steps.append
        )
    except ModelError as error:
        return replace(row, refusal=error.summary()), _execution(began, perf_counter() - started, 0.0)
    compiled = perf_counter()
    control = subject.task.control
    try:
        returns = None if control is None else rollout(program, control).returns
    except (ModelError, UsageError) as error:
        return replace(row, refusal=error.summary()), _execution(began, compiled - started, perf_counter() - compiled)
    try:
        result = pipeline.run_program(program, subject.data.x)
    except ModelError as error:
        return replace(row, refusal=error.summary()), _execution(began, compiled - started, perf_counter() - compiled)
    ran = perf_counter()
    outputs = _result(result.outputs, program.model)
    execution = _execution(began, compiled - started, ran - compiled)
    if control is not None and streams(program.model.graph):
        result = replace(result, events=result.events.of_a_step)
    scored = outputs if returns is None else returns
    value = _score(subject.task, scored, subject.data.y)
    if not np.isfinite(value):
        return replace(row, refusal="its outputs there are not finite"), execution
    estimate = pipeline.estimate_run(program, result)
    layers = layer_results(program, result.events, estimate, rounding_errors(steps))
    interval = score_interval(subject.task, scored, subject.data.y, subject.seed)
    return replace(
        row,
        score=value,
        score_interval=interval,
        agreement=_agreement(outputs, subject.expected) if subject.chooses else None,
        steps=None if program.model.graph.dt_s is None else program.steps,
        cost=None if estimate is None else _cost(estimate),
        layers=layers,
        cores=core_results(program, result.events),
        raster=first_raster(program, subject.data.x),
        findings=(*subject.findings, *_found(subject, point.target, program, layers, outputs, value, interval)),
        verified=program.manifest.verified,
    ), execution


def _found(
    subject: Subject,
    target: str,
    program: Program,
    layers: tuple[LayerResult, ...],
    outputs: FloatArray,
    score: float,
    interval: tuple[float, float] | None,
) -> Iterator[Finding]:
    """The warnings about a run that were not given about the model itself."""
    known = {finding.name for finding in subject.findings}
    for finding in spiking_findings(program.model.graph, layers, target):
        if finding.name not in known:
            yield finding
    if "one-answer" not in known and subject.task.control is None:
        yield from answer_findings(outputs, subject.expected, target)
    if subject.task.control is None:
        yield from score_findings(subject.task.metric, score, interval, subject.reference_score, target)


def _unmeasured(subject: Subject, point: Point) -> PointResult:
    return PointResult(
        key=subject.key(point),
        model=subject.model.name,
        model_digest=subject.digest,
        target=point.target,
        chip=point.aim.chip_name,
        options=point.options,
        given=point.given,
        data=subject.data.record,
        calibration=subject.calibration,
        seed=subject.seed,
        nmc=subject.nmc,
        metric=subject.task.metric,
        reference_score=subject.reference_score,
        command=subject.command(point),
        findings=subject.findings,
        clocked=point.aim.options.clocked,
    )


def _cost(estimate: Estimate) -> Cost:
    return Cost(
        estimate.energy_j, estimate.latency_s, estimate.baseline, estimate.grade, estimate.components,
        estimate.missing, estimate.measured,
    )  # fmt: skip


def _acting(model: Model, episodes: int | None) -> Played | None:
    """The model's own episodes for control; None for any other task."""
    control = None if model.task is None else model.task.control
    return None if control is None else played(model, control, episodes)


def _score(task: Task, scored: FloatArray, labels: Array) -> float:
    """A score of outputs or, for control, of returns."""
    return score(task, scored, labels) if task.control is None else metric_of(task.metric).measure(scored, labels)


def _agreement(outputs: FloatArray, expected: FloatArray) -> float:
    """The share of samples in which the same of the values is the largest; one that is NaN never is."""
    alike = outputs.argmax(axis=-1) == expected.argmax(axis=-1)
    return float(np.mean(alike & ~np.isnan(outputs).any(axis=-1)))


def _result(outputs: Mapping[str, FloatArray], model: Model) -> FloatArray:
    """The value of the only output that a task scores: the first."""
    return outputs[model.graph.outputs[0]]


def _execution(began: float, compile_s: float, run_s: float) -> Execution:
    return Execution(platform.node(), str(os.getpid()), began, compile_s, run_s, _versions())


@cache
def _versions() -> Mapping[str, str]:
    from importlib.metadata import version

    packages = ("nmc", "numpy", "numba", "onnxruntime")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
