"""What a chip is: its limits and its prices, by family. The YAML files beside this one hold the numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal, TypeVar, get_args

from nmc.errors import UsageError
from nmc.units.quantity import (
    Bandwidth,
    Energy,
    Facts,
    Frequency,
    Number,
    Power,
    Quantity,
    Size,
    Throughput,
    Time,
    Width,
)

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Dataflow = Literal["output-stationary", "weight-stationary", "input-stationary"]
Name = TypeVar("Name", bound=str)
Choice = TypeVar("Choice")


def choice(choices: Mapping[Name, Choice], name: Name | None, what: str, chip: str) -> Choice:
    """The choice of this name; the first without. Raises UsageError with those that a chip has."""
    name = name or next(iter(choices))
    if name not in choices:
        raise UsageError(f"{chip} has no {what} {name!r}", f"there are: {', '.join(choices)}")
    return choices[name]


def precision_named(name: str) -> Precision:
    """The precision of this name. Raises UsageError with those there are."""
    for known in get_args(Precision):
        if name == known:
            precision: Precision = known
            return precision
    raise UsageError(f"{name!r} is not a precision", f"the precisions are: {', '.join(get_args(Precision))}")


MOST_FITTED = 3
"""How many numbers of a chip may be fitted to measurements."""


@dataclass(frozen=True, kw_only=True)
class _Described(Facts):
    """`fitted` are the numbers that `nmc.validation.fit` fits to measurements, by their places in the file.

    `untargeted` says why no program can be compiled for the chip; empty where one can.
    """

    name: str
    title: str
    description: str = ""
    fitted: tuple[str, ...] = ()
    untargeted: str = ""

    def __post_init__(self) -> None:
        if len(self.fitted) > MOST_FITTED:
            raise ValueError(f"{len(self.fitted)} numbers are fitted; more than {MOST_FITTED} would fit anything")


@dataclass(frozen=True, kw_only=True)
class CpuChip(_Described):
    """The machine at hand: its time is measured, its power is modelled unless it has a meter.

    `busy_power` is drawn by the package while the engine runs.
    """

    kind: Literal["cpu"]
    busy_power: Power


@dataclass(frozen=True, kw_only=True)
class GpuMode(Facts):
    """A power mode of a GPU. `compute_speed` and `memory_speed` are shares of the peaks.

    `launch_power` is drawn while kernels are launched one after another and the units wait;
    `busy_power` while the units or the memory are at work. Both include `idle_power`.
    """

    idle_power: Power
    launch_power: Power
    busy_power: Power
    compute_speed: Number
    memory_speed: Number


@dataclass(frozen=True, kw_only=True)
class GpuChip(_Described):
    """A processor that runs kernels one after another, each launched by a host.

    `peak` is in operations a second, two a multiply-accumulate, without sparsity; the efficiencies are
    the shares of peak and bandwidth that good kernels reach. With `energy_per_operation` and
    `energy_per_byte`, kernels cost those instead of busy power. `precision` is that of programs that choose none; None:
    fp32 where the chip has it, else the first of `peak`.
    """

    kind: Literal["gpu"]
    modes: Mapping[str, GpuMode]
    peak: Mapping[Precision, Throughput]
    memory_bandwidth: Bandwidth
    compute_efficiency: Number
    bandwidth_efficiency: Number
    kernel_launch: Time
    call_overhead: Time
    energy_per_operation: Mapping[Precision, Energy] | None = None
    energy_per_byte: Energy | None = None
    precision: Precision | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_some(modes=self.modes, peak=self.peak)
        if self.default_precision not in self.peak:
            raise ValueError(f"the precision is {self.precision}, and peak has {', '.join(self.peak)} alone")

    @property
    def default_precision(self) -> Precision:
        """The precision of programs that choose none."""
        if self.precision is not None:
            return self.precision
        return "fp32" if "fp32" in self.peak else next(iter(self.peak))


@dataclass(frozen=True, kw_only=True)
class SystolicArray(Facts):
    """A grid of multiply-accumulate units, each doing one a cycle; `count` such grids work side by side.

    Where it is `double_buffered`, a tile fills while the one before it is at work. `speed`: products of a
    unit in a cycle at a precision, 1 where nothing is said.
    """

    rows: Number
    columns: Number
    count: Number
    clock: Frequency
    dataflow: Dataflow
    double_buffered: bool
    speed: Mapping[Precision, Number] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SystolicPrices(Facts):
    """What one event costs above idle power.

    `mac`: a multiply-accumulate; `buffer_byte`: a byte between the array and its buffers; `operation`: one of
    the vector unit; `stream_byte`: a byte from beyond the chip; `host_byte`: one of a sample or a result.
    """

    mac: Mapping[Precision, Energy]
    buffer_byte: Energy
    operation: Energy
    stream_byte: Energy
    host_byte: Energy


@dataclass(frozen=True, kw_only=True)
class SystolicChip(_Described):
    """A systolic array with memory on the chip, behind a link to its host.

    Weights that fit `weight_memory` stay on the chip between calls; the rest streams over
    `stream_bandwidth` in every call, and so do activations of a kernel beyond `activation_memory`. Those
    on the chip move at `activation_bandwidth`. Element-wise operations run at `vector_throughput`. Samples
    and results cross `host_bandwidth`, and the host takes `result_time` for every element put out. Where
    `host_loop` is true, a model in time needs a call a step. The first of `precisions` is the default.
    """

    kind: Literal["systolic"]
    array: SystolicArray
    precisions: tuple[Precision, ...]
    weight_memory: Size
    activation_memory: Size
    stream_bandwidth: Bandwidth
    activation_bandwidth: Bandwidth
    host_bandwidth: Bandwidth
    vector_throughput: Throughput
    call_overhead: Time
    result_time: Time
    host_loop: bool
    idle_power: Power
    prices: SystolicPrices

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_some(precisions=self.precisions)
        if unpriced := [name for name in self.precisions if name not in self.prices.mac]:
            raise ValueError(f"prices.mac has no price for {', '.join(unpriced)}")

    @property
    def default_precision(self) -> Precision:
        """The precision of programs that choose none."""
        return self.precisions[0]


@dataclass(frozen=True, kw_only=True)
class Price(Facts):
    """What one event costs; None: nothing, or nothing that was published."""

    energy: Energy | None = None
    time: Time | None = None


@dataclass(frozen=True, kw_only=True)
class SynapsePrices(Facts):
    """One synaptic operation, by how the synapses are stored."""

    dense: Price
    conv: Price


@dataclass(frozen=True, kw_only=True)
class PriceProfile(Facts):
    """One consistent set of prices. Sets are never mixed.

    An update costs `neuron_access` always, and `neuron_change` on top where the state changes. A spike
    costs `spike` once, `message` for every core it goes to, `arrival` at each of them, and hops on the
    way. `weight_update` is what it costs to compute the weight of one synapse anew, with its traces, where it learns.
    `barrier` is the time all cores take to agree that a step is over, by the number of tiles in use.
    `unpublished` names the prices that the set lacks.
    """

    title: str
    synaptic_operation: SynapsePrices
    neuron_access: Price
    neuron_change: Price
    spike: Price
    message: Price
    arrival: Price
    hop_east_west: Price
    hop_north_south: Price
    barrier: Mapping[int, Time]
    unpublished: tuple[str, ...]
    weight_update: Price = Price()


@dataclass(frozen=True, kw_only=True)
class CoreLimits(Facts):
    """What a chip of many cores has room for. Neurons, axons and synapse memory are those of one core.

    `chips` is how many chips spikes can travel between.
    """

    chips: Number
    mesh_columns: Number
    mesh_rows: Number
    cores_per_tile: Number
    neurons: Number
    input_axons: Number
    output_axons: Number
    synapse_words: Number
    synapse_word: Width

    @property
    def tiles(self) -> int:
        """Tiles of the chip."""
        return self.mesh_columns.count * self.mesh_rows.count

    @property
    def cores(self) -> int:
        """Cores of the chip."""
        return self.tiles * self.cores_per_tile.count

    @property
    def all_cores(self) -> int:
        """Cores of all chips."""
        return self.chips.count * self.cores

    def on_chips(self, chips: int) -> CoreLimits:
        """The same with this many chips at most, where these are fewer. Raises ValueError below 1."""
        chosen = Quantity(min(chips, self.chips.count), "1", "chosen by the user", "datasheet", low=1, high=chips)
        return replace(self, chips=chosen)


@dataclass(frozen=True, kw_only=True)
class IoMode(Facts):
    """A way of feeding the chip.

    A time step waits `step` for the host, or for a clock, and `core` for every core that the host sends
    spikes to. The chip works meanwhile where `overlaps` is true, so that the slower of the two sets the pace.
    """

    title: str
    step: Time
    core: Time | None = None
    overlaps: bool = False


@dataclass(frozen=True, kw_only=True)
class ManycoreChip(_Described):
    """Cores of neurons on a mesh that send each other spikes, in time steps.

    `idle_power` is drawn from boot on; `awake_power` on top of it from the first run on. The first of
    `io` and of `prices` is the default. `graded`: whether neurons can send numbers, not only spikes.
    """

    kind: Literal["manycore"]
    limits: CoreLimits
    idle_power: Power
    awake_power: Power
    io: Mapping[str, IoMode]
    prices: Mapping[str, PriceProfile]
    graded: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_some(io=self.io, prices=self.prices)


def _require_some(**facts: Collection[object]) -> None:
    """Raise ValueError where one of these facts is empty."""
    for name, fact in facts.items():
        if not fact:
            raise ValueError(f"{name} is empty: give at least one")


Chip = CpuChip | GpuChip | SystolicChip | ManycoreChip


def quantities(facts: object, path: str = "") -> Iterator[tuple[str, Quantity]]:
    """Every number of a chip, with its place in the file as in "prices.sanafe.spike.energy"."""
    if isinstance(facts, Quantity):
        yield path, facts
    elif is_dataclass(facts):
        for f in fields(facts):
            yield from quantities(getattr(facts, f.name), f"{path}.{f.name}".lstrip("."))
    elif isinstance(facts, Mapping):
        for key, value in facts.items():
            yield from quantities(value, f"{path}.{key}".lstrip("."))
