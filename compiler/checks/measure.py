"""What is held to budgets and to a baseline: the score and cost of a model on a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nmc.chips import load_chip
from nmc.chips.chip import CpuChip
from nmc.comparison import compare_targets
from nmc.data_source import DataRecord
from nmc.errors import UsageError
from nmc.estimates.estimate import Component
from nmc.estimates.interval import Interval
from nmc.model import Model
from nmc.program import OptionValue
from nmc.sweeps.result import PointResult
from nmc.sweeps.sweep import Progress


@dataclass(frozen=True)
class Measured:
    """One target's result on the test data `data`: the task's score, and means for one inference.

    Energy and latency are None where no chip stands behind the target. `missing` names the prices that the energy
    leaves out. `layers` is the energy in joules of each node of the compiled graph. A target that cannot hold the model
    has a `refusal` and nothing else. `clocked`: its time was measured on this machine, and differs from run to run.
    """

    target: str
    chip: str
    data: DataRecord
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    score: float | None = None
    energy_j: Interval | None = None
    latency_s: Interval | None = None
    missing: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    layers: Mapping[str, float] = field(default_factory=dict)
    clocked: bool = False
    refusal: str | None = None


def measure(
    model: Model, targets: tuple[str, ...], *, samples: int | None = None, progress: Progress | None = None
) -> tuple[Measured, ...]:
    """Compile the model for each target and run its test set there; nothing is kept on disk.

    Raises UsageError for an unknown target, ModelError without test data, ToolError where a tool is missing or fails.
    """
    comparison = compare_targets(model, targets, {}, samples=samples, progress=progress)
    return tuple(map(_measured, comparison.rows))


def _measured(row: PointResult) -> Measured:
    if row.refusal is not None:
        return Measured(row.target, row.chip, row.data, refusal=row.refusal)
    if (cost := row.cost) is None:
        return Measured(row.target, row.chip, row.data, row.options, row.score)
    layers = {layer.node: layer.energy_j.best for layer in row.layers if layer.energy_j is not None}
    return Measured(
        row.target, row.chip, row.data, row.options, row.score, cost.energy_j, cost.latency_s, cost.missing,
        cost.components, layers, _clocked(row.chip),
    )  # fmt: skip


def _clocked(chip: str) -> bool:
    """Whether a chip is the machine at hand."""
    try:
        return isinstance(load_chip(chip), CpuChip)
    except UsageError:
        return False
