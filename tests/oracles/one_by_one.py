"""Chips that machine code feeds with one sample after another, against one that holds all of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.repeater import Repeater
from nmc.model import Array


def assert_repeats(plan: Plan, feeds: Mapping[str, Array], steps: int, names: Sequence[str]) -> bool:
    """Outputs and counts are equal, in two runs of all samples. Whether there is a repeater for the model."""
    repeater = Repeater.of(plan, steps, names)
    if repeater is None:
        return False
    samples = len(next(iter(feeds.values())))
    chip = Emulator.of(plan, samples)
    for _ in range(2):
        chip.next_batch()
        meant, found = chip.advance(feeds, steps, names), repeater.run(feeds, samples)
        for name in names:
            assert found[name].dtype == meant[name].dtype
            assert np.array_equal(found[name], meant[name]), f"{name}\n{plan.model.graph}"
    counted = repeater.events()
    for name, node in chip.events().items():
        assert counted[name].synaptic_operations == node.synaptic_operations
        assert counted[name].neuron_updates == node.neuron_updates
        assert np.array_equal(counted[name].spikes, node.spikes)
    return True
