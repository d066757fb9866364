"""The emulators that share a run between threads: each takes one chunk of samples after another."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import reduce
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.plasticity import PreparedPlastic
from nmc.backends.loihi.native.repeater import Repeater
from nmc.estimates.events import NodeEvents, added
from nmc.model import Array

if TYPE_CHECKING:
    from nmc.backends.loihi.observer import Observer

_CACHE_BYTES, _MEMORY_BYTES = 1 << 23, 1 << 26
_LEAST = 8
_LEARNED_BYTES = 1 << 27
"""How much memory a thread may take for weights that learn, of which every sample has its own."""
_CHUNKS_EACH = 2
"""How many chunks a thread takes at least, so that none waits long for the others in the end."""


class Chips(Protocol):
    """The emulators of a run, which threads call at the same time. A chunk has `chunk` samples, or fewer."""

    chunk: int

    def run(self, feeds: Mapping[str, Array], first_sample: int, samples: int) -> Mapping[str, Array]:
        """What is recorded of a chunk of so many samples from one of the run on, [B, T, *shape]; feeds likewise."""
        ...

    def events(self) -> Mapping[str, NodeEvents]:
        """What happened on all of them."""
        ...


def chips(plan: Plan, steps: int, record: tuple[str, ...], samples: int, observer: Observer | None) -> Chips:
    """The emulators for a run of so many samples, shown to an observer if there is one."""
    if observer is None and samples >= _LEAST * threads():
        first = Repeater.of(plan, steps, record)
        if first is not None:
            return OneByOne(plan, first, samples)
    return SideBySide(plan, steps, record, samples, observer)


class OneByOne:
    """Chips of one sample, one for each thread, that machine code feeds with one sample after another."""

    def __init__(self, plan: Plan, first: Repeater, samples: int) -> None:
        others = (Repeater.of(plan, first.steps, first.record) for _ in range(threads() - 1))
        self._all = [first, *(other for other in others if other is not None)]
        self._free: SimpleQueue[Repeater] = SimpleQueue()
        for repeater in self._all:
            self._free.put(repeater)
        fitting = max(1, _MEMORY_BYTES // max(1, first.bytes_per_sample))
        self.chunk = min(max(-(-samples // (_CHUNKS_EACH * threads())), _LEAST), fitting)

    def run(self, feeds: Mapping[str, Array], first_sample: int, samples: int) -> Mapping[str, Array]:
        repeater = self._free.get()
        try:
            return repeater.run(feeds, samples)
        finally:
            self._free.put(repeater)

    def events(self) -> Mapping[str, NodeEvents]:
        return reduce(added, (repeater.events() for repeater in self._all))


class SideBySide:
    """Chips that hold a chunk of samples, each thread's own."""

    def __init__(
        self, plan: Plan, steps: int, record: tuple[str, ...], samples: int, observer: Observer | None
    ) -> None:
        _warm_up(plan)
        self.chunk = chunk_size(plan, steps, samples)
        self._plan, self._steps, self._record, self._observer = plan, steps, record, observer
        self._all: dict[tuple[int, int], Emulator] = {}

    def run(self, feeds: Mapping[str, Array], first_sample: int, samples: int) -> Mapping[str, Array]:
        chip = self._fresh(samples)
        if self._observer is None:
            return chip.advance(feeds, self._steps, self._record)
        return self._observer.advance(chip, feeds, self._steps, self._record, first_sample)

    def events(self) -> Mapping[str, NodeEvents]:
        return reduce(added, (chip.events() for chip in self._all.values()))

    def _fresh(self, batch: int) -> Emulator:
        """This thread's emulator for a batch of this size, in its first state; its counts go on."""
        key = threading.get_ident(), batch
        chip = self._all.get(key)
        if chip is None:
            self._all[key] = chip = Emulator.of(self._plan, batch)
        else:
            chip.next_batch()
        return chip


def threads() -> int:
    """How many threads run: as many as OMP_NUM_THREADS says, which Dask's workers set; else one for each core."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) else os.cpu_count() or 1


def chunk_size(plan: Plan, steps: int, samples: int) -> int:
    """How many samples to run side by side.

    What a node works on stays in the processor's caches, everything in memory, and all threads have work.
    """
    fitting = min(_CACHE_BYTES // (plan.bytes_at_once * steps), _MEMORY_BYTES // (plan.bytes_per_step * steps))
    plastic = (prepared for prepared in plan.prepared.values() if isinstance(prepared, PreparedPlastic))
    learned = sum(prepared.bytes_per_sample for prepared in plastic)
    most = min(max(fitting, _LEAST), max(_LEARNED_BYTES // learned, 1) if learned else 1024, 1024)
    at_once = threads()
    chunks = -(-samples // most)
    return max(-(-samples // (-(-chunks // at_once) * at_once)), min(_LEAST, most, samples))


def _warm_up(plan: Plan) -> None:
    """One step of silence, so that kernels are compiled or loaded before the clock starts."""
    signals = plan.model.graph.signals
    silence = {
        name: np.zeros((1, 1, *signals[name].shape), np.uint8 if signals[name].dtype == "spike" else np.int32)
        for name in plan.fed
    }
    Emulator.of(plan, 1).advance(silence, 1, ())
