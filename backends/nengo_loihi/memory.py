"""How NengoLoihi lays synapses out in a core's memory: what nengo-loihi 1.1.0 does in block.py and conv.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nmc.backends.nengo_loihi.network import Convolution, Dense, IntArray, Sparse, Transform, inputs_of

Float32Array = NDArray[np.float32]

INDEX_BITS = (0, 6, 7, 8, 9, 10, 11, 12)
"""How wide the index of a neuron may be, where synapses have one."""
WEIGHT_BITS = 8
HEADER_BITS = 10
SYNAPSES_OF_A_HEADER = 64
WORD_BITS = 64
BASES = 256
"""A run of neurons begins at one of so many."""


@dataclass(frozen=True, eq=False)
class Row:
    """Weights [atoms, synapses] that one or more axons share, and the neuron of each synapse, from the axon's base."""

    weight: Float32Array
    neuron: IntArray

    @property
    def key(self) -> tuple[bytes, bytes]:
        """What tells it from other rows."""
        return self.weight.tobytes(), self.neuron.tobytes()


@dataclass(frozen=True, eq=False)
class Synapses:
    """A connection in the memory of a core. Per input axon: its row, and its base (-1: it has no synapses).

    `indexed`: every synapse has its neuron's index beside it, as in convolutions, whose axons carry channels.
    """

    rows: tuple[Row, ...]
    row_of: IntArray
    base_of: IntArray
    indexed: bool

    @property
    def axons(self) -> int:
        """How many input axons it takes."""
        return len(self.row_of)

    @property
    def slots(self) -> int:
        """How many output axons it takes at its source to drive an axon: populations take two."""
        return 2 if self.indexed else 1

    @cached_property
    def largest(self) -> float:
        """The largest size of a weight; 0 where there is none."""
        return float(max((np.abs(row.weight).max() for row in self.rows if row.weight.size), default=0.0))

    @cached_property
    def bits(self) -> int:
        """The memory it takes: runs of up to 64 synapses with a header, each in whole words of 64 bits."""
        each = WEIGHT_BITS + (self._index_bits if self.indexed else 0)
        total = 0
        for row in self.rows:
            whole, rest = divmod(row.weight.size, SYNAPSES_OF_A_HEADER)
            total += whole * _words(SYNAPSES_OF_A_HEADER * each + HEADER_BITS)
            total += _words(rest * each + HEADER_BITS) if rest else 0
        return total * WORD_BITS

    @property
    def _index_bits(self) -> int:
        highest = max((int(row.neuron.max()) for row in self.rows if row.neuron.size), default=-1)
        needed = int(np.ceil(np.log2(highest + 1))) if highest >= 0 else 0
        return next((bits for bits in INDEX_BITS if bits >= needed), INDEX_BITS[-1])

    def on(self, neurons: range) -> tuple[Synapses, IntArray]:
        """Those onto some neurons alone, renumbered from 0, and which of the axons they still take."""
        kept, rows, row_of, bases = [], list[Row](), [], []
        place: dict[tuple[bytes, bytes], int] = {}
        cut: dict[tuple[int, int], tuple[int, int]] = {}
        for axon, (number, base) in enumerate(zip(self.row_of.tolist(), self.base_of.tolist(), strict=True)):
            if base < 0:
                continue
            if (number, base) not in cut:
                cut[number, base] = self._cut(self.rows[number], base, neurons, rows, place)
            found, new_base = cut[number, base]
            if found >= 0:
                kept.append(axon)
                row_of.append(found)
                bases.append(new_base)
        return Synapses(tuple(rows), np.array(row_of), np.array(bases), self.indexed), np.array(kept, np.int64)

    def _cut(
        self, row: Row, base: int, neurons: range, rows: list[Row], place: dict[tuple[bytes, bytes], int]
    ) -> tuple[int, int]:
        """The number among `rows` of a row's part on some neurons, added if new, and its base; -1 if it is empty."""
        targets = row.neuron + base
        inside = (targets >= neurons.start) & (targets < neurons.stop)
        if not inside.any():
            return -1, -1
        moved = targets[inside] - neurons.start
        new_base = int(moved.min()) % BASES if self.indexed else 0
        part = Row(np.ascontiguousarray(row.weight[:, inside]), moved - new_base)
        number = place.setdefault(part.key, len(rows))
        if number == len(rows):
            rows.append(part)
        return number, new_base


def _words(bits: int) -> int:
    return -(-bits // WORD_BITS)


def stored(transform: Transform, dt_s: float) -> Synapses:
    """A connection's synapses, all on one core."""
    match transform:
        case Convolution():
            return _convolution(transform, single(transform.weight, dt_s, transform))
        case Dense():
            weight = single(transform.weight, dt_s, transform)
            targets = np.arange(len(weight))
            return _listed(Row(weight[:, axon][None].copy(), targets) for axon in range(weight.shape[1]))
        case Sparse():
            order = np.lexsort((transform.rows, transform.columns))
            values, targets = single(transform.values, dt_s, transform)[order], transform.rows[order]
            starts = np.searchsorted(transform.columns[order], np.arange(transform.shape[1] + 1))
            spans = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
            return _listed(Row(values[None, low:high], targets[low:high]) for low, high in spans)


def single(weight: NDArray[np.float64], dt_s: float, transform: Transform) -> Float32Array:
    """What one spike adds to the drive: the weights times its height, 1 / dt, in single precision."""
    raised = weight / dt_s if isinstance(transform, Convolution) else weight * (1.0 / dt_s)
    return raised.astype(np.float32)


def _listed(rows: Iterable[Row]) -> Synapses:
    """One row for each axon."""
    found = tuple(rows)
    return Synapses(found, np.arange(len(found)), np.zeros(len(found), np.int64), indexed=False)


def _convolution(transform: Convolution, weight: Float32Array) -> Synapses:
    """An axon for each pixel; pixels whose windows are cut off alike share a row."""
    _, height, width = transform.input_shape
    axes = [
        _taps(n, kernel, stride, before, out)
        for n, kernel, stride, before, out in zip(
            (height, width), weight.shape[2:], transform.stride, transform.padding[:2], transform.output_shape[1:],
            strict=True,
        )
    ]
    rows: list[Row] = []
    place: dict[tuple[tuple[int, ...], tuple[int, ...], int], int] = {}
    row_of, base_of = np.zeros(height * width, np.int64), np.full(height * width, -1)
    for pixel, ((taps_y, first_y), (taps_x, first_x)) in enumerate(product(*axes)):
        if not taps_y or not taps_x:
            continue
        first = first_y * transform.output_shape[2] + first_x
        base_of[pixel] = first % BASES
        key = taps_y, taps_x, first - first % BASES
        row_of[pixel] = place.setdefault(key, len(rows))
        if row_of[pixel] == len(rows):
            rows.append(_window(transform, weight, *key))
    return Synapses(tuple(rows), row_of, base_of, indexed=True)


def _taps(n: int, kernel: int, stride: int, before: int, out: int) -> list[tuple[tuple[int, ...], int]]:
    """For each pixel along an axis, the places of the kernel at which outputs read it, and the first such output."""
    found = []
    for pixel in range(n):
        outputs = [o for o in range(out) if 0 <= pixel + before - o * stride < kernel]
        found.append((tuple(pixel + before - o * stride for o in outputs), outputs[0] if outputs else 0))
    return found


def _window(
    transform: Convolution, weight: Float32Array, taps_y: tuple[int, ...], taps_x: tuple[int, ...], base: int
) -> Row:
    """What a pixel's spikes do: weights [channels, filters x outputs], and where, from the first output on."""
    filters, height, width = transform.output_shape
    part = weight[:, :, list(taps_y)][:, :, :, list(taps_x)]
    places = (
        np.arange(filters)[:, None, None] * (height * width)
        + np.arange(len(taps_y))[:, None] * width
        + np.arange(len(taps_x))
    )
    return Row(np.ascontiguousarray(part.swapaxes(0, 1).reshape(part.shape[1], -1)), base + places.ravel())


def axon_of(transform: Transform) -> IntArray:
    """For each element of the source, the input axon that it drives: convolutions have one for each pixel."""
    elements = np.arange(inputs_of(transform))
    if isinstance(transform, Convolution):
        return elements % (transform.input_shape[1] * transform.input_shape[2])
    return elements
