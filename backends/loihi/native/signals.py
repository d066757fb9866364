"""The signals of a batch over a window of time steps, with the steps before it that are still read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import kernels
from nmc.backends.loihi.native.layout import Index, Layout
from nmc.graph import Node, Ref
from nmc.model import Array


@dataclass(eq=False)
class Signals:
    """Stored signals as arrays [B, H + T, N]: H earlier steps, then the T steps of the window.

    B is 1 for what is the same for all samples. Spikes take 8 bits, other whole numbers 32; or 16, as so many times
    2^narrow[name]. `names` are the signals that there are; `elapsed` is how many steps were before the window, and
    `counted` how many there were since the counts began. `translated` says whether anything was read otherwise than
    as it is kept.
    """

    layout: Layout
    batch: int
    narrow: Mapping[str, int]
    names: Iterable[str]
    elapsed: int = 0
    counted: int = 0
    translated: bool = False
    arrays: dict[str, Array] = field(default_factory=dict)
    operations: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    spikes: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    weight_updates: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            samples = 1 if name in self.layout.shared else self.batch
            shape = (samples, self.layout.history[name], self.layout.size(name))
            self.arrays[name] = np.zeros(shape, item_type(self.layout, name, self.narrow))
            self.operations[name] = np.zeros(samples, np.int64)
            self.spikes[name] = np.zeros(self.layout.size(name), np.int64)
            self.weight_updates[name] = np.zeros(self.batch, np.int64)

    def _spiking(self, name: str) -> bool:
        return self.layout.graph.signals[name].dtype == "spike"

    def reset(self) -> None:
        """Forget all steps; the counts stay, and so do the arrays, to be used again."""
        self.elapsed = 0
        for name, array in self.arrays.items():
            if kept := self.layout.history[name]:
                array[:, array.shape[1] - kept :] = 0

    def forget_counts(self) -> None:
        """All counts back to 0."""
        self.counted = 0
        for counts in (*self.operations.values(), *self.weight_updates.values(), *self.spikes.values()):
            counts[:] = 0

    def forget(self, samples: Sequence[int]) -> None:
        """Forget all steps of some samples; the counts stay."""
        for name, array in self.arrays.items():
            if kept := self.layout.history[name]:
                array[list(samples), array.shape[1] - kept :] = 0

    def open(self, steps: int) -> None:
        """Begin a window of so many steps; what came before it moves into the past."""
        for name, array in self.arrays.items():
            kept = self.layout.history[name]
            past = array[:, array.shape[1] - kept :]
            if array.shape[1] == kept + steps:
                if kept:
                    array[:, :kept] = past.copy()
                continue
            room = np.empty((len(array), kept + steps, array.shape[2]), array.dtype)
            room[:, :kept] = past
            self.arrays[name] = room

    def close(self, steps: int) -> None:
        """End the window."""
        self.elapsed += steps
        self.counted += steps

    def stored(self, ref: Ref, first: int) -> tuple[Array, int]:
        """A stored signal, and the row at which a read of it at step `first` of the window begins."""
        return self.arrays[ref.node], self.layout.history[ref.node] + first - ref.delay

    def target(self, name: str, first: int) -> tuple[Array, int]:
        """Where a node writes its output from step `first` of the window on."""
        return self.stored(Ref(name), first)

    def operand(self, node: Node, first: int, last: int, order: Index | None) -> tuple[Array, int]:
        """What a node reads at steps `first` to `last`, its inputs added up, with its elements in `order`."""
        reads = self.layout.reads(node)
        if len(reads) == 1 and not self.narrow.get(reads[0].node) and _same(self.layout.order[reads[0].node], order):
            return self.stored(reads[0], first)
        return self._added(reads, first, last, order), 0

    def _added(self, reads: Sequence[Ref], first: int, last: int, order: Index | None) -> NDArray[np.int32]:
        """The sum of some reads, [B, steps, N]."""
        self.translated = True
        total = self._ordered(reads[0], first, last, order).astype(np.int32)
        for ref in reads[1:]:
            total = total + self._ordered(ref, first, last, order).astype(np.int32, copy=False)
        return np.ascontiguousarray(total)

    def spikes_read(self, node: Node, first: int, last: int, order: Index | None) -> tuple[Array, int]:
        """The same where any number counts as a spike."""
        x, row = self.operand(node, first, last, order)
        if x.dtype != np.uint8:
            self.translated = True
            x, row = np.ascontiguousarray(x[:, row : row + last - first] != 0).view(np.uint8), 0
        return x, row

    def wide_operand(self, node: Node, first: int, last: int, order: Index | None) -> tuple[NDArray[np.int32], int]:
        """The same in 32 bits."""
        x, row = self.operand(node, first, last, order)
        if x.dtype != np.int32:
            self.translated = True
            return x[:, row : row + last - first].astype(np.int32), 0
        return x.view(np.int32), row

    def narrow_operand(self, node: Node, first: int, order: Index | None) -> tuple[Array, int, int] | None:
        """What a node reads from step `first` on, and its exponent, where it is one signal kept in 16 bits."""
        source, *others = self.layout.reads(node)
        if others or source.node not in self.narrow or not _same(self.layout.order[source.node], order):
            return None
        return *self.stored(source, first), self.narrow[source.node]

    def parts(self, node: Node, first: int, last: int, most: int) -> list[tuple[Array, int, int]]:
        """What a node reads, as at most so many arrays to be added up, with each its row and its factor.

        One that is the same for all samples may come once for all of them, behind others.
        """
        order = self.layout.order[node.name]
        found: list[tuple[Array, int, int]] = []
        rest: list[Ref] = []
        for ref in sorted(self.layout.reads(node), key=lambda ref: ref.node in self.layout.shared):
            if len(found) < most and _same(self.layout.order[ref.node], order):
                found.append((*self.stored(ref, first), 1 << self.narrow.get(ref.node, 0)))
            else:
                rest.append(ref)
        if rest:
            if len(found) == most:
                rest, found = [*self.layout.reads(node)], []
            total = self._added(rest, first, last, order)
            found.append((total, 0, 1))
        return found

    def three_parts(self, node: Node, first: int, last: int) -> tuple[Array | int, ...]:
        """Up to three parts as kernels take them, and how many there are.

        Those that are missing have the factor 0, so that a kernel may always add up all three.
        """
        parts = self.parts(node, first, last, 3)
        nothing = (*parts[0][:2], 0)
        one, two, three = (*parts, nothing, nothing)[:3]
        return *one, *two, *three, len(parts)

    def operands(self, node: Node, first: int, last: int) -> tuple[NDArray[np.int32], ...]:
        """What a node reads at steps `first` to `last`, each of its operands as [B, T, N], as in the model."""
        self.translated = True
        return tuple(
            np.ascontiguousarray(self.window(ref, first, last), np.int32) for ref in self.layout.reads(node)
        )

    def send(self, node: Node, first: int, values: NDArray[np.int32]) -> None:
        """Put out what a neuron sends [B, T, N] from step `first` on, and count what is not 0."""
        out, row = self.target(node.name, first)
        out[:, row : row + values.shape[1]] = values
        self.spikes[node.name] += np.count_nonzero(values, axis=(0, 1))

    def window(self, ref: Ref, first: int, last: int) -> Array:
        """A read at steps `first` to `last` as [B, T, N], elements as in the model."""
        return self._ordered(ref, first, last, None)

    def _ordered(self, ref: Ref, first: int, last: int, order: Index | None) -> Array:
        array, row = self.stored(ref, first)
        return self.reordered(array[:, row : row + last - first], ref.node, order)

    def reordered(self, taken: Array, name: str, order: Index | None) -> Array:
        """Values [B, T, N] of a signal as they are kept, in whole numbers and with their elements in `order`."""
        if exponent := self.narrow.get(name):
            taken = taken.astype(np.int32) << exponent
        have = self.layout.order[name]
        if _same(have, order):
            return taken
        if have is not None:
            taken = taken[:, :, self.layout.place[name]]
        return taken if order is None else taken[:, :, order]

    def feed(self, values: Mapping[str, Array]) -> None:
        """Put the values [B, T, ...] of nodes outside into the window; 8 bits, as spikes have, stay 8 bits.

        They are not copied where no earlier step is kept beside, and must not change before the window is closed.
        """
        for name, value in values.items():
            array, row = self.target(name, 0)
            if value.dtype != array.dtype and (value.dtype != np.uint8 or not _exceeds_8_bits(array[:, :row])):
                wanted = np.uint8 if value.dtype == np.uint8 or self._spiking(name) else np.int32
                array = self.arrays[name] = array.astype(wanted, copy=False)
            given = value[: len(array)].reshape(len(array), -1, array.shape[2])
            if given.shape == array.shape and given.dtype == array.dtype and given.flags.c_contiguous:
                array = self.arrays[name] = given
            else:
                array[:, row:] = given
            self.count(name, array, row)

    def count(self, name: str, array: Array, row: int, times: int = 1) -> None:
        """Count how often every element of a signal [B, T, N] is not 0 from a row on, so many times over."""
        if array.dtype == np.uint8 and times == 1:
            kernels.count(array.view(np.uint8), row, np.zeros(array.shape[2], np.uint8), self.spikes[name])
        else:
            self.spikes[name] += times * np.count_nonzero(array[:, row:], axis=(0, 1))


def item_type(layout: Layout, name: str, narrow: Container[str]) -> np.dtype[np.integer]:
    """What the elements of a signal are kept in."""
    spiking = layout.graph.signals[name].dtype == "spike"
    return np.dtype(np.uint8 if spiking else np.int16 if name in narrow else np.int32)


def _exceeds_8_bits(past: Array) -> bool:
    return not np.array_equal(past, past.astype(np.uint8))


def _same(one: Index | None, other: Index | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
