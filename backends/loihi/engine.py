"""Runs a program for Loihi on the native emulator, the host's part by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.loihi.chips import chips, threads
from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.target import RunResult
from nmc.estimates.events import Events, scaled
from nmc.model import Array, FloatArray, Model
from nmc.reference.interpreter import as_feeds, run_length

if TYPE_CHECKING:
    from nmc.backends.loihi.observer import Observer
    from nmc.program import Program

_READ_OUT_BYTES = 1 << 26


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
    feed = host.feeder(on_chip)
    work = chips(plan, on_chip, host.shown, samples, observer)
    chunk = work.chunk

    def run_chunk(first: int) -> Mapping[str, Array]:
        fed = feed({name: value[first : first + chunk] for name, value in feeds.items()})
        return work.run(fed, first, min(chunk, samples - first))

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
    means = {name: scaled(node, 1 / samples) for name, node in work.events().items()}
    seconds = perf_counter() - started
    return RunResult(
        {name: np.concatenate(parts) for name, parts in outputs.items()}, Events(samples, on_chip, means), seconds
    )


def _chunks_together(host: Host, chunk: int, steps: int) -> int:
    """How many chunks' results the host reads out together: all there is room for where it goes step by step."""
    if host.decoder:
        return 1
    size = sum(prod(host.after.graph.signals[name].shape) for name in host.shown)
    return max(1, _READ_OUT_BYTES // (8 * size * steps * chunk + 1))
