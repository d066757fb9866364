"""The events of one sample on a chip of many cores, counted and priced twice: by nmc, and by SANA-FE."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends import toolchain
from nmc.errors import ToolError, UnsupportedError

if TYPE_CHECKING:
    from nmc.chips.chip import ManycoreChip
    from nmc.estimates.events import Events
    from nmc.mapping.place import Placement
    from nmc.model import FloatArray, Model

TIMEOUT_S = 600.0
_SCRIPT = "run.py"


@dataclass(frozen=True)
class Bookkeeping:
    """Events of one sample, and the joules they cost above a chip that waits.

    `messages` are spikes times the cores that each goes to, `hops` the tiles that these cross; spikes that
    the host sends are among both.
    """

    synaptic_operations: int
    neuron_updates: int
    spikes: int
    messages: int
    hops: int
    energy_j: float


def compare(
    model: Model, x: FloatArray, chip: ManycoreChip, profile: str = "sanafe"
) -> tuple[Bookkeeping, Bookkeeping]:
    """nmc's account of one sample x [*shape] (or [T, *shape]) through a fixed-point model, and SANA-FE's.

    Raises UnsupportedError for a network that SANA-FE cannot mean, or whose neurons spike otherwise there,
    UsageError for an unknown profile, ToolError where the toolchain is missing or fails.
    """
    from nmc.backends.loihi.board import Board
    from nmc.backends.loihi.engine import run_model
    from nmc.backends.sanafe.architecture import architecture
    from nmc.backends.sanafe.network import network
    from nmc.chips.chip import choice
    from nmc.mapping.partition import partition
    from nmc.mapping.place import place
    from nmc.reference.interpreter import as_feeds

    prices = choice(chip.prices, profile, "price profile", chip.title)
    placement = place(partition(model.graph, chip.limits, model.weights), chip.limits)
    events = run_model(model, x[None]).events
    fed = Board.of(model).host.feed(as_feeds(model.graph, x[None]), events.steps)
    sent = {name: spikes[0] for name, spikes in fed.items()}
    found = _simulated(
        architecture(chip, prices, sum(spikes[0].size for spikes in sent.values())),
        network(model, placement, sent, chip.limits),
    )
    _same_spikes(found.fired, events)
    host = sum(sum(found.fired[name]) for name in sent)
    theirs = Bookkeeping(
        found.synaptic_operations, found.updates - host, sum(map(sum, found.fired.values())) - host,
        found.messages, found.hops, found.energy_j["total"],
    )  # fmt: skip
    return _own(model, events, placement, chip, profile), theirs


def _own(model: Model, events: Events, placement: Placement, chip: ManycoreChip, profile: str) -> Bookkeeping:
    from nmc.estimates.load import load_of
    from nmc.estimates.manycore import price_manycore
    from nmc.estimates.traffic import traffic
    from nmc.mapping.route import routes

    load = load_of(traffic(placement, routes(placement), events), events.steps)
    estimate = price_manycore(chip, model.graph, events, placement=placement, prices=profile)
    return Bookkeeping(
        round(load.synaptic_operations), round(float(load.updates.sum())), round(float(load.spikes.sum())),
        round(float(load.arrived.sum())), round(load.hops_east_west + load.hops_north_south),
        estimate.above("active").energy_j.best,
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """What the script writes: `fired` are spikes of each neuron, by group."""

    synaptic_operations: int
    messages: int
    updates: int
    hops: int
    fired: Mapping[str, list[int]]
    energy_j: Mapping[str, float]


def _simulated(chip: str, network: Mapping[str, object]) -> _Found:
    tool = toolchain.toolchain_named("sanafe")
    with tempfile.TemporaryDirectory(prefix="nmc-sanafe-") as name:
        folder = Path(name)
        (folder / _SCRIPT).write_bytes((files("nmc.backends.sanafe") / _SCRIPT).read_bytes())
        (folder / "architecture.yaml").write_text(chip)
        (folder / "network.json").write_text(json.dumps(network))
        toolchain.run(
            tool, folder / _SCRIPT, [str(folder / "network.json"), str(folder / "counts.json")], timeout_s=TIMEOUT_S
        )
        try:
            return _Found(**json.loads((folder / "counts.json").read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise ToolError(f"sanafe ended well, but what it wrote cannot be read: {error}") from None


def _same_spikes(fired: Mapping[str, list[int]], events: Events) -> None:
    """Raise UnsupportedError where a neuron spikes more or less often than on the emulator."""
    for name, counts in fired.items():
        node = events.nodes.get(name)
        expected = np.zeros(len(counts)) if node is None or node.spikes is None else node.spikes.reshape(-1)
        if differing := int(np.count_nonzero(expected != counts)):
            raise UnsupportedError(
                f"{differing} of {len(counts)} neurons spike otherwise in SANA-FE",
                "only the same spikes can be compared; voltages that decay are rounded on the chip, and not there",
                node=name,
            )
