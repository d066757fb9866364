"""Variants of a program on the same samples: what they share is made ready once, and each runs in one thread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.backends.loihi.board import Board
from nmc.backends.loihi.chips import chunk_size
from nmc.backends.loihi.native import Emulator
from nmc.backends.target import Variant
from nmc.model import FloatArray, Model
from nmc.reference.interpreter import Feed


def variants(model: Model, x: Feed) -> Variant:
    """A function that gives what a variant of a fixed-point model puts out for samples x [B, *shape].

    Variants have the same nodes; facts and arrays of what the chip computes may differ. Input is encoded once.
    """
    board = Board.of(model)
    samples = board.samples(x)
    on_chip, feed = samples.on_chip, board.host.feeder(samples.on_chip)
    ready = [(part, feed(part.feeds)) for part in samples.parts(chunk_size(board.plan, on_chip, len(samples)))]

    def run(variant: Model) -> Mapping[str, FloatArray]:
        varied = board.plan.varied(variant)
        found = []
        for part, fed in ready:
            shown = Emulator.of(varied, len(part)).advance(fed, on_chip, board.host.shown)
            found.append(board.read_out(part, shown))
        return {name: np.concatenate([outputs[name] for outputs in found]) for name in model.graph.outputs}

    return run
