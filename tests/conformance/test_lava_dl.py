"""Netx files, loaded by lava-dl itself and run on Lava, give the spikes of the network that they were written for."""

from __future__ import annotations

import json
import re
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from nmc import reference
from nmc.backends import toolchain
from nmc.backends.lava.netx import NETWORK, NOTE, netx_files
from nmc.backends.toolchain import Toolchain
from nmc.model import Model
from nmc.text import parse

NETWORKS, STEPS = 8, 30


def chain(seed: int) -> Model:
    """A convolution and two dense layers of LIF neurons, one with signs that mix, reset together or not at all."""
    rng = np.random.default_rng(seed)
    interval = int(rng.choice([0, 9]))

    def lif(layer: int) -> str:
        du, dv, vth = rng.choice([-1, 1000, 4095]), rng.choice([0, 300, 4096]), rng.integers(40, 200)
        reset = f", reset_interval={interval}, reset_offset={layer + 2}" if interval else ""
        return f"du={du}, dv={dv}, vth={vth}, bias_mant='b{layer}', bias_exp={rng.choice([5, 6])}{reset}"

    stride, padding = (tuple(int(n) for n in rng.integers(low, 3, 2)) for low in (1, 0))
    graph = parse(f"""
dt = 0.001
input = Input(shape=(2, 5, 4), stream=True)
sent = QuantizeLinear(input, scale=1.0)
conv = FixedConv2d(sent, channels=3, kernel=(3, 2), weight='conv', stride={stride}, padding={padding * 2})
image = FixedLIF(conv@1, {lif(0)})
flat = Flatten(image)
dense = FixedDense(flat, features=6, weight='dense', weight_exp={rng.integers(-1, 2)})
hidden = FixedLIF(dense@1, {lif(1)})
last = FixedDense(hidden, features=4, weight='last')
out = FixedLIF(last@1, {lif(2)})
return out""")
    inputs = graph.signals["flat"].shape[0]
    weights = {
        "conv": rng.integers(-60, 90, (3, 2, 3, 2)), "dense": 4 * rng.integers(-15, 30, (6, inputs)),
        "last": 2 * rng.integers(0, 127, (4, 6)) - int(rng.choice([0, 100])),
        "b0": 2 * rng.integers(-20, 20, (3, 1, 1)), "b1": 2 * rng.integers(-20, 20, 6), "b2": np.full(4, 2),
    }  # fmt: skip
    return Model("chain", graph, weights, STEPS).checked()


def arguments(note: str) -> dict[str, int]:
    """Those of hdf5.Network beside the file, as the note beside the file has them."""
    found = re.findall(r"(reset_\w+)=(\d+)", note)
    return {name: int(value) for name, value in found}


def test_lava_dl_makes_the_same_network_of_a_netx_file(tmp_path: Path, lava_dl_toolchain: Toolchain) -> None:
    models = [chain(seed) for seed in range(NETWORKS)]
    x = (np.random.default_rng(0).random((NETWORKS, STEPS, 2, 5, 4)) < 0.4).astype(np.int64)
    described = []
    for number, model in enumerate(models):
        written = netx_files(model)
        (tmp_path / f"{number}.net").write_bytes(written[NETWORK])
        described.append({"net": f"{number}.net", "call": arguments(written[NOTE].decode())})
    (tmp_path / "networks.json").write_text(json.dumps(described))
    np.savez(tmp_path / "inputs.npz", **{str(number): samples for number, samples in enumerate(x)})
    with as_file(files("nmc.backends.lava") / "run.py") as run_py:
        script = Path(__file__).with_name("lava_dl_oracle.py")
        toolchain.run(lava_dl_toolchain, script, [str(run_py), str(tmp_path)], timeout_s=120)
    with np.load(tmp_path / "spikes.npz") as spikes:
        for number, model in enumerate(models):
            expected = reference.run(model, x[number][None])["out"][0]
            np.testing.assert_array_equal(spikes[str(number)], expected)
            assert 0 < expected.mean() < 1
