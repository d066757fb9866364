"""Holds the files of an ONNX program to the reference before they are written, within what their numbers round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmc.backends.onnx.engine import in_time, run, run_cuda, run_stepwise
from nmc.backends.onnx.lowering import lower
from nmc.backends.onnx.session import CUDA
from nmc.backends.onnx.targets import OnnxOptions
from nmc.errors import ModelError
from nmc.model import Array, FloatArray, Model
from nmc.program import Program
from nmc.reference import each_step
from nmc.reference import run as reference
from nmc.verification.difference import Difference, earliest, first_difference
from nmc.verification.outcome import Fault, LeftOut, Outcome, of_engine
from nmc.verification.record import Check, Level
from nmc.verification.tolerance import Tolerance, limits_of, parting
from nmc.verification.trial import Trial

TOLERANCES: Mapping[str, Tolerance] = {
    "fp32": Tolerance(1e-4, 3e-6),
    "fp16": Tolerance(2e-2, 4e-3, np.float16),
    "int8": Tolerance(1e-4, 3e-6),
}
"""By precision. 32-bit floats round by 6e-8 of a value, 16-bit ones by 5e-4; sums of many add up to some tens of that.
8-bit graphs are computed as they say, in 32-bit floats: they differ where a number lies halfway between two integers.
"""
FUSED = Tolerance(2e-2, 1e-2)
"""Of 8-bit graphs on the processor itself, whose integer kernels may round once where the graph says twice."""
_STEPWISE_SAMPLES, _STEPWISE_STEPS = 2, 8


def verify(program: Program[OnnxOptions], executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """The whole-run file and the one for a step, both in ONNX Runtime, against the graph they were made from."""
    expected = reference(executed, trial.feeds, trial.steps)
    tolerance = _tolerance(program)
    given = run(program, trial.feeds, steps=trial.steps).outputs
    lost = _overflown(program, executed, trial, expected, given)
    if lost.any():
        _refuse_lost(program, trial, expected, given)
        yield LeftOut(f"{int(lost.sum())} of {len(lost)} samples of random numbers, which its floats do not hold")
        if lost.all():
            return
        trial = replace(trial, feeds={name: x[~lost] for name, x in trial.feeds.items()})
        expected = reference(executed, trial.feeds, trial.steps)
        given = run(program, trial.feeds, steps=trial.steps).outputs
    found = parting(executed, trial, tolerance, expected, given)
    if found is not None:
        inner = _inner(program, executed, trial, tolerance)
        yield Fault("the engine 'onnxruntime' and the reference of the graph that it executes", inner or found)
        return
    yield Check("engine onnxruntime", trial.samples, trial.steps, tolerance.words)
    if in_time(program):
        yield _stepwise(program, executed, trial if level == "full" else _beginning(executed, trial), tolerance)
    if level == "full" and not program.options.clocked:
        yield _cuda(program, executed, trial, tolerance, expected)


def _tolerance(program: Program[OnnxOptions]) -> Tolerance:
    precision = program.options.precision
    return FUSED if precision == "int8" and program.options.clocked else TOLERANCES[precision]


def _beginning(executed: Model, trial: Trial) -> Trial:
    """A few samples and steps, for an engine that is called at every step."""
    steps = None if trial.steps is None else min(trial.steps, _STEPWISE_STEPS)
    return replace(
        trial, steps=steps, feeds={name: x[:_STEPWISE_SAMPLES] for name, x in trial.feeds.items()}
    )


def _stepwise(program: Program[OnnxOptions], executed: Model, trial: Trial, tolerance: Tolerance) -> Outcome:
    expected = reference(executed, trial.feeds, trial.steps)
    given = run_stepwise(program, trial.feeds, steps=trial.steps).outputs
    found = parting(executed, trial, tolerance, expected, given)
    return of_engine("onnxruntime-stepwise", found, trial, tolerance.words)


def _cuda(
    program: Program[OnnxOptions],
    executed: Model,
    trial: Trial,
    tolerance: Tolerance,
    expected: Mapping[str, FloatArray],
) -> Outcome:
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return LeftOut("the engine cuda, since this ONNX Runtime has no CUDA")
    looser = replace(tolerance, relative=max(tolerance.relative, 5e-3), noise=max(tolerance.noise, 1e-3))
    found = parting(executed, trial, looser, expected, run_cuda(program, trial.feeds, steps=trial.steps).outputs)
    return of_engine("cuda", found, trial, looser.words)


def _overflown(
    program: Program[OnnxOptions],
    executed: Model,
    trial: Trial,
    expected: Mapping[str, FloatArray],
    given: Mapping[str, Array],
) -> NDArray[np.bool_]:
    """The samples that come to no finite number, as they do in the reference, since floats cannot hold one on the way.

    Of 16-bit floats any may be such, within a kernel too.
    """
    lost = np.zeros(trial.samples, np.bool_)
    for name, value in given.items():
        if value.shape == expected[name].shape:
            lost |= (np.isfinite(expected[name]) & ~np.isfinite(value)).reshape(trial.samples, -1).any(axis=1)
    if lost.any() and not _is_half(program):
        held, beyond = np.finfo(np.float32), np.zeros_like(lost)
        for values, _ in each_step(executed, trial.feeds, trial.steps):
            for value in values.values():
                size = np.abs(value)
                wrong = (np.isfinite(value) & (size > held.max)) | ((size > 0) & (size < held.tiny))
                beyond |= wrong.reshape(len(value), -1).any(axis=1)
        lost &= beyond
    return lost


def _is_half(program: Program[OnnxOptions]) -> bool:
    return program.options.precision == "fp16"


def _refuse_lost(
    program: Program[OnnxOptions], trial: Trial, expected: Mapping[str, FloatArray], given: Mapping[str, Array]
) -> None:
    """Raises ModelError where floats overflow on the user's data: that is their range, no fault of the translation."""
    bits, largest, remedy = ("16", "65504", "compile with precision=fp32") if _is_half(program) else (
        "32", "3.4e38", "scale what the model computes"
    )
    for name, value in given.items() if trial.real else ():
        if np.any(np.isfinite(expected[name]) & ~np.isfinite(value)):
            raise ModelError(
                f"in {bits}-bit floats, which reach to {largest}, it is not a finite number any more",
                remedy, node=name,
            )


def _inner(program: Program[OnnxOptions], executed: Model, trial: Trial, tolerance: Tolerance) -> Difference | None:
    """The first node whose values part, from a file that puts out all of them; None where none does there."""
    graph = executed.graph
    names = tuple(name for name in graph.order if graph.signals[name].timing != "final") + graph.outputs
    shown = executed.with_(replace(graph, outputs=tuple(dict.fromkeys(names))))
    files = lower(shown, half=_is_half(program))
    whole = program.changed(shown, files)
    want, have = reference(shown, trial.feeds, trial.steps), run(whole, trial.feeds, steps=trial.steps).outputs
    limits = limits_of(graph, tolerance, want)
    return earliest(graph, (
        first_difference(name, want[name], have[name], graph.signals[name].timing == "stream", limits[name])
        for name in want
    ))  # fmt: skip
