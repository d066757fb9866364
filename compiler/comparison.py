"""One model on many targets, at one setting or at many: accuracy, energy and latency, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.data_source import DataRecord
from nmc.datasets.stand_in import with_stand_in
from nmc.findings import Finding, each_once
from nmc.sweeps.grid import Axes, Point, grid
from nmc.sweeps.measure import Subject
from nmc.sweeps.sweep import HERE, Progress, Workers, crew, measure_all

if TYPE_CHECKING:
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame

    from nmc.backends.target import Options, Target
    from nmc.model import MetricName, Model
    from nmc.sweeps.result import PointResult

DEFAULT_TARGETS = ("cpu", "gpu-sim", "tpu-sim", "loihi-sim")
REFERENCE = "reference"


@dataclass(frozen=True)
class Comparison:
    """A row for each target and setting, and what they were measured on.

    `reference_score` is the model's own in double precision. `test` and `calibration` say which data was read, with
    its digest, shares and seeds; None without calibration. `programs` are the directories of the programs that were
    kept, by the key of their row, `results` the file that the rows are kept in.
    """

    model: str
    metric: MetricName
    data: str
    samples: int
    reference_score: float
    rows: tuple[PointResult, ...]
    test: DataRecord
    calibration: DataRecord | None = None
    programs: Mapping[str, Path] = field(default_factory=dict)
    results: Path | None = None

    @cached_property
    def front(self) -> frozenset[str]:
        """The keys of the rows that no other beats in energy, latency and score at once."""
        from nmc.sweeps.front import pareto_front

        return pareto_front(self.rows)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The warnings about the data, the model and the targets, each once."""
        return each_once([finding for row in self.rows for finding in row.findings])

    @property
    def swept(self) -> bool:
        """Whether a target was measured at several settings."""
        return max(Counter(row.target for row in self.rows).values(), default=0) > 1

    def __iter__(self) -> Iterator[PointResult]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        from nmc.report.comparison import comparison_text

        return comparison_text(self)

    def _repr_html_(self) -> str:
        from nmc.report.notebook import comparison_html

        return comparison_html(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows as an Arrow stream, for any library that reads them."""
        from nmc.sweeps.frames import arrow_stream

        return arrow_stream(self.rows, requested_schema)

    def to_pandas(self) -> PandasFrame:
        """The rows as a pandas data frame, a column for each chosen option. Raises ToolError without pandas."""
        from nmc.sweeps.frames import to_pandas

        return to_pandas(self.rows)

    def to_polars(self) -> PolarsFrame:
        """The same as a polars data frame. Raises ToolError without polars."""
        from nmc.sweeps.frames import to_polars

        return to_polars(self.rows)


def compare_targets(
    model: Model,
    targets: Sequence[str | Target[Options]],
    axes: Axes,
    *,
    samples: int | None = None,
    seed: int = 0,
    source: str | None = None,
    programs: Path | None = None,
    results: Path | None = None,
    workers: Workers = HERE,
    progress: Progress | None = None,
) -> Comparison:
    """Compile the model for each target at every setting of the axes, run its test data, and price the runs.

    Programs are written below `programs`, if that is given. Results are kept in the file `results`, and those that
    are there already are not measured again. A model without test data runs on its calibration samples, or on
    noise, and is scored by how far a target follows it. Raises UsageError for an unknown target, option or value and
    ModelError for data that do not fit, before anything runs; a target that refuses the model becomes a row.
    """
    points = grid(model, targets, axes)
    tell = progress or (lambda what, done, of: None)
    tell(REFERENCE, 0, len(points))
    subject = Subject.of(with_stand_in(model.checked(), samples), samples=samples, seed=seed, source=source)
    places = None if programs is None else _places(programs, points)
    with ExitStack() as stack:
        store = None
        if results is not None:
            from nmc.sweeps.store import opened

            store = stack.enter_context(opened(results))
        measured = stack.enter_context(crew(subject, workers))
        rows = measure_all(subject, points, measured, store=store, programs=places, progress=tell)
    written = {} if places is None else {
        row.key: places(point) for point, row in zip(points, rows, strict=True) if row.refusal is None
    }  # fmt: skip
    return comparison_of(subject, rows, written, results)


def comparison_of(
    subject: Subject,
    rows: tuple[PointResult, ...],
    programs: Mapping[str, Path] | None = None,
    results: Path | None = None,
) -> Comparison:
    """The comparison that some results of a subject make."""
    return Comparison(
        subject.model.name, subject.task.metric, subject.data.name, subject.data.record.samples,
        subject.reference_score, rows, subject.data.record, subject.calibration, programs or {}, results,
    )  # fmt: skip


def _places(programs: Path, points: Sequence[Point]) -> Callable[[Point], Path]:
    """Where the program of each point goes: in a folder for its target and, of several settings, one for each."""
    several = Counter(point.target for point in points)

    def place(point: Point) -> Path:
        folder = programs / point.target
        return folder / point.setting.replace("/", "_") if several[point.target] > 1 else folder

    return place
