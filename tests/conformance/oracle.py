"""Asks Lava's own process models, through the toolchain, what networks do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conformance.networks import Case
from nmc.backends import toolchain
from nmc.backends.lava.lowering import lower
from nmc.backends.lava.processes import NEURONS
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.on_chip import Chip
from nmc.model import Array
from nmc.nodes.plasticity import Learning
from nmc.reference import Interpreter
from nmc.reference.interpreter import as_feeds

Trace = Mapping[str, NDArray[np.int64]]
"""What each neuron sent ("NODE/s_out") and carried ("NODE/u", "NODE/v"), and what learns, as [B, T, *shape]."""
_LAVAS = {"w": "weights", "t": "tag_1", "d": "tag_2"}
"""What Lava calls the variables of a synapse that learns."""
Execution = Callable[[Case], Trace]


def lava_traces(cases: Iterable[Case], folder: Path) -> list[Trace]:
    """What Lava 0.10.0's fixed-point models do with each case."""
    described, arrays = [], {}
    for number, case in enumerate(cases):
        graph = lower(case.model)
        inputs = sent_to_chip(case)
        described.append({"graph": graph.as_json(case.model), "samples": len(case.x), "steps": case.steps})
        arrays |= {f"{number}/weights/{name}": array.astype(np.int32) for name, array in graph.arrays.items()}
        arrays |= {f"{number}/input/{name}": value.astype(np.int32) for name, value in inputs.items()}
    (folder / "cases.json").write_text(json.dumps(described))
    np.savez(folder / "cases.npz", **arrays)
    with as_file(files("nmc.backends.lava") / "run.py") as run_py:
        script = Path(__file__).with_name("lava_oracle.py")
        toolchain.run(
            toolchain.toolchain_named("lava"), script, [str(run_py), str(folder)], timeout_s=300
        )
    with np.load(folder / "traces.npz") as file:
        found = dict(file)
    traces: list[dict[str, NDArray[np.int64]]] = [{} for _ in described]
    for key, value in found.items():
        number, _, name = key.partition("/")
        traces[int(number)][name] = value
    return list(traces)


def reference_trace(case: Case) -> Trace:
    """What the reference does with a case."""
    interpreter = Interpreter(case.model, len(case.x))
    kept: dict[str, list[NDArray[np.float64]]] = {}
    neurons = [node for node in Chip(case.model).nodes if type(node) in NEURONS]
    for t in range(case.steps):
        values = interpreter.step({"input": case.x[:, t]})
        for node in neurons:
            kept.setdefault(f"{node.name}/s_out", []).append(values[node.name])
            for name, value in interpreter.state[node.name].items():
                kept.setdefault(f"{node.name}/{name}", []).append(value)
        for name in _learning(case):
            for part, value in interpreter.state[name].items():
                kept.setdefault(f"{name}/{_LAVAS.get(part, part)}", []).append(value)
    return {name: np.stack(values, axis=1).astype(np.int64) for name, values in kept.items()}


def native_trace(case: Case) -> Trace:
    """What the native emulator does with a case.

    What neurons send is from one window over all steps, what they carry from windows of one step.
    """
    whole, stepwise = (Emulator(case.model, len(case.x)) for _ in range(2))
    neurons = [node.name for node in Chip(case.model).nodes if type(node) in NEURONS]
    sent = sent_to_chip(case)
    spikes = whole.advance(sent, case.steps, neurons)
    kept: dict[str, list[NDArray[np.int64]]] = {}
    for t in range(case.steps):
        stepwise.advance({name: x[:, t : t + 1] for name, x in sent.items()}, 1, ())
        for name in neurons:
            for part, array in stepwise.state(name).items():
                kept.setdefault(f"{name}/{part}", []).append(array.astype(np.int64))
        for name in _learning(case):
            for part, array in stepwise.state(name).items():
                kept.setdefault(f"{name}/{_LAVAS.get(part, part)}", []).append(array.astype(np.int64))
    states = {name: np.stack(values, axis=1) for name, values in kept.items()}
    return {**states, **{f"{name}/s_out": value.astype(np.int64) for name, value in spikes.items()}}


def _learning(case: Case) -> list[str]:
    """The synapses of a case that learn."""
    return [node.name for node in case.model.graph if isinstance(node, Learning)]


def sent_to_chip(case: Case) -> Mapping[str, Array]:
    """What the host sends the chip in a case, [B, T, *shape]."""
    return Chip(case.model).host.feed(as_feeds(case.model.graph, case.x), case.steps)


def difference(case: Case, found: Trace, expected: Trace) -> str:
    """Where a trace first differs from what is expected, in words; empty if nowhere."""
    firsts = []
    for name, want in expected.items():
        wrong = np.argwhere(found[name] != want)
        if len(wrong):
            first = min(wrong.tolist(), key=lambda index: index[1])
            got, lava = found[name][tuple(first)], want[tuple(first)]
            firsts.append((first[1], f"{name}: sample {first[0]}, step {first[1] + 1}, element {first[2:]}: "
                                     f"{got}, Lava has {lava}"))
    return f"{min(firsts)[1]}\n{case.model.graph}" if firsts else ""
