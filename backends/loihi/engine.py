"""Runs a program for Loihi on the native emulator, the host's part by the reference."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from itertools import islice
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.plasticity import PreparedPlastic
from nmc.backends.target import RunResult
from nmc.estimates.events import Events, NodeEvents, added, scaled
from nmc.model import Array, FloatArray, Model
from nmc.reference.interpreter import as_feeds, run_length

if TYPE_CHECKING:
    from nmc.backends.loihi.observer import Observer
    from nmc.program import Program

_CACHE_BYTES, _MEMORY_BYTES = 1 << 23, 1 << 26
_LEAST = 8
_READ_OUT_BYTES = 1 << 26
_LEARNED_BYTES = 1 << 27
"""How much memory a thread may take for weights that learn, of which every sample has its own."""


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x, and what happened on the chip.

    `steps` are of the model; the chip takes the graph's lag on top. Raises UsageError where x or
    steps do not fit.
    """
    return run_model(program.model, x, steps=steps)


def run_observed(
    program: Program, x: FloatArray, *, steps: int | None = None, record: Path | None = None, strict: bool = False
) -> RunResult:
    """The same, and a recording in the directory `record`, warnings where `strict`. Takes more time."""
    return observe_model(program.model, x, steps=steps, record=record, strict=strict)


def observe_model(
    model: Model, x: FloatArray, *, steps: int | None = None, record: Path | None = None, strict: bool = False
) -> RunResult:
    """The same for a model at the stage "fixed-point"."""
    from nmc.backends.loihi.observer import Observer, populations
    from nmc.backends.loihi.strict import Checks
    from nmc.recording import recorder

    feeds = as_feeds(model.graph, x)
    on_chip = run_length(model, feeds, steps) + model.graph.lag
    checks = Checks(model) if strict else None
    with ExitStack() as stack:
        writer = None
        if record is not None:
            samples = len(next(iter(feeds.values())))
            writer = stack.enter_context(recorder(record, samples, on_chip, populations(Plan.of(model))))
        result = run_model(model, x, steps=steps, observer=Observer(writer, checks))
    return replace(result, warnings=checks.warnings() if checks else ())


def run_model(
    model: Model, x: FloatArray, *, steps: int | None = None, observer: Observer | None = None
) -> RunResult:
    """The same for a model at the stage "fixed-point", every step shown to an observer if there is one."""
    feeds = as_feeds(model.graph, x)
    length = run_length(model, feeds, steps)
    on_chip = length + model.graph.lag
    samples = len(next(iter(feeds.values())))
    plan = Plan.of(model)
    host = Host.of(model, sorted(plan.fed), (*plan.computed, *plan.readouts))
    _warm_up(plan)
    chunk, feed = chunk_size(plan, on_chip, samples), host.feeder(on_chip)
    chips = _Chips(plan)

    def run_chunk(first: int) -> Mapping[str, Array]:
        part = {name: value[first : first + chunk] for name, value in feeds.items()}
        chip = chips.fresh(min(chunk, samples - first))
        fed = feed(part)
        if observer is None:
            return chip.advance(fed, on_chip, host.shown)
        return observer.advance(chip, fed, on_chip, host.shown, first)

    started = perf_counter()
    outputs: dict[str, list[FloatArray]] = {name: [] for name in model.graph.outputs}
    together = chunk * _chunks_together(host, chunk, on_chip)
    with ThreadPoolExecutor(threads()) as pool:
        results = iter(pool.map(run_chunk, range(0, samples, chunk)))
        for first in range(0, samples, together):
            group = list(islice(results, together // chunk))
            shown = {name: np.concatenate([part[name] for part in group]) for name in host.shown}
            part = {name: value[first : first + together] for name, value in feeds.items()}
            for name, value in host.read_out(part, shown, length).items():
                outputs[name].append(value)
    means = {name: scaled(node, 1 / samples) for name, node in chips.events().items()}
    seconds = perf_counter() - started
    return RunResult(
        {name: np.concatenate(parts) for name, parts in outputs.items()}, Events(samples, on_chip, means), seconds
    )


def threads() -> int:
    """How many threads run: as many as OMP_NUM_THREADS says, which Dask's workers set; else one for each core."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) else os.cpu_count() or 1


def _chunks_together(host: Host, chunk: int, steps: int) -> int:
    """How many chunks' results the host reads out together: all there is room for where it goes step by step."""
    if host.decoder:
        return 1
    size = sum(prod(host.after.graph.signals[name].shape) for name in host.shown)
    return max(1, _READ_OUT_BYTES // (8 * size * steps * chunk + 1))


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


class _Chips:
    """The emulators of a run, each thread's own."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._all: dict[tuple[int, int], Emulator] = {}

    def fresh(self, batch: int) -> Emulator:
        """This thread's emulator for a batch of this size, in its first state; its counts go on."""
        key = threading.get_ident(), batch
        chip = self._all.get(key)
        if chip is None:
            self._all[key] = chip = Emulator.of(self._plan, batch)
        else:
            chip.next_batch()
        return chip

    def events(self) -> Mapping[str, NodeEvents]:
        """What all of them counted."""
        return reduce(added, (chip.events() for chip in self._all.values()))


def _warm_up(plan: Plan) -> None:
    """One step of silence, so that kernels are compiled or loaded before the clock starts."""
    signals = plan.model.graph.signals
    silence = {
        name: np.zeros((1, 1, *signals[name].shape), np.uint8 if signals[name].dtype == "spike" else np.int32)
        for name in plan.fed
    }
    Emulator.of(plan, 1).advance(silence, 1, ())
