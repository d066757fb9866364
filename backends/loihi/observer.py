"""Watches a run on the native emulator step by step: writes a recording, looks for doubtful zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.strict import Checks
from nmc.model import Array
from nmc.nodes import fixed_point
from nmc.recording import Population, Recorder, dtype_of

_WINDOW_BYTES = 1 << 24


def populations(plan: Plan) -> tuple[Population, ...]:
    """What can be recorded: whatever sends messages, the chip's input included, and what neurons carry."""
    graph, found = plan.model.graph, []
    for name in plan.layout.stored:
        node, signal = graph[name], graph.signals[name]
        neuron = isinstance(node, fixed_point.KINDS) and node.produces is not None
        if not neuron and name not in plan.fed:
            continue
        facts = node.state(*graph.operand_shapes(node)) if neuron else {}
        state = tuple(part for part, fact in facts.items() if fact.shape == signal.shape)
        shown = isinstance(node, fixed_point.FixedLIF) and node.emits == "voltage"
        sent = () if shown else ("spikes",) if signal.dtype == "spike" else ("messages",)
        found.append(Population(name, signal.shape, sent + state))
    return tuple(found)


@dataclass(frozen=True)
class Observer:
    """Runs an emulator one step at a time, and shows each to a recorder, to checks, or to both."""

    recorder: Recorder | None
    checks: Checks | None

    def advance(
        self, chip: Emulator, feeds: Mapping[str, Array], steps: int, record: Sequence[str], first_sample: int
    ) -> Mapping[str, Array]:
        """The same as `chip.advance`, of samples from `first_sample` on."""
        watched = populations(chip.plan) if self.recorder else ()
        names = tuple(dict.fromkeys([*record, *(p.name for p in watched)]))
        shown: dict[str, list[Array]] = {name: [] for name in record}
        batch = len(next(iter(feeds.values()))) if feeds else chip.batch
        length = min(steps, window_length(watched, batch))
        window = {
            (p.name, s): np.empty((batch, length, *p.shape), dtype_of(s)) for p in watched for s in p.signals
        }
        check = self.checks.begin(chip, first_sample) if self.checks else None
        for t in range(steps):
            out = chip.advance({name: value[:, t : t + 1] for name, value in feeds.items()}, 1, names)
            for name in record:
                shown[name].append(out[name])
            if check is not None:
                check.step(chip, t)
            for population in watched:
                sent = out[population.name][:, 0]
                now = {"spikes": sent, "messages": sent}
                if population.name in chip.computed:
                    now.update(chip.state(population.name))
                for signal in population.signals:
                    window[population.name, signal][:, t % length] = now[signal]
            if self.recorder and ((t + 1) % length == 0 or t + 1 == steps):
                begin = t - t % length
                for population in watched:
                    for signal in population.signals:
                        rows = window[population.name, signal][:, : t + 1 - begin]
                        self.recorder.write(population, signal, first_sample, begin, rows)
        return {name: np.concatenate(parts, axis=1) for name, parts in shown.items()}


def window_length(watched: Sequence[Population], batch: int) -> int:
    """How many steps to keep before they go to the disk, such that they take about 16 MiB."""
    one = sum(
        int(np.prod(p.shape)) * np.dtype(dtype_of(signal)).itemsize for p in watched for signal in p.signals
    )
    return max(1, _WINDOW_BYTES // max(1, one * batch))
