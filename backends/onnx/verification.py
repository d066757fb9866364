"""Holds the files of an ONNX program to the reference before they are written, within what their numbers round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from nmc.backends.onnx.engine import MEASURED, in_time, run, run_cuda, run_stepwise
from nmc.backends.onnx.lowering import lower
from nmc.backends.onnx.session import CUDA
from nmc.errors import ModelError
from nmc.model import Array, FloatArray, Model
from nmc.program import Program
from nmc.reference import run as reference
from nmc.verification.difference import Difference, earliest, first_difference
from nmc.verification.outcome import Fault, LeftOut, Outcome
from nmc.verification.record import Check, Level
from nmc.verification.tolerance import Tolerance, parting, size_of
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


def verify(program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """The whole-run file and the one for a step, both in ONNX Runtime, against the graph they were made from."""
    expected = reference(executed, trial.feeds, trial.steps)
    tolerance = _tolerance(program)
    given = run(program, trial.feeds, steps=trial.steps).outputs
    _refuse_lost(program, expected, given)
    found = parting(executed, trial, tolerance, expected, given)
    if found is not None:
        inner = _inner(program, executed, trial, tolerance)
        yield Fault("the engine 'onnxruntime' and the reference of the graph that it executes", inner or found)
        return
    yield Check("engine onnxruntime", trial.samples, trial.steps, tolerance.words)
    if in_time(program):
        yield _stepwise(program, executed, trial if level == "full" else _beginning(executed, trial), tolerance)
    if level == "full" and not program.target.startswith(MEASURED):
        yield _cuda(program, executed, trial, tolerance, expected)


def _tolerance(program: Program) -> Tolerance:
    precision = str(program.options.get("precision", "fp32"))
    return FUSED if precision == "int8" and program.target == MEASURED else TOLERANCES[precision]


def _beginning(executed: Model, trial: Trial) -> Trial:
    """A few samples and steps, for an engine that is called at every step."""
    steps = None if trial.steps is None else min(trial.steps, _STEPWISE_STEPS)
    return replace(
        trial, steps=steps, feeds={name: x[:_STEPWISE_SAMPLES] for name, x in trial.feeds.items()}
    )


def _stepwise(program: Program, executed: Model, trial: Trial, tolerance: Tolerance) -> Outcome:
    expected = reference(executed, trial.feeds, trial.steps)
    given = run_stepwise(program, trial.feeds, steps=trial.steps).outputs
    found = parting(executed, trial, tolerance, expected, given)
    if found is not None:
        return Fault("the engine 'onnxruntime-stepwise' and the reference of the graph that it executes", found)
    return Check("engine onnxruntime-stepwise", trial.samples, trial.steps, tolerance.words)


def _cuda(
    program: Program, executed: Model, trial: Trial, tolerance: Tolerance, expected: Mapping[str, FloatArray]
) -> Outcome:
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return LeftOut("the engine cuda, since this ONNX Runtime has no CUDA")
    looser = replace(tolerance, relative=max(tolerance.relative, 5e-3), noise=max(tolerance.noise, 1e-3))
    found = parting(executed, trial, looser, expected, run_cuda(program, trial.feeds, steps=trial.steps).outputs)
    if found is not None:
        return Fault("the engine 'cuda' and the reference of the graph that it executes", found)
    return Check("engine cuda", trial.samples, trial.steps, looser.words)


def _refuse_lost(program: Program, expected: Mapping[str, FloatArray], given: Mapping[str, Array]) -> None:
    """Raises ModelError where 16-bit floats overflow: that is their range, and no fault of the translation."""
    if program.options.get("precision") != "fp16":
        return
    for name, value in given.items():
        if np.any(np.isfinite(expected[name]) & ~np.isfinite(value)):
            raise ModelError(
                "in 16-bit floats, which reach to 65504, it is not a finite number any more",
                "compile with precision=fp32", node=name,
            )


def _inner(program: Program, executed: Model, trial: Trial, tolerance: Tolerance) -> Difference | None:
    """The first node whose values part, from a file that puts out all of them; None where none does there."""
    graph = executed.graph
    names = tuple(name for name in graph.order if graph.signals[name].timing != "final") + graph.outputs
    shown = executed.with_(replace(graph, outputs=tuple(dict.fromkeys(names))))
    files = lower(shown, half=program.options.get("precision") == "fp16")
    whole = Program(program.path, program.manifest, shown, files)
    want, have = reference(shown, trial.feeds, trial.steps), run(whole, trial.feeds, steps=trial.steps).outputs
    limits = {name: tolerance.relative * size_of(value) for name, value in want.items()}
    return earliest(graph, (
        first_difference(name, want[name], have[name], graph.signals[name].timing == "stream", limits[name])
        for name in want
    ))  # fmt: skip
