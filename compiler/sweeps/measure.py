"""Measures one point: compiles the model, runs its test set, prices the run. What happens on a worker."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import TYPE_CHECKING

import numpy as np

from nmc import pipeline, reference
from nmc.backends import target_named
from nmc.data_source import Arrays, DataRecord
from nmc.datasets import Dataset, calibration_data, score, test_data
from nmc.datasets.stand_in import with_stand_in
from nmc.errors import ModelError, ToolError
from nmc.model import FloatArray, Model, Task
from nmc.program import nmc_version
from nmc.sweeps.address import model_digest, point_key
from nmc.sweeps.details import core_results, first_raster, layer_results, rounding_errors
from nmc.sweeps.result import Cost, Execution, PointResult
from nmc.sweeps.score_interval import score_interval

if TYPE_CHECKING:
    from nmc.estimates.estimate import Estimate
    from nmc.sweeps.grid import Point


@dataclass(frozen=True, eq=False)
class Subject:
    """What all points of a sweep have in common: the model, its data in memory, and what it puts out itself.

    `expected` are its outputs in double precision, [samples, ...]. `source` is what to type for the model, `samples`
    the limit on the test set, `seed` what random choices start from.
    """

    model: Model
    task: Task
    digest: str
    data: Dataset
    calibration: DataRecord | None
    expected: FloatArray
    source: str
    samples: int | None
    seed: int
    nmc: str

    @classmethod
    def of(cls, model: Model, *, samples: int | None = None, seed: int = 0, source: str | None = None) -> Subject:
        """Reads the data, once for all points, and runs the reference. A model without any gets random samples.

        Raises ModelError for data that do not fit.
        """
        model = with_stand_in(model.checked(), samples)
        read = calibration_data(model)
        data = test_data(model, samples)
        assert model.task is not None  # test_data saw to it
        task = model.task if read is None else replace(model.task, calibration=read)
        outputs = _result(reference.run(model, data.x), model)
        return cls(
            replace(model, task=task), task, model_digest(model), data,
            task.calibration.record if isinstance(task.calibration, Arrays) else None,
            outputs, source or model.name, samples, seed, nmc_version(),
        )  # fmt: skip

    def key(self, point: Point) -> str:
        """What the result of a point is kept under."""
        return point_key(point, self.digest, self.data.record, self.calibration, self.seed)

    def command(self, point: Point) -> str:
        """What to type to measure a point again."""
        words = ["nmc", "compare", self.source, "--targets", point.target]
        for name, value in point.given.items():
            words += [] if value is None else ["-O", f"{name}={value}"]
        words += [] if self.samples is None else ["--samples", str(self.samples)]
        return shlex.join(words + ([] if self.seed == 0 else ["--seed", str(self.seed)]))

    @property
    def reference_score(self) -> float:
        """The model's own score in double precision."""
        return score(self.task, self.expected, self.data.y)


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
    stages: dict[str, Model] = {}
    try:
        program = pipeline.compile_model(
            subject.model, point.target, directory, point.options, watch=stages.__setitem__
        )
    except ModelError as error:
        return replace(row, refusal=error.summary()), _execution(began, perf_counter() - started, 0.0)
    compiled = perf_counter()
    result = pipeline.run_program(program, subject.data.x)
    ran = perf_counter()
    outputs = _result(result.outputs, program.model)
    value = score(subject.task, outputs, subject.data.y)
    execution = _execution(began, compiled - started, ran - compiled)
    if not np.isfinite(value):
        return replace(row, refusal="its outputs there are not finite"), execution
    estimate = pipeline.estimate_run(program, result)
    classes = subject.task.kind == "classification"
    return replace(
        row,
        score=value,
        score_interval=score_interval(subject.task, outputs, subject.data.y, subject.seed),
        agreement=float(np.mean(outputs.argmax(axis=-1) == subject.expected.argmax(axis=-1))) if classes else None,
        steps=None if program.model.graph.dt_s is None else program.steps,
        cost=None if estimate is None else _cost(estimate),
        layers=layer_results(program, result.events, estimate, rounding_errors(stages)),
        cores=core_results(program, result.events),
        raster=first_raster(program, subject.data.x),
    ), execution


def _unmeasured(subject: Subject, point: Point) -> PointResult:
    return PointResult(
        key=subject.key(point),
        model=subject.model.name,
        model_digest=subject.digest,
        target=point.target,
        chip=target_named(point.target).chip,
        options=point.options,
        given=point.given,
        data=subject.data.record,
        calibration=subject.calibration,
        seed=subject.seed,
        nmc=subject.nmc,
        metric=subject.task.metric,
        reference_score=subject.reference_score,
        command=subject.command(point),
    )


def _cost(estimate: Estimate) -> Cost:
    return Cost(
        estimate.energy_j, estimate.latency_s, estimate.baseline, estimate.grade, estimate.components,
        estimate.missing, estimate.measured,
    )  # fmt: skip


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
