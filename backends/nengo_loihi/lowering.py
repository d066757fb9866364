"""The files of a program for NengoLoihi: where its neurons sit, and the network for NengoLoihi's own emulator."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from math import prod

import numpy as np

from nmc.backends.golden import STEPS, golden_feeds
from nmc.backends.nengo.network import npz
from nmc.backends.nengo_loihi.blocks import Block
from nmc.backends.nengo_loihi.chip_network import chip_network
from nmc.backends.nengo_loihi.describe import described
from nmc.backends.nengo_loihi.quantize import placed_blocks, quantized
from nmc.backends.nengo_loihi.spikes import neurons_of, sent, sent_on
from nmc.chips.chip import ManycoreChip
from nmc.errors import UnsupportedError
from nmc.mapping.box import Box
from nmc.mapping.file import MAPPING, map_partition, written
from nmc.mapping.network import network as projections
from nmc.mapping.slices import Partition, Slice
from nmc.model import Model
from nmc.reference.interpreter import run_length

FOLDER = "nengo-loihi"


def lower(model: Model, chip: ManycoreChip, chips: int | None = None) -> Mapping[str, bytes]:
    """The files for a model after `place-on-chip`, on `chips` chips at most (None: as many as there are).

    Raises UnsupportedError where a core's limits, or the number of cores, are exceeded.
    """
    network = chip_network(model)
    blocks = placed_blocks(model, network)
    integers = quantized(model, network, blocks)
    cut = partition(integers, blocks)
    _require_cores(cut, chip, chips)
    names = tuple(ensemble.name for ensemble in network.ensembles)
    feeds = golden_feeds(model)
    steps = min(run_length(model, feeds, None), STEPS) + model.graph.lag
    inputs = sent(integers, [source.name for source in network.sources], feeds, steps)
    golden = {
        **{f"input/{name}": x.astype(np.uint8) for name, x in inputs.items()},
        **{f"output/{name}": x.astype(np.uint8) for name, x in sent_on(integers, names, feeds, steps).items()},
    }
    shapes = {name: model.graph.signals[name].shape for name in (*inputs, *names)}
    nengo = described(network, blocks, model.name, shapes, names, model.steps)
    contents = {
        "network.json": nengo.json(), "weights.npz": nengo.npz(), "golden.npz": npz(golden), **scripts(),
    }
    program = {f"{FOLDER}/{name}": data for name, data in contents.items()}
    return {MAPPING: written(map_partition(cut, chip, chips)), **program}


def scripts() -> dict[str, bytes]:
    """The files that are the same in every program."""
    here = files("nmc.backends.nengo_loihi")
    return {
        "requirements.txt": (here / "requirements.lock").read_bytes(),
        "run.py": (here / "run.py").read_bytes(),
        "nengo_network.py": (files("nmc.backends.nengo") / "run.py").read_bytes(),
    }


def partition(model: Model, blocks: tuple[Block, ...]) -> Partition:
    """NengoLoihi's blocks as slices of the quantized model's populations."""
    nodes = neurons_of(model, tuple(block.ensemble for block in blocks))
    slices = []
    for block in blocks:
        shape = model.graph.signals[nodes[block.ensemble]].shape
        inner = prod(shape[1:])
        rows = (block.neurons.start // inner, block.neurons.stop // inner)
        slices.append(Slice(nodes[block.ensemble], Box((rows, *((0, n) for n in shape[1:]))), block.use))
    return Partition(projections(model.graph, model.weights), tuple(slices))


def _require_cores(cut: Partition, chip: ManycoreChip, chips: int | None) -> None:
    cores = (chip.limits if chips is None else chip.limits.on_chips(chips)).all_cores
    if len(cut.slices) > cores:
        widest = max(cut.boxes, key=lambda name: len(cut.boxes[name]))
        raise UnsupportedError(
            f"the network needs {len(cut.slices)} cores, and there are {cores}",
            "allow more chips (--option chips=N), or make the widest layers smaller", node=widest,
        )
