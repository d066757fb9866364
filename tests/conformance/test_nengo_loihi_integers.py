"""NengoLoihi's integers for neurons and weights, and neurons that no model becomes yet: with biases and floors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.test_nengo_loihi import ask, in_our_units
from nmc import reference
from nmc.backends.loihi.engine import run_model
from nmc.backends.nengo.network import npz
from nmc.backends.nengo_loihi.blocks import Block, blocks_of
from nmc.backends.nengo_loihi.describe import described
from nmc.backends.nengo_loihi.discretize import whole_weights
from nmc.backends.nengo_loihi.lowering import FOLDER, scripts
from nmc.backends.nengo_loihi.memory import single
from nmc.backends.nengo_loihi.network import (
    ChipNetwork,
    Connection,
    Dense,
    Ensemble,
    Leaky,
    Neurons,
    Rectified,
    Source,
)
from nmc.model import Model
from nmc.text import parse

ENSEMBLES = 150
DT_S = 0.001
STEPS = 40


def random_ensemble(seed: int) -> ChipNetwork:
    """Neurons with a bias, and one or two connections from the host whose weights may differ much in size."""
    rng = np.random.default_rng(seed)
    size, inputs = int(rng.integers(1, 30)), int(rng.integers(1, 20))
    floor = float(rng.choice([-np.inf, -0.5, 0.0]))
    leaky = Leaky(float(10 ** rng.uniform(-4, 0)), float(rng.choice([0, 0.001, 0.003])), floor)
    neurons: Neurons = leaky if seed % 2 else Rectified()
    drive = 1.0 if seed % 2 else 300.0
    bias = rng.normal(0, drive, size) * rng.choice([0.0, 0.3, 3.0])
    tau_s = float(rng.choice([0.0, 0.002, 0.005, 0.1]))
    loudness = drive * DT_S * 10 ** rng.uniform(-1, 1)
    connections = []
    for number in range(1 if seed % 3 else 2):
        weight = rng.normal(0, loudness * 10.0 ** -(2 * number * rng.random()), (size, inputs))
        connections.append(Connection(f"c{number}", "x", Dense(weight), weight))
    return ChipNetwork(DT_S, (Source("x", inputs),), (Ensemble("n", neurons, bias, tau_s, tuple(connections)),))


def in_integers(network: ChipNetwork) -> tuple[Model, Block, list[NDArray[np.int64]]]:
    """The network as a model in integers, its one block, and the weights of its connections."""
    (ensemble,), (block,) = network.ensembles, blocks_of(network)
    facts = block.compartments
    weights = [
        whole_weights(single(c.weight, DT_S, c.transform), block.scale, block.largest[c.name])
        for c in ensemble.connections
    ]
    synapses = [
        f"{c.name} = FixedDense(x, features={ensemble.size}, weight='{c.name}', weight_exp=6)"
        for c in ensemble.connections
    ]
    reads = ", ".join(f"{c.name}@1" for c in ensemble.connections)
    graph = parse("\n".join([
        "dt = 0.001", f"x = Input(shape=({network.sources[0].size},), stream=True)", *synapses,
        f"n = FixedCompartments({reads}, decay_u={facts.decay_u}, decay_v={facts.decay_v}, vth={facts.vth}, bias='b', "
        f"vmin={facts.vmin}, vmax={facts.vmax}, refractory={facts.refractory})", "return n",
    ]))  # fmt: skip
    arrays = {c.name: w for c, w in zip(ensemble.connections, weights, strict=True)}
    return Model("n", graph, {**arrays, "b": facts.bias}).checked(), block, weights


@pytest.mark.usefixtures("nengo_loihi_toolchain")
def test_integers_and_spikes_equal_nengo_loihi(tmp_path: Path) -> None:
    networks = [random_ensemble(seed) for seed in range(ENSEMBLES)]
    spikes, programs = [], []
    for seed, network in enumerate(networks):
        model, _, _ = in_integers(network)
        x = (np.random.default_rng(seed).random((1, STEPS, network.sources[0].size)) < 0.3).astype(np.float64)
        spikes.append(run_model(model, x).outputs["n"])
        assert np.array_equal(spikes[-1], reference.run(model, x)["n"])
        shapes = {"x": (network.sources[0].size,), "n": (network.ensembles[0].size,)}
        nengo = described(network, (), "n", shapes, ["n"])
        golden = npz({"input/x": x.astype(np.uint8), "output/n": spikes[-1].astype(np.uint8)})
        files = {"network.json": nengo.json(), "weights.npz": nengo.npz(), "golden.npz": golden, **scripts()}
        programs.append({f"{FOLDER}/{name}": data for name, data in files.items()})
    found = ask(programs, tmp_path, "--weights")
    assert sum(np.any(s) for s in spikes) > 0.6 * ENSEMBLES
    for seed, (network, theirs) in enumerate(zip(networks, found, strict=True)):
        _, block, weights = in_integers(network)
        (integers,), facts = theirs["integers"], block.compartments
        ours = {
            "decay_u": facts.decay_u, "decay_v": facts.decay_v, "vth": facts.vth,
            "refract_delay": facts.refractory + 1, "vmin": facts.vmin, "vmax": facts.vmax,
            "bias": facts.bias.tolist(), "weights": [(w.T[:, None] << 6).tolist() for w in weights],
        }  # fmt: skip
        assert ours == integers, f"seed {seed}: {network.ensembles[0].neurons}"
        assert theirs["differences"] == {"n": 0}, f"seed {seed}"
        assert [(use.used, use.limit) for use in block.use.values()] == in_our_units(theirs["use"][0])
