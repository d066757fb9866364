"""Learning on the native emulator: samples one after another, as on the chip, whose clock goes on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import lcm
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.loihi.board import Board, result
from nmc.backends.loihi.native import Emulator
from nmc.backends.target import Learned
from nmc.estimates.events import NodeEvents, added
from nmc.model import Array, FloatArray, Model
from nmc.nodes.fixed_point import FixedLIF, FixedPlasticDense
from nmc.nodes.plasticity import learning_nodes

if TYPE_CHECKING:
    from nmc.program import Program


def learn(program: Program, x: FloatArray, *, steps: int | None = None) -> Learned:
    """What the program puts out for samples x in sequence, and the weights that the last one leaves."""
    return learn_model(program.model, x, steps=steps)


def learn_model(model: Model, x: FloatArray, *, steps: int | None = None) -> Learned:
    """The same for a model at the stage "fixed-point"."""
    board = Board.of(model)
    samples = board.samples(x, steps)
    period = sample_period(model, samples.on_chip)
    chip = Emulator.of(board.plan, 1)
    shown: dict[str, list[Array]] = {name: [] for name in board.host.shown}
    counted: list[Mapping[str, NodeEvents]] = []
    started = perf_counter()
    idle = ((0, 0), (0, period - samples.on_chip))
    sent = board.sent(samples)
    padded = {name: np.pad(value, (*idle, *((0, 0),) * (value.ndim - 2))) for name, value in sent.items()}
    for sample in range(len(samples)):
        part = {name: value[sample : sample + 1] for name, value in padded.items()}
        for name, value in chip.advance(part, period, board.host.shown).items():
            shown[name].append(value[:, : samples.on_chip])
        arrived = {n: NodeEvents(spikes=np.count_nonzero(v, axis=(0, 1)).astype(np.float64)) for n, v in part.items()}
        counted.append({**chip.events(), **arrived})
        weights = {node.name: chip.state(node.name)["w"][0] for node in learning_nodes(model.graph)}
        chip.next_sample()
    outputs = board.read_out(samples, {name: np.concatenate(values) for name, values in shown.items()})
    seconds = perf_counter() - started
    totals: Mapping[str, NodeEvents] = reduce(added, counted)
    return Learned(result(outputs, totals, len(samples), period, seconds), weights)


def sample_period(model: Model, steps: int) -> int:
    """How many steps a sample takes where samples follow one another: Lava's clock does not go back between them.

    That is a whole number of epochs, and of intervals of neurons that reset themselves; see with_resets in the
    run.py of Lava programs.
    """
    intervals = [node.reset_interval or 1 for node in model.graph if isinstance(node, FixedLIF)] or [1]
    epochs = [node.period for node in model.graph if isinstance(node, FixedPlasticDense)]
    unit = lcm(*epochs, *(interval for interval in intervals if interval <= steps))
    return -(-steps // unit) * unit if max(intervals) <= steps else (steps // unit + 1) * unit
