"""Variants of a program on the same samples: what they share is made ready once, and each runs in one thread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.backends.loihi.chips import chunk_size
from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.target import Variant
from nmc.model import FloatArray, Model
from nmc.reference.interpreter import Feed, as_feeds, run_length


def variants(model: Model, x: Feed) -> Variant:
    """A function that gives what a variant of a fixed-point model puts out for samples x [B, *shape].

    Variants have the same nodes; facts and arrays of what the chip computes may differ. Input is encoded once.
    """
    feeds = as_feeds(model.graph, x)
    length = run_length(model, feeds, None)
    on_chip, samples = length + model.graph.lag, len(next(iter(feeds.values())))
    plan = Plan.of(model)
    host = Host.of(model, sorted(plan.fed), (*plan.computed, *plan.readouts))
    chunk, feed = chunk_size(plan, on_chip, samples), host.feeder(on_chip)
    parts = [{name: value[i : i + chunk] for name, value in feeds.items()} for i in range(0, samples, chunk)]
    ready = [(min(chunk, samples - i * chunk), part, feed(part)) for i, part in enumerate(parts)]

    def run(variant: Model) -> Mapping[str, FloatArray]:
        varied = plan.varied(variant)
        found = []
        for size, part, fed in ready:
            shown = Emulator.of(varied, size).advance(fed, on_chip, host.shown)
            found.append(host.read_out(part, shown, length))
        return {name: np.concatenate([outputs[name] for outputs in found]) for name in model.graph.outputs}

    return run
