"""Loads netx files with lava-dl's own `hdf5.Network`, and runs them on Lava. Runs inside the toolchain.

    python lava_dl_oracle.py RUN_PY FOLDER

FOLDER holds networks.json, a list of {"net": file, "call": arguments of hdf5.Network, "steps"}, and inputs.npz
with an array [steps, *shape] for each, by its number. It writes spikes.npz there: [steps, *shape], by number;
axes as in the graph.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np


def load_netx():
    """netx without PyTorch, which it needs for training only; and for resonators, which are not here."""
    for name in ("torch", "lava.lib.dl.slayer", "lava.lib.dl.slayer.neuron", "lava.lib.dl.slayer.neuron.rf"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["lava.lib.dl.slayer.neuron.rf"].neuron_params = None
    sys.modules["torch"].tensor = object
    from lava.lib.dl.netx import hdf5

    return hdf5


def spikes_of(hdf5, net, call, x):
    """The spikes of a network's last layer, for x [steps, *shape]."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    network = hdf5.Network(net_config=str(net), **call)
    source, sink = Source(data=x.T.copy()), Sink(shape=network.out.shape, buffer=len(x))
    source.s_out.connect(network.inp)
    network.out.connect(sink.a_in)
    network.run(condition=RunSteps(num_steps=len(x)), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        return sink.data.get().T.astype(int)
    finally:
        network.stop()


def main(run_py, folder):
    specification = importlib.util.spec_from_file_location("program", run_py)
    program = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    program.load_lava()
    hdf5 = load_netx()
    with np.load(folder / "inputs.npz") as inputs:
        spikes = {
            str(number): spikes_of(hdf5, folder / network["net"], network["call"], inputs[str(number)].astype(int))
            for number, network in enumerate(json.loads((folder / "networks.json").read_text()))
        }
    np.savez(folder / "spikes.npz", **spikes)


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        print(f"lava-dl {version('lava-dl')}, lava-nc {version('lava-nc')}")
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
