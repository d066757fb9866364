"""Holds the native emulator to the reference before a program is written: every message, count and state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from nmc.backends import able, target_of, toolchain
from nmc.backends.loihi.board import Board
from nmc.backends.loihi.engine import run_model
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.repeater import Repeater
from nmc.backends.loihi.on_chip import weights_read
from nmc.backends.target import RUN
from nmc.errors import UnsupportedError
from nmc.estimates.events import NodeEvents
from nmc.model import Array, FloatArray, Model
from nmc.nodes.plasticity import Learning
from nmc.program import Program
from nmc.reference import run as reference
from nmc.verification.difference import Difference, earliest, first_difference
from nmc.verification.outcome import Fault, LeftOut, Outcome, of_engine
from nmc.verification.record import Check, Level
from nmc.verification.tolerance import Tolerance, parting
from nmc.verification.trace import Trace, trace
from nmc.verification.trial import Trial

HOST = Tolerance(1e-9, 1e-12)
"""Of what the host works out in real numbers from the chip's integers: another order of sums."""
_FEW = 4
"""Samples that are run side by side, where more may go one after another."""


def verify(program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """The program on the emulator, side by side and one after another, against the graph it was made from."""
    plan = Plan.of(program.model)
    names = tuple(name for name in plan.computed if name in plan.layout.stored)
    expected = trace(executed, trial.feeds, trial.steps, (*names, *sorted(plan.fed)))
    found = _ways(program.model, plan, trial, names, expected)
    if found is None:
        found = _outputs(program, executed, trial, expected)
    if found is not None:
        yield Fault("the engine 'native' and the reference of the graph that it executes", found)
        return
    yield Check("engine native, every message, voltage and count", trial.samples, trial.steps, "equal")


def vendor(name: str, program: Program, executed: Model, trial: Trial, level: Level) -> Outcome:
    """A vendor's own engine, named like its toolchain, where that is installed: with level full alone."""
    if level != "full":
        return LeftOut(f"the engine {name}, which takes seconds to start: --verify full runs it")
    if toolchain.toolchain_named(name).find() is None:
        return LeftOut(f"the engine {name}, which is not installed: nmc toolchain install {name}")
    try:
        given = able(target_of(program), RUN, name)(program, trial.feeds, steps=trial.steps).outputs
    except UnsupportedError:
        return LeftOut(f"the engine {name}, which has no means for this network")
    found = parting(executed, trial, HOST, reference(executed, trial.feeds, trial.steps), given)
    return of_engine(name, found, trial, "equal")


def _ways(
    model: Model, plan: Plan, trial: Trial, names: tuple[str, ...], expected: Trace
) -> Difference | None:
    """The first difference of either way that samples are run on the emulator."""
    steps = (trial.steps or 1) + model.graph.lag
    feeds = Board(model, plan).host.feed(trial.feeds, steps)
    chip = Emulator.of(plan, trial.samples)
    found = _signals(model, expected, {**feeds, **chip.advance(feeds, steps, names)})
    found = found or _state(model, chip, expected) or _counts(model, chip.events(), expected, trial.samples, steps)
    if found is not None:
        return found
    repeater = Repeater.of(plan, steps, names)
    if repeater is None:
        return None
    found = _signals(model, expected, repeater.run(feeds, trial.samples))
    return found or _counts(model, repeater.events(), expected, trial.samples, steps)


def _signals(model: Model, expected: Trace, given: Mapping[str, Array]) -> Difference | None:
    return earliest(model.graph, (
        first_difference(name, expected.signals[name], value, True) for name, value in given.items()
    ))  # fmt: skip


def _state(model: Model, chip: Emulator, expected: Trace) -> Difference | None:
    """The first difference of what is carried after the last step."""
    for name in chip.runners:
        want = expected.state.get(name, {})
        for part, value in chip.state(name).items():
            if part in want:
                found = first_difference(name, want[part], value, False, signal=f"{part} after the last step")
                if found is not None:
                    return found
    return None


def _counts(
    model: Model, given: Mapping[str, NodeEvents], expected: Trace, samples: int, steps: int
) -> Difference | None:
    """The first difference of a count of events, summed over the samples."""
    for name, events in given.items():
        pairs: list[tuple[str, float | FloatArray, float | FloatArray]] = []
        if events.spikes is not None:
            spikes = (expected.signals[name] != 0).sum(axis=(0, 1))
            pairs.append(("the spikes", spikes.astype(np.float64), events.spikes))
        node = model.graph[name]
        if events.synaptic_operations or (name in expected.arrived and not isinstance(node, Learning)):
            total = expected.arrived[name].sum(axis=0, keepdims=True)
            pairs.append(("the synaptic operations", weights_read(model, node, total), events.synaptic_operations))
        if events.neuron_updates:
            size = float(np.prod(model.graph.signals[name].shape))
            pairs.append(("the neuron updates", samples * steps * size, events.neuron_updates))
        for what, want, have in pairs:
            found = first_difference(name, np.atleast_1d(want), np.atleast_1d(have), False, signal=what)
            if found is not None:
                return Difference(name, None, None, found.element, found.expected, found.given, what)
    return None


def _outputs(program: Program, executed: Model, trial: Trial, expected: Trace) -> Difference | None:
    """The first difference of a run as users do it, the host's part included: of many samples, and of few."""
    for count in dict.fromkeys((trial.samples, min(trial.samples, _FEW))):
        some = replace(trial, feeds={name: x[:count] for name, x in trial.feeds.items()})
        want = {name: value[:count] for name, value in expected.outputs.items()}
        given = run_model(program.model, some.feeds, steps=trial.steps)  # type: ignore[arg-type]
        found = parting(executed, some, HOST, want, given.outputs)
        if found is not None:
            return found
    return None
