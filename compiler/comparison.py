"""One model on many targets: accuracy, energy and latency, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc import pipeline, reference
from nmc.backends import target_named
from nmc.data_source import Arrays, DataRecord
from nmc.datasets import Dataset, calibration_data, score, test_data
from nmc.datasets.stand_in import with_stand_in
from nmc.errors import ModelError
from nmc.model import FloatArray, Model

if TYPE_CHECKING:
    from nmc.backends.target import Target
    from nmc.estimates.estimate import Estimate

DEFAULT_TARGETS = ("cpu", "gpu-sim", "tpu-sim", "loihi-sim")
REFERENCE = "reference"

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many targets are done, and how many there are."""


@dataclass(frozen=True)
class Row:
    """One target's result. `score` is the task's metric; `agreement` the share of samples with the
    reference's class; `estimate` is None where no chip stands behind the target, too. `refusal` says why
    there is no result."""

    target: str
    chip: str
    score: float | None = None
    agreement: float | None = None
    estimate: Estimate | None = None
    program: Path | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The rows, and what they were measured on: `reference_score` is the model's own in double precision.

    `test` and `calibration` say which data was read, with its digest, shares and seeds; None without calibration.
    """

    model: str
    metric: str
    data: str
    samples: int
    reference_score: float
    rows: tuple[Row, ...]
    test: DataRecord
    calibration: DataRecord | None = None

    def __str__(self) -> str:
        from nmc.report.terminal import comparison_text

        return comparison_text(self)


def compare_targets(
    model: Model,
    targets: tuple[str, ...],
    directory: Path,
    *,
    samples: int | None = None,
    options: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compile the model for each target, run its test data, and price the run.

    A model without test data runs on random samples, and is scored by how far a target follows it. Options go to
    the targets that know them. Raises UsageError for an unknown target and ModelError for data that do not fit,
    before anything is compiled; a target that refuses the model becomes a row.
    """
    chosen = [target_named(name) for name in targets]
    model = _with_calibration(with_stand_in(model.checked(), samples))
    data = test_data(model, samples)
    tell = progress or (lambda what, done, of: None)
    tell(REFERENCE, 0, len(chosen) + 1)
    expected = _result(reference.run(model, data.x), model)
    rows = []
    for index, target in enumerate(chosen):
        tell(target.name, index + 1, len(chosen) + 1)
        rows.append(_row(model, target, directory / target.name, data, expected, options or {}))
    tell("done", len(chosen) + 1, len(chosen) + 1)
    assert model.task is not None  # test_data saw to it
    return Comparison(
        model.name, model.task.metric, data.name, len(data.x), score(model.task, expected, data.y), tuple(rows),
        data.record, model.task.calibration.record if isinstance(model.task.calibration, Arrays) else None,
    )  # fmt: skip


def _with_calibration(model: Model) -> Model:
    """The model with its calibration samples in memory, so that they are read once for all targets."""
    read = calibration_data(model)
    return model if read is None or model.task is None else replace(model, task=replace(model.task, calibration=read))


def _row(
    model: Model, target: Target, directory: Path, data: Dataset, expected: FloatArray, options: Mapping[str, object]
) -> Row:
    known = {f.name for f in fields(target.options)}
    assert model.task is not None
    try:
        program = pipeline.compile_model(
            model, target.name, directory, {name: value for name, value in options.items() if name in known}
        )
    except ModelError as error:
        return Row(target.name, target.chip, refusal=error.summary())
    result = pipeline.run_program(program, data.x)
    outputs = _result(result.outputs, program.model)
    return Row(
        target.name,
        target.chip,
        score(model.task, outputs, data.y),
        float(np.mean(outputs.argmax(axis=-1) == expected.argmax(axis=-1))) if outputs.ndim > 1 else None,
        pipeline.estimate_run(program, result),
        program.path,
    )


def _result(outputs: Mapping[str, FloatArray], model: Model) -> FloatArray:
    """The value of the only output that a task scores: the first."""
    return outputs[model.graph.outputs[0]]
