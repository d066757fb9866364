"""Runs ONNX programs with ONNX Runtime on this machine's processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np

from nmc.backends.onnx.names import MODEL, STEP, STEP_RECORD, STEPS, output_name
from nmc.backends.onnx.protocol import StepRecord
from nmc.backends.onnx.session import Session
from nmc.backends.onnx.targets import OnnxOptions
from nmc.backends.target import RunResult
from nmc.errors import ProgramError, UsageError
from nmc.estimates.events import Events
from nmc.estimates.gpu_meter import start_gpu_meter
from nmc.estimates.meter import start_meter
from nmc.model import Array
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import Feed, as_feeds, run_length

SIDE_BY_SIDE = 128
"""How many samples an emulated chip's engine takes at once; how fast that is says nothing of the chip."""

Outputs = Mapping[str, Array]


def run(program: Program[OnnxOptions], x: Feed, *, steps: int | None = None) -> RunResult:
    """Run `model.onnx`: all steps in one call.

    A program of a target whose time is measured here runs batch by batch of the size it was
    compiled for. Raises UsageError for a wrong input, ToolError where ONNX Runtime fails.
    """
    return whole_runner(program)(x, steps)


def whole_runner(program: Program[OnnxOptions]) -> Callable[[Feed, int | None], RunResult]:
    """The same with the file loaded once, to be run again and again."""
    batch_run = _whole(program, _session(program, MODEL))
    return lambda x, steps: _run_batches(program, x, steps, batch_run)


def run_cuda(program: Program[OnnxOptions], x: Feed, *, steps: int | None = None) -> RunResult:
    """The same on a GPU, batch by batch of the size it was compiled for: timed, and metered where NVML can.

    The first batch runs once before the clock starts. Raises ToolError where there is no CUDA.
    """
    batch_run = _whole(program, _session(program, MODEL, gpu=True))
    count = program.options.batch
    first = {name: array[:count] for name, array in as_feeds(program.model.graph, x).items()}
    _run_batches(program, first, steps, batch_run, measured=True)
    meter = start_gpu_meter()
    result = _run_batches(program, x, steps, batch_run, measured=True)
    energy_j = None if meter is None else meter.energy_j()
    return replace(result, energy_j=energy_j, device="a GPU, by CUDA" if meter is None else meter.device)


def _whole(program: Program[OnnxOptions], session: Session) -> Callable[[Mapping[str, Array], int], Outputs]:
    """Runs all steps of a batch in one call."""
    names = {output_name(program.model.graph, name): name for name in program.model.graph.outputs}

    def batch_run(feeds: Mapping[str, Array], length: int) -> Outputs:
        given = {**feeds, STEPS: np.asarray(length, np.int64)} if STEPS in session.inputs else feeds
        return dict(zip(names.values(), session.run(list(names), given), strict=True))

    return batch_run


def run_stepwise(program: Program[OnnxOptions], x: Feed, *, steps: int | None = None) -> RunResult:
    """Run `step.onnx` again and again, with the states held here; a graph without time as `run` does."""
    if not in_time(program):
        return run(program, x, steps=steps)
    stepper = Stepper(program)
    graph = program.model.graph
    streams = [node.name for node in graph if isinstance(node, Input) and node.stream]

    def batch_run(feeds: Mapping[str, Array], length: int) -> Outputs:
        stepper.start(len(next(iter(feeds.values()))))
        each = [
            stepper.step({name: array[:, t] if name in streams else array for name, array in feeds.items()})
            for t in range(length)
        ]
        return {
            name: np.stack([values[name] for values in each], axis=1)
            if graph.signals[name].timing == "stream"
            else each[-1][name]
            for name in graph.outputs
        }

    return _run_batches(program, x, steps, batch_run)


class Stepper:
    """A program in time with its states held: feed it one time step after another.

    `states` are these, [N, *shape], by the names that step.json has.
    """

    def __init__(self, program: Program[OnnxOptions]) -> None:
        """Raises ProgramError for a program without time."""
        if not in_time(program):
            raise ProgramError(f"the program {program.path} has no time to step through", "run it as a whole")
        self._session = _session(program, STEP)
        self._record = _record(program)
        graph = program.model.graph
        self._names = {output_name(graph, name): name for name in graph.outputs}
        self.states: dict[str, Array] = {}

    def start(self, batch: int) -> None:
        """Put the states of `batch` samples to what they are before the first step."""
        self.states = {state.name: state.start(batch) for state in self._record.states}

    def restart(self, samples: Sequence[int]) -> None:
        """Put some samples alone to what they are before the first step. Raises UsageError where they share a clock."""
        if shared := [state.name for state in self._record.states if "N" not in state.shape]:
            raise UsageError(
                f"{', '.join(shared)}: counts the steps of all samples of a session together",
                "reset all samples together, or open a session for each",
            )
        rows = list(samples)
        for state in self._record.states:
            held = self.states[state.name].copy()
            held[rows] = state.start(len(rows))
            self.states[state.name] = held

    def step(self, inputs: Mapping[str, Array]) -> Outputs:
        """The outputs of one step, given each input [N, *shape]; readouts as if the run ended here."""
        wanted = [*self._names, *(state.next for state in self._record.states)]
        values = self._session.run(wanted, {**inputs, **self.states})
        count = len(self._names)
        self.states = {state.name: v for state, v in zip(self._record.states, values[count:], strict=True)}
        return dict(zip(self._names.values(), values[:count], strict=True))


def _record(program: Program[OnnxOptions]) -> StepRecord:
    try:
        return StepRecord.decode(program.file(STEP_RECORD))
    except ValueError as error:
        raise ProgramError(f"{STEP_RECORD} of {program.path} is damaged: {error}", "compile the model again") from None


def in_time(program: Program[OnnxOptions]) -> bool:
    """Whether anything changes from step to step."""
    return any(signal.timing != "static" for signal in program.model.graph.signals.values())


def _session(program: Program[OnnxOptions], name: str, gpu: bool = False) -> Session:
    return Session(
        program.file(name),
        f"{name} of {program.path}",
        threads=program.options.threads,
        exact=not program.options.clocked and not gpu,
        gpu=gpu,
    )


def _run_batches(
    program: Program[OnnxOptions],
    x: Feed,
    steps: int | None,
    batch_run: Callable[[Mapping[str, Array], int], Outputs],
    measured: bool = False,
) -> RunResult:
    """Check the input, run all samples batch by batch, and time that; `measured` if that time is the target's own."""
    graph = program.model.graph
    feeds = as_feeds(graph, x)
    length = run_length(program.model, feeds, steps or program.options.steps)
    streams = {node.name for node in graph if isinstance(node, Input) and node.stream}
    given = {
        name: np.ascontiguousarray(array[:, :length] if name in streams else array, dtype=np.float32)
        for name, array in feeds.items()
    }
    results = []
    meter = start_meter() if program.options.clocked else None
    started = perf_counter()
    for batch in _batches(program, given, measured or program.options.clocked):
        results.append(batch_run(batch, length))
    seconds = perf_counter() - started
    energy_j = meter.energy_j() if meter is not None else None
    outputs = {
        name: np.concatenate([result[name] for result in results]).astype(np.float64) for name in graph.outputs
    }
    return RunResult(outputs, Events(len(next(iter(given.values()))), length), seconds, energy_j)


def _batches(
    program: Program[OnnxOptions], feeds: Mapping[str, Array], measured: bool
) -> Iterator[Mapping[str, Array]]:
    size = program.options.batch if measured else SIDE_BY_SIDE
    samples = len(next(iter(feeds.values())))
    for start in range(0, samples, size):
        yield {name: array[start : start + size] for name, array in feeds.items()}
