"""Whole models on targets of neurons: every engine against the reference of what is executed, bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np

from conformance.networks import Case
from conformance.oracle import lava_traces
from nmc import reference
from nmc.backends import target_named
from nmc.backends.lava.lowering import lower as lower_to_lava
from nmc.backends.loihi.board import Board
from nmc.backends.loihi.engine import observe_model, run_model
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.layout import CHIP
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.repeater import Repeater
from nmc.backends.loihi.on_chip import weights_read
from nmc.backends.loihi.stepping import EmulatorStepping
from nmc.errors import ModelError, UnsupportedError
from nmc.estimates.events import NodeEvents
from nmc.model import Array, FloatArray, Model
from nmc.pipeline import execute, prepare, program_files
from nmc.program import Program
from nmc.reference.interpreter import as_feeds, run_length
from strategies.whole_models import Drawn

INTEGER_TARGETS = ("loihi-sim", "loihi2-sim", "nengo-loihi-sim")
MANY = 3
"""From so many samples on a model is not run once more to be observed."""
Values = Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model as a target prepares it, and as its chip executes it."""

    prepared: Model
    executed: Model


def compiled(case: Drawn, target: str) -> Compiled | None:
    """The case on a target, or None where that refuses it, in words that name a node.

    Of one model in eight the program's files are made, too.
    """
    chosen = target_named(target)
    graded = target == "loihi2-sim" and not case.model.graph.dt_s
    options = chosen.configured({"neurons": "sigma-delta"} if graded else {})
    try:
        prepared = prepare(case.model, chosen, options)
        if case.number % 8 == 0:
            program_files(chosen, prepared, options)
        return Compiled(prepared, execute(prepared, chosen))
    except ModelError as error:
        assert all(fault.node for fault in error.faults), f"{error}\n{case.said}"
        return None


@dataclass(frozen=True, eq=False)
class Meant:
    """What the reference does with an executed model: values and states of all nodes at every step, lag included."""

    values: Values
    states: Values
    outputs: Values
    lively: bool
    """Whether every population puts out something other than 0."""

    @classmethod
    def of(cls, model: Model, x: FloatArray) -> Meant:
        """The reference's."""
        chip = [node.name for node in model.graph if isinstance(node, CHIP)]
        kept: dict[str, list[FloatArray]] = {}
        for values, state in reference.each_step(model, x):
            for name in values:
                kept.setdefault(name, []).append(values[name])
            for name in chip:
                for part, value in state.get(name, {}).items():
                    kept.setdefault(f"{name}/{part}", []).append(value)
        stacked = {name: np.stack(arrays, axis=1) for name, arrays in kept.items()}
        states = {name: value for name, value in stacked.items() if "/" in name}
        values = {name: value for name, value in stacked.items() if "/" not in name}
        populations = [node.name for node in model.graph if node.name in chip and node.produces is not None]
        lively = all(np.any(values[name]) for name in populations)
        return cls(values, states, reference.run(model, x), lively)

    def late(self, name: str, delay: int) -> FloatArray:
        """What a node put out, so many steps late."""
        value = self.values[name]
        return value if not delay else np.concatenate([np.zeros_like(value[:, :delay]), value[:, :-delay]], axis=1)


def differences(case: Drawn, model: Model, meant: Meant) -> Iterator[str]:
    """Where the native engine, in any of its ways to run, is not what the reference says, in words."""
    feeds = as_feeds(model.graph, case.x)
    steps = run_length(model, feeds, None)
    on_chip, samples, plan = steps + model.graph.lag, len(case.x), Plan.of(model)
    host = Board(model, plan).host
    sent = host.feed(feeds, on_chip)
    chip = Emulator.of(plan, samples)
    found = chip.advance(sent, on_chip, plan.computed)
    yield from _unequal("in one window", found, {name: meant.values[name] for name in plan.computed})
    yield from _step_by_step(plan, sent, meant, samples, on_chip)
    yield from _miscounted("in one window", chip.events(), meant, model, samples, on_chip)
    if (repeater := Repeater.of(plan, on_chip, plan.computed)) is not None:
        repeated = repeater.run(sent, samples)
        yield from _unequal("one by one", repeated, {name: meant.values[name] for name in plan.computed})
        yield from _miscounted("one by one", repeater.events(), meant, model, samples, on_chip)
    result = run_model(model, case.x)
    yield from _unequal("as a program runs", result.outputs, meant.outputs)
    means = {name: _times(events, samples) for name, events in result.events.nodes.items()}
    yield from _miscounted("as a program runs", means, meant, model, samples, on_chip)
    if samples < MANY:
        yield from _unequal("observed", observe_model(model, case.x, strict=True).outputs, meant.outputs)
    session = EmulatorStepping(cast(Program, SimpleNamespace(model=model)), samples)
    yield from _unequal("in a session", session.infer(feeds, None).outputs, meant.outputs)


def _step_by_step(
    plan: Plan, sent: Mapping[str, Array], meant: Meant, samples: int, steps: int
) -> Iterator[str]:
    """One step at a time, with what is carried."""
    chip = Emulator.of(plan, samples)
    for t in range(steps):
        found = chip.advance({name: value[:, t : t + 1] for name, value in sent.items()}, 1, plan.computed)
        yield from _unequal(f"at step {t + 1}", found, {n: meant.values[n][:, t : t + 1] for n in plan.computed})
        for name in plan.prepared:
            for part, value in chip.state(name).items():
                want = meant.states[f"{name}/{part}"][:, t]
                yield from _unequal(f"carried on at step {t + 1}", {name: value.reshape(want.shape)}, {name: want})


def _unequal(where: str, found: Mapping[str, Array], meant: Values) -> Iterator[str]:
    for name, want in meant.items():
        if found[name].shape != want.shape or not np.array_equal(found[name], want):
            wrong = np.argwhere(found[name] != want) if found[name].shape == want.shape else found[name].shape
            yield f"{where}, {name} differs from the reference: {wrong[:1]}"


def _miscounted(
    where: str, counted: Mapping[str, NodeEvents], meant: Meant, model: Model, samples: int, steps: int
) -> Iterator[str]:
    """Spikes, updates and synaptic operations against those that follow from the reference's values."""
    for node in model.graph:
        if not isinstance(node, CHIP):
            continue
        events = counted[node.name]
        if node.produces is None:
            arrived = sum((meant.late(ref.node, ref.delay) for ref in node.inputs), start=np.zeros(()))
            (shape, *_) = model.graph.operand_shapes(node)
            each = np.count_nonzero(arrived, axis=(0, 1)).reshape(1, *shape).astype(np.float64)
            if round(weights_read(model, node, each)) != round(events.synaptic_operations, 3):
                yield f"{where}, {node.name} counts {events.synaptic_operations} synaptic operations"
            continue
        spikes = np.count_nonzero(meant.values[node.name], axis=(0, 1))
        if events.neuron_updates != samples * steps * spikes.size:
            yield f"{where}, {node.name} counts {events.neuron_updates} updates"
        if events.spikes is not None and not np.array_equal(np.rint(events.spikes * 1e6), spikes * 1e6):
            yield f"{where}, {node.name} counts {events.spikes.sum()} spikes, the reference {spikes.sum()}"


def _times(events: NodeEvents, samples: int) -> NodeEvents:
    spikes = None if events.spikes is None else events.spikes * samples
    return NodeEvents(events.synaptic_operations * samples, round(events.neuron_updates * samples), spikes)


def same(one: Model, other: Model) -> bool:
    """Whether two executed models are one and the same."""
    return str(one.graph) == str(other.graph) and one.weights.keys() == other.weights.keys() and all(
        np.array_equal(array, other.weights[name]) for name, array in one.weights.items()
    )


def all_shown(model: Model) -> Model:
    """The model with every population's spikes among its outputs."""
    inner = [node.name for node in model.graph if model.graph.signals[node.name].dtype == "spike"]
    outputs = tuple(dict.fromkeys([*model.graph.outputs, *inner]))
    return replace(model, graph=replace(model.graph, outputs=outputs))


@dataclass(frozen=True, eq=False)
class OnChip:
    """An executed model with samples, for as many steps as the chip takes."""

    model: Model
    x: FloatArray
    steps: int


def lava_differences(drawn: Iterable[Drawn], folder: Path) -> list[str]:
    """Where Lava's own models are not what the reference says of the executed models, in words."""
    given, said = [], []
    for case in drawn:
        found = compiled(case, "loihi2-sim")
        if found is None:
            continue
        try:
            lower_to_lava(found.executed)
        except UnsupportedError:
            continue
        model, x = found.executed, case.x[:2]
        steps = run_length(model, as_feeds(model.graph, x), None) + model.graph.lag
        given.append(OnChip(model, x, steps))
        said.append(case.said)
    assert len(given) > 10
    wrong = []
    for case, text, trace in zip(given, said, lava_traces(cast("list[Case]", given), folder), strict=True):
        meant = Meant.of(case.model, case.x)
        wrong += [
            f"Lava: {key} differs from the reference\n{text}" for key, value in trace.items()
            if (want := _in_lava(case.model, meant, key)) is not None and not np.array_equal(value, want)
        ]
    return wrong


def _in_lava(model: Model, meant: Meant, key: str) -> FloatArray | None:
    """What a variable of Lava's, as NODE/VARIABLE, should be; None where the reference has no such thing.

    Neurons that show their voltage spike nevertheless, and nobody reads it.
    """
    name, _, part = key.partition("/")
    if part != "s_out":
        return meant.states.get(key)
    return None if getattr(model.graph[name], "emits", "spikes") == "voltage" else meant.values[name]
