"""Energy and latency on a systolic array: closed-form cycles, weight streaming, and a link to the host.

The cycles are those of SCALE-Sim 3 (Samajdar et al., ISPASS 2020), without its memory stalls: a product
is cut into tiles of the array, and one tile has left the array before the next one enters.
"""

from __future__ import annotations

from dataclasses import dataclass

from nmc.chips.chip import Dataflow, Precision, SystolicArray, SystolicChip
from nmc.errors import UsageError
from nmc.estimates.estimate import Component, Estimate
from nmc.estimates.interval import Interval, largest, total
from nmc.estimates.workload import BYTES, Gemm, Kernel, Workload


def cycles(product: Gemm, rows: int, columns: int, dataflow: Dataflow, arrays: int = 1) -> int:
    """Cycles that a product [m, k] x [k, n] takes, R rows and C columns:

    output-stationary: ceil(m/R) ceil(n/C) (R + C + k - 2) - 1
    weight-stationary: ceil(k/R) ceil(n/C) (2R + C + m - 2) - 1
    input-stationary:  ceil(k/R) ceil(m/C) (2R + C + n - 2) - 1

    Groups follow one another; tiles are dealt out evenly to several arrays.
    """
    m, n, k = product.m, product.n, product.k
    if dataflow == "output-stationary":
        tiles, tile = _up(m, rows) * _up(n, columns), rows + columns + k - 2
    elif dataflow == "weight-stationary":
        tiles, tile = _up(k, rows) * _up(n, columns), 2 * rows + columns + m - 2
    else:
        tiles, tile = _up(k, rows) * _up(m, columns), 2 * rows + columns + n - 2
    return _up(tiles * product.groups, arrays) * tile - 1


@dataclass(frozen=True)
class LayerTime:
    """All runs of a kernel in a call: cycles and seconds in the array, and seconds streaming its weights."""

    kernel: Kernel
    cycles: int
    array_s: Interval
    streaming_s: Interval

    @property
    def seconds(self) -> Interval:
        """The slower of the two: the next weights arrive while the array works."""
        return largest(self.array_s, self.streaming_s)


def layer_times(chip: SystolicChip, work: Workload, precision: Precision) -> tuple[LayerTime, ...]:
    """The time of every product of a call. Where the weights exceed the chip, an equal share of each streams."""
    size = float(work.weights * BYTES[precision])
    memory = chip.weight_memory.interval
    streamed = Interval(*(max(0.0, size - kept) for kept in (memory.high, memory.best, memory.low)))
    part = streamed / size if size else streamed
    array = chip.array
    times = []
    for kernel in work.kernels:
        if kernel.gemm is None:
            continue
        count = kernel.repeats * cycles(
            kernel.gemm, array.rows.count, array.columns.count, array.dataflow, array.count.count
        )
        weights = part * float(kernel.weights * BYTES[precision] * kernel.repeats)
        times.append(LayerTime(
            kernel, count, Interval.exact(float(count)) / array.clock.interval, weights / chip.weight_bandwidth.interval
        ))
    return tuple(times)


def utilization(array: SystolicArray, times: tuple[LayerTime, ...]) -> float:
    """The share of multiply-accumulate units at work while the array computes."""
    units = array.rows.count * array.columns.count * array.count.count
    spent = sum(t.cycles for t in times) * units
    return sum(t.kernel.macs * t.kernel.repeats for t in times) / spent if spent else 0.0


def price_systolic(chip: SystolicChip, work: Workload, precision: Precision = "int8") -> Estimate:
    """What one sample of a call costs. Raises UsageError for a precision that the chip lacks."""
    if precision not in chip.precisions:
        raise UsageError(f"{chip.title} has no {precision}", f"its precisions are: {', '.join(chip.precisions)}")
    times = layer_times(chip, work, precision)
    array = total(t.seconds for t in times if t.array_s.best >= t.streaming_s.best)
    streaming = total(t.seconds for t in times if t.array_s.best < t.streaming_s.best)
    vector = _vector(chip, work.kernels)
    crossing = Interval.exact(float((work.inputs + work.outputs) * BYTES[precision])) / chip.host_bandwidth.interval
    calls = work.steps if chip.host_loop and work.loops else 1
    call = chip.call_overhead.interval * calls

    idle = chip.idle_power.interval
    busy = chip.busy_power.interval.above(idle)
    used = f"{utilization(chip.array, times):.1%} of the array at work; {chip.array.clock.source}"
    duration = array + streaming + vector + crossing + call
    parts = (
        Component("idle power", "idle", idle * duration, None, chip.idle_power.grade, chip.idle_power.source),
        Component("array", "compute", busy * array, array, chip.array.clock.grade, used),
        Component("streaming of weights", "memory", busy * streaming, streaming,
                  chip.weight_bandwidth.grade, chip.weight_bandwidth.source),
        Component("vector unit", "compute", busy * vector, vector,
                  chip.vector_throughput.grade, chip.vector_throughput.source),
        Component("samples and results", "io", busy * crossing, crossing,
                  chip.host_bandwidth.grade, chip.host_bandwidth.source),
        Component("calls", "overhead", None, call, chip.call_overhead.grade, chip.call_overhead.source),
    )  # fmt: skip
    products = {t.kernel.name: busy * (t.seconds + _vector(chip, (t.kernel,))) for t in times}
    others = {k.name: busy * _vector(chip, (k,)) for k in work.kernels if k.gemm is None}
    by_node = {name: energy / work.batch for name, energy in {**products, **others}.items()}
    return Estimate(tuple(part.share(work.batch) for part in parts), by_node=by_node)


def _vector(chip: SystolicChip, kernels: tuple[Kernel, ...]) -> Interval:
    operations = sum(kernel.operations * kernel.repeats for kernel in kernels)
    return Interval.exact(operations) / chip.vector_throughput.interval


def _up(value: int, step: int) -> int:
    return -(-value // step)
