"""What was measured at one point of a sweep: one model on one target at one setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nmc.data_source import DataRecord
from nmc.estimates.estimate import Baseline, Component, Measurement
from nmc.findings import Finding
from nmc.mapping.slices import Resource, Use
from nmc.model import MetricName
from nmc.program import OptionValue
from nmc.units.interval import Grade, Interval


@dataclass(frozen=True)
class LayerResult:
    """One node of the compiled graph, means for one inference. None: not counted, or has no meaning there.

    `energy_j` is that of the node's own events. `spikes` are those it sent; `firing_rate` is spikes for each neuron and
    time step. `error` is what rounding did to it: the relative root mean square of its values' difference.
    """

    node: str
    kind: str
    shape: tuple[int, ...] = ()
    energy_j: Interval | None = None
    spikes: float | None = None
    firing_rate: float | None = None
    synaptic_operations: float = 0.0
    neuron_updates: float = 0.0
    error: float | None = None


@dataclass(frozen=True)
class CoreResult:
    """One core of a many-core chip: where it is, what it holds, how full it is, and its spikes for one inference.

    `x` and `y` are its column and row among the cores of its chip, drawn as squares.
    """

    chip: int
    core: int
    x: int
    y: int
    population: str
    uses: Mapping[Resource, Use]
    sent: float = 0.0
    arrived: float = 0.0


@dataclass(frozen=True)
class Raster:
    """The spikes of the first sample: of each population, [step, neuron] pairs, and how many neurons it has.

    Of long runs and of large populations, only the first steps and neurons are in it; see `nmc.sweeps.details`.
    """

    steps: int
    populations: Mapping[str, tuple[tuple[int, int], ...]]
    neurons: Mapping[str, int]


@dataclass(frozen=True)
class Cost:
    """An estimate for one inference, as a row keeps it; see `nmc.estimates.estimate.Estimate`."""

    energy_j: Interval
    latency_s: Interval
    baseline: Baseline
    grade: Grade
    components: tuple[Component, ...]
    missing: tuple[str, ...] = ()
    measured: Measurement | None = None


@dataclass(frozen=True)
class PointResult:
    """Everything measured at one point; equal inputs give equal results, except where hardware was measured.

    `key` addresses the point by its content: model, data, target, options, seed and version of nmc. `options` are all
    of the target's, `given` those that the user chose. `score` is the task's metric, `score_interval` its 95 %
    interval over samples (None where the metric has none), `agreement` the share of samples with the reference's
    class. `cost` is None where no chip stands behind the target. A target that cannot hold the model has a `refusal`
    and nothing measured. `command` is what to type to get this row again. `findings` are warnings about its data, the
    model and this target. `verified` is what compiling verified of its program. `clocked`: whether energy and
    latency were measured on a machine, and so are not the same on every run.
    """

    key: str
    model: str
    model_digest: str
    target: str
    chip: str
    options: Mapping[str, OptionValue]
    given: Mapping[str, OptionValue]
    data: DataRecord
    calibration: DataRecord | None
    seed: int
    nmc: str
    metric: MetricName
    reference_score: float
    command: str
    score: float | None = None
    score_interval: tuple[float, float] | None = None
    agreement: float | None = None
    steps: int | None = None
    cost: Cost | None = None
    layers: tuple[LayerResult, ...] = ()
    cores: tuple[CoreResult, ...] = ()
    raster: Raster | None = None
    refusal: str | None = None
    findings: tuple[Finding, ...] = ()
    verified: str | None = None
    clocked: bool = False


@dataclass(frozen=True)
class Execution:
    """How a point was measured this time: where, when (seconds since 1970), how long, and by which software."""

    machine: str
    worker: str
    started_s: float
    compile_s: float
    run_s: float
    versions: Mapping[str, str] = field(default_factory=dict)
