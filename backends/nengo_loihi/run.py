"""Runs this network on the Loihi emulator of NengoLoihi 1.1.0, or lends it to a script of yours.

    python run.py --check                            does it still give what is in golden.npz?
    python run.py --input x.npz --output y.npz       spikes in, spikes out
    python run.py --blocks                           what each block uses of its core

    from run import build                            # in a script beside this file
    with nengo_loihi.Simulator(build()) as simulator:
        ...

Beside this file lie network.json (the network's parts and settings), weights.npz (the arrays it names),
nengo_network.py (which builds networks from those), golden.npz (spikes into the chip, and those that come out) and
requirements.txt (what to install).

x.npz holds the spikes that the host sends to the chip, an array [samples, steps, *shape] of 0 and 1 for each input;
y.npz those of each output, likewise. A step on the chip is from one layer to the next, and none is left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import nengo
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Arrays = dict[str, Array]
    Json = dict[str, Any]

HERE = Path(__file__).resolve().parent


def build(description: Json | None = None, arrays: Arrays | None = None) -> nengo.Network:
    """The network, each ensemble assigned to the host, or to the chip and cut for its cores.

    Its `inputs` are Nodes by name, waiting for connections; its `outputs` the Neurons whose spikes are results.
    """
    import nengo_loihi

    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    network = importlib.import_module("nengo_network").build(description, arrays)
    nengo_loihi.add_params(network)
    for entry in (description or read_description())["ensembles"]:
        ensemble = network.parts[entry["name"]].ensemble
        network.config[ensemble].on_chip = entry["on_chip"]
        if entry["neurons_per_core"]:
            shape = nengo_loihi.BlockShape((entry["neurons_per_core"],), (ensemble.n_neurons,))
            network.config[ensemble].block_shape = shape
    return network


def read_description(folder: Path = HERE) -> Json:
    """The content of network.json."""
    description: Json = json.loads((folder / "network.json").read_text())
    return description


def read_arrays(path: Path) -> Arrays:
    """All arrays of an .npz file."""
    with np.load(path) as file:
        return dict(file)


class Player:
    """The network on NengoLoihi's emulator, built once for all samples."""

    def __init__(self, description: Json, arrays: Arrays, probed: list[str]) -> None:
        """`probed` are the ensembles on the chip whose spikes are kept."""
        import nengo
        import nengo_loihi

        nengo.rc.set("precision", "bits", "64")
        nengo.rc.set("decoder_cache", "enabled", "False")
        self.dt: float = description["dt_s"]
        self.shapes = {entry["name"]: entry["shape"] for entry in description["ensembles"]}
        self.feed: Arrays = {}
        with build(description, arrays) as network:
            for entry in description["inputs"]:
                into = network.inputs[entry["name"]]
                source = nengo.Node(self.played(entry["name"]), size_out=into.size_in)
                nengo.Connection(source, into, synapse=None)
            self.probes = {name: nengo.Probe(network.parts[name]) for name in probed}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*bits in weight rounding|.*more than 32 'populations'")
            warnings.simplefilter("ignore", RuntimeWarning)  # of tuning curves, which play no part here
            self.simulator = nengo_loihi.Simulator(network, dt=self.dt, progress_bar=False, seed=0)
        self.blocks = list(self.simulator.model.blocks)

    def played(self, name: str) -> Callable[[float], Array]:
        """The function of an input Node."""
        return lambda t: self.feed[name][round(t / self.dt) - 1]

    def run(self, inputs: Arrays) -> Arrays:
        """The spikes of each probed ensemble, [samples, steps, *shape], for those of each input, likewise."""
        samples, steps = next(iter(inputs.values())).shape[:2]
        kept: dict[str, list[Array]] = {name: [] for name in self.probes}
        for sample in range(samples):
            self.feed.update({name: array[sample].reshape(steps, -1).astype(float) for name, array in inputs.items()})
            self.restart()
            self.simulator.run_steps(steps)
            for name, probe in self.probes.items():
                values = np.asarray(self.simulator.data[probe])
                kept[name].append((values > 0).astype(float).reshape(steps, *self.shapes[name]))
        return {name: np.stack(values) for name, values in kept.items()}

    def restart(self) -> None:
        """Put everything back to before the first step. The simulator itself cannot: its `reset` is missing."""
        from nengo_loihi.emulator import EmulatorInterface
        from nengo_loihi.simulator import StepRunner

        simulator = self.simulator
        for name, part in simulator.sims.items():
            if name != "emulator":
                part.reset()
        for spikes in simulator.model.inputs:
            spikes.spikes.clear()
        simulator.sims["emulator"] = EmulatorInterface(simulator.model, seed=0)
        simulator._runner = StepRunner(simulator.model, simulator.sims, simulator.precompute, simulator.timers)
        simulator._n_steps = 0
        simulator.clear_probes()


def utilization(player: Player) -> list[dict[str, list[int]]]:
    """For each block what it uses of its core, beside the limit."""
    return [{name: [int(n) for n in use] for name, use in block.utilization().items()} for block in player.blocks]


def check(folder: Path) -> int:
    """Compare a run with golden.npz; 0 if they are identical."""
    description, golden = read_description(folder), read_arrays(folder / "golden.npz")
    names = [entry["name"] for entry in description["outputs"]]
    player = Player(description, read_arrays(folder / "weights.npz"), names)
    results = player.run({entry["name"]: golden[f"input/{entry['name']}"] for entry in description["inputs"]})
    differing = 0
    for name, values in results.items():
        wrong = np.argwhere(values != golden[f"output/{name}"])
        differing += len(wrong)
        print(f"{name}: {values.size - len(wrong)} of {values.size} values are as expected")
        if len(wrong):
            print(f"  first difference at {tuple(int(i) for i in wrong[0])}")
    return 1 if differing else 0


def read_inputs(path: Path, description: Json) -> Arrays:
    """The network's inputs by name, from an .npz file."""
    loaded = read_arrays(path)
    inputs = {}
    for entry in description["inputs"]:
        if entry["name"] not in loaded:
            sys.exit(f"run.py: {path} has no array for the input {entry['name']!r}")
        array = loaded[entry["name"]]
        if list(array.shape[2:]) != entry["shape"] or array.ndim < 2:
            sys.exit(f"run.py: the input {entry['name']!r} takes [samples, steps, *{entry['shape']}], "
                     f"got {list(array.shape)}")
        if not np.all((array == 0) | (array == 1)):
            sys.exit(f"run.py: the input {entry['name']!r} takes spikes, 0 or 1")
        inputs[entry["name"]] = array
    if len({array.shape[:2] for array in inputs.values()}) > 1:
        sys.exit("run.py: the inputs differ in their number of samples or steps")
    return inputs


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run golden.npz and compare")
    parser.add_argument("--input", type=Path, help="spikes, .npz")
    parser.add_argument("--output", type=Path, help="where spikes go, .npz")
    parser.add_argument("--all", action="store_true", help="give the spikes of all ensembles on the chip")
    parser.add_argument("--blocks", action="store_true", help="print what each block uses of its core")
    parser.add_argument("--version", action="store_true", help="print the versions of what this runs on")
    options = parser.parse_args()
    if not (options.check or options.blocks or options.version or (options.input and options.output)):
        parser.error("give --check, --blocks, or --input and --output")
    warnings.filterwarnings("ignore", message=".*has not been tested with your.*")
    import nengo
    import nengo_loihi

    if options.version:
        print(f"nengo-loihi {nengo_loihi.__version__}, nengo {nengo.__version__}, numpy {np.__version__}, "
              f"Python {sys.version.split()[0]}")
        return 0
    if options.check:
        return check(HERE)
    description = read_description()
    chip = [entry["name"] for entry in description["ensembles"] if entry["on_chip"]]
    outputs = [entry["name"] for entry in description["outputs"]]
    player = Player(description, read_arrays(HERE / "weights.npz"), chip if options.all else outputs)
    if options.blocks:
        for block, uses in zip(player.blocks, utilization(player), strict=True):
            print(f"{block.label}: " + ", ".join(f"{name} {used} of {most}" for name, (used, most) in uses.items()))
    if options.output:
        results = player.run(read_inputs(options.input, description))
        unfinished = options.output.with_name(options.output.name + ".part")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **{name: spikes.astype(np.uint8) for name, spikes in results.items()})  # type: ignore[arg-type]
        unfinished.replace(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
