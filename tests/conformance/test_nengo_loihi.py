"""NengoLoihi's own emulator, bit for bit, and its own use of cores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import nmc
from conformance.nengo_loihi_networks import random_model, samples_for
from nmc import datasets, passes
from nmc.backends import toolchain
from nmc.backends.nengo.network import npz
from nmc.backends.nengo_loihi.blocks import blocks_of
from nmc.backends.nengo_loihi.describe import described
from nmc.backends.nengo_loihi.lowering import FOLDER, lower, scripts
from nmc.backends.nengo_loihi.network import ChipNetwork, Connection, Dense, Ensemble, Leaky, Source
from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
from nmc.chips import load_chip
from nmc.chips.chip import ManycoreChip
from nmc.errors import UnsupportedError
from nmc.mapping.file import MAPPING, read_facts
from nmc.model import Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.text import parse

LOIHI = cast(ManycoreChip, load_chip("loihi1"))
NETWORKS = 120


def files_of(model: Model, seed: int) -> Mapping[str, bytes]:
    """The program's files for a spiking model."""
    placed = passes.apply((FuseSynapses(), PlaceOnChip()), model, lambda: samples_for(model, seed)["x"])
    return lower(placed, LOIHI)


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


@pytest.mark.usefixtures("nengo_loihi_toolchain")
def test_synapses_without_a_weight_are_built(tmp_path: Path) -> None:
    """A matrix of zeros beside another and alone, and a convolution that reaches nothing but zeros."""
    head = "dt = 0.001\nx = Input(shape=(2, 1, 1), stream=True)\nf = Flatten(x)\n"
    head += "w = Linear(f, features=2, weight='one')\n"
    layers = (
        "z = Linear(f, features=2, weight='zero')\nn = LIF(w, z, decay=0.5)\nreturn n",
        "n = LIF(w, decay=0.5)\nz = Linear(n, features=2, weight='zero')\nm = LIF(z, decay=0.5)\nreturn m",
        "n = LIF(w, decay=0.5)\ns = Reshape(n, shape=(2, 1, 1))\nz = Conv2d(s, channels=2, kernel=(3, 3), groups=2, "
        "padding=(1, 1, 1, 1), weight='edge')\nv = Conv2d(x, channels=2, kernel=(1, 1), weight='k')\n"
        "m = LIF(z, v, decay=0.5)\nreturn m",
        "n = LIF(w, decay=0.5)\nz = SparseLinear(n, features=3, synapses=0, weight='none', row='no', column='no')\n"
        "m = LIF(z, decay=0.5)\nreturn m",
    )
    edge = np.ones((2, 1, 3, 3))
    edge[:, :, 1, 1] = 0
    arrays = {"one": np.eye(2) * 2, "zero": np.zeros((2, 2)), "edge": edge, "k": np.ones((2, 2, 1, 1))}
    arrays |= {"none": np.zeros(0), "no": np.zeros(0, np.int64)}
    programs = []
    for text in layers:
        graph = parse(head + text)
        model = Model("m", graph, {}, 12).with_(graph, arrays).checked()
        samples = (np.random.default_rng(0).random((2, 12, 2, 1, 1)) < 0.5) * 1.0
        placed = passes.apply((FuseSynapses(), PlaceOnChip()), model, partial(np.array, samples))
        programs.append(lower(placed, LOIHI))
    found = ask(programs, tmp_path)
    assert not any(any(each["differences"].values()) for each in found)


def in_our_units(use: Mapping[str, list[int]]) -> list[tuple[int, int]]:
    """NengoLoihi's use of a core; it counts synapse memory in bits, and a word has 64."""
    whole = [use["compartments"], use["in-axons"], use["out-axons"], [bits // 64 for bits in use["synapses"]]]
    return [(used, limit) for used, limit in whole]


@pytest.mark.usefixtures("nengo_loihi_toolchain")
@pytest.mark.parametrize("name", ["digits-cnn", "digits-snn", "vowels-rsnn"])
def test_both_engines_agree_on_the_zoo(name: str, tmp_path: Path) -> None:
    """Outputs and events alike, and the program finds itself right."""
    program = nmc.compile(name, "nengo-loihi-sim", tmp_path / "program")
    x = datasets.test_data(nmc.load(name)).x[:4]
    native, vendor = nmc.run(program, x), nmc.run(program, x, engine="nengo-loihi")
    for output, value in native.outputs.items():
        assert np.array_equal(value, vendor.outputs[output])
    assert native.events.steps == vendor.events.steps
    for node, events in native.events.nodes.items():
        theirs = vendor.events.nodes.get(node)
        if theirs is None:
            assert events.spikes is not None, "only what the host sends may have another name"
            continue
        assert theirs.synaptic_operations == pytest.approx(events.synaptic_operations), node
        assert theirs.neuron_updates == events.neuron_updates, node
        if events.spikes is not None:
            assert theirs.spikes is not None
            assert np.allclose(theirs.spikes, events.spikes), node
    script = tmp_path / "program" / FOLDER / "run.py"
    said = toolchain.run(toolchain.toolchain_named("nengo-loihi"), script, ["--check"], timeout_s=300)
    assert "values are as expected" in said


def layers(*sizes: int) -> ChipNetwork:
    """Ensembles one after another, each neuron reading all before it."""
    ensembles = []
    for number, (inputs, size) in enumerate(pairwise(sizes), start=1):
        weight = 1e-6 * np.arange(1, size * inputs + 1).reshape(size, inputs)
        connection = Connection(f"fc{number}", f"n{number - 1}", Dense(weight), weight)
        ensembles.append(Ensemble(f"n{number}", Leaky(0.02), np.zeros(size), 0.0, (connection,)))
    return ChipNetwork(0.001, (Source("n0", sizes[0]),), tuple(ensembles))


@pytest.mark.usefixtures("nengo_loihi_toolchain")
def test_what_nengo_loihi_refuses_is_refused_or_cut_finer(tmp_path: Path) -> None:
    """Fan-in beyond a core's axons, by the same numbers. For more memory or output axons it is told to cut finer."""
    sizes = ((5000, 10), (4, 1000, 550), (2744, 360))
    networks = [layers(*each) for each in sizes]
    with pytest.raises(UnsupportedError, match="need 5000 input axons on a core, which has 4096"):
        blocks_of(networks[0])
    cut = [(), blocks_of(networks[1]), blocks_of(networks[2])]
    programs = []
    for each, network, blocks in zip(sizes * 2, networks * 2, [(), (), (), *cut], strict=True):
        shapes = {f"n{number}": (size,) for number, size in enumerate(each)}
        nengo = described(network, blocks, "n", shapes, ["n1"])
        golden = npz({"input/n0": np.zeros((1, 2, each[0])), "output/n1": np.zeros((1, 2, each[1]))})
        files = {"network.json": nengo.json(), "weights.npz": nengo.npz(), "golden.npz": golden, **scripts()}
        programs.append({f"{FOLDER}/{name}": data for name, data in files.items()})
    alone, told = np.split(np.array(ask(programs, tmp_path)), 2)
    assert "Input axons (5000) exceeded max (4096)" in alone[0]["error"]
    assert "Output axons (5000) exceeded max (4096)" in alone[1]["error"]
    assert "Total synapse bits (1053696) exceeded max (1048576)" in alone[2]["error"]
    assert "Input axons (5000) exceeded max (4096)" in told[0]["error"]
    for blocks, theirs in zip(cut[1:], told[1:], strict=True):
        ours = [[(use.used, use.limit) for use in block.use.values()] for block in blocks]
        assert ours == [in_our_units(use) for use in theirs["use"]]
