"""NengoLoihi's own emulator, bit for bit, and its own use of cores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.nengo_loihi_networks import random_model, samples_for
from nmc import passes
from nmc.backends import toolchain
from nmc.backends.nengo_loihi.lowering import FOLDER, lower
from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
from nmc.mapping.file import MAPPING, read_facts
from nmc.model import Model
from nmc.passes.fuse_synapses import FuseSynapses

NETWORKS = 120


def files_of(model: Model, seed: int) -> Mapping[str, bytes]:
    """The program's files for a spiking model."""
    placed = passes.apply((FuseSynapses(), PlaceOnChip(samples_for(model, seed)["x"])), model)
    return lower(placed, "loihi1")


def ask(programs: Iterable[Mapping[str, bytes]], folder: Path, *flags: str) -> list[dict[str, Any]]:
    """What NengoLoihi does with programs, all in one process."""
    for number, files in enumerate(programs):
        (folder / str(number)).mkdir()
        for name, data in files.items():
            if name.startswith(FOLDER):
                place = folder if name.endswith(".py") else folder / str(number)
                (place / name.rpartition("/")[2]).write_bytes(data)
    script = Path(__file__).with_name("nengo_loihi_oracle.py")
    toolchain.run(toolchain.toolchain_named("nengo-loihi"), script, [str(folder), *flags], timeout_s=600)
    found: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return found


@pytest.mark.usefixtures("nengo_loihi_toolchain")
def test_random_networks_equal_nengo_loihi(tmp_path: Path) -> None:
    """Every spike of every neuron, and the use of every core, for LIF, CubaLIF, IF and Threshold."""
    models = [random_model(seed) for seed in range(NETWORKS)]
    programs = [files_of(model, seed) for seed, model in enumerate(models)]
    found = ask(programs, tmp_path)
    wrong = {m.name: f["differences"] for m, f in zip(models, found, strict=True) if any(f["differences"].values())}
    assert not wrong, wrong
    assert sum(f["spikes"] > 0 for f in found) > 0.9 * NETWORKS, "most of the networks should do something"
    for model, files, theirs in zip(models, programs, found, strict=True):
        ours = [
            [(use.used, use.limit) for use in part.use.values()] for part in read_facts(files[MAPPING]).slices
        ]
        assert ours == [in_our_units(use) for use in theirs["use"]], f"{model.name}\n{model.graph}"
    assert sum(len(f["use"]) > 3 for f in found) >= 4, "some of the networks should be split"


def in_our_units(use: Mapping[str, list[int]]) -> list[tuple[int, int]]:
    """NengoLoihi's use of a core; it counts synapse memory in bits, and a word has 64."""
    whole = [use["compartments"], use["in-axons"], use["out-axons"], [bits // 64 for bits in use["synapses"]]]
    return [(used, limit) for used, limit in whole]
