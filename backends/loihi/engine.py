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

from nmc.backends.loihi.board import Board, Samples, result
from nmc.backends.loihi.chips import chips, threads
from nmc.backends.target import RunResult
from nmc.model import Array, FloatArray, Model

if TYPE_CHECKING:
    from nmc.backends.loihi.host import Host
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

    board = Board.of(model)
    samples = board.samples(x, steps)
    checks = Checks(model) if strict else None
    with ExitStack() as stack:
        writer = None
        if record is not None:
            writer = stack.enter_context(recorder(record, len(samples), samples.on_chip, populations(board.plan)))
        seen = _run(board, samples, Observer(writer, checks))
    return replace(seen, warnings=checks.warnings() if checks else ())


def run_model(model: Model, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """The same for a model at the stage "fixed-point"."""
    board = Board.of(model)
    return _run(board, board.samples(x, steps), None)


def _run(board: Board, samples: Samples, observer: Observer | None) -> RunResult:
    """A run, every step shown to an observer if there is one."""
    host = board.host
    feed = host.feeder(samples.on_chip)
    work = chips(board.plan, samples.on_chip, host.shown, len(samples), observer)
    chunk = work.chunk

    def run_chunk(first: int) -> Mapping[str, Array]:
        part = samples.part(first, chunk)
        return work.run(feed(part.feeds), first, len(part))

    started = perf_counter()
    outputs: dict[str, list[FloatArray]] = {name: [] for name in board.model.graph.outputs}
    together = _chunks_together(host, chunk, samples.on_chip)
    with ThreadPoolExecutor(threads()) as pool:
        results = iter(pool.map(run_chunk, range(0, len(samples), chunk)))
        for part in samples.parts(chunk * together):
            group = list(islice(results, together))
            shown = {name: np.concatenate([each[name] for each in group]) for name in host.shown}
            for name, value in board.read_out(part, shown).items():
                outputs[name].append(value)
    whole = {name: np.concatenate(parts) for name, parts in outputs.items()}
    counted = work.events()
    return result(whole, counted, len(samples), samples.on_chip, perf_counter() - started)


def _chunks_together(host: Host, chunk: int, steps: int) -> int:
    """How many chunks' results the host reads out together: all there is room for where it goes step by step."""
    if host.decoder:
        return 1
    size = sum(prod(host.after.graph.signals[name].shape) for name in host.shown)
    return max(1, _READ_OUT_BYTES // (8 * size * steps * chunk + 1))
