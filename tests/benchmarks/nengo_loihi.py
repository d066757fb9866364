"""How fast the native emulator runs programs for NengoLoihi, beside NengoLoihi's own emulator. Run by `make bench`.

In every round each runs once, the native one on a whole test set and the other on a few of its samples; neither
counts its start and building. What to quote is the median of the rounds' ratios.

    python tests/benchmarks/nengo_loihi.py [MODEL...] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from support.peer import Peer

import nmc
from nmc import datasets, zoo
from nmc.backends.nengo_loihi.lowering import FOLDER
from nmc.backends.nengo_loihi.spikes import sent, sent_on
from nmc.backends.toolchain import install, toolchain_named
from nmc.errors import ToolError

TARGET = 500
SAMPLES = 4


def measure(name: str, rounds: int) -> None:
    """Run both in alternation, and print what came out."""
    x = datasets.test_data(nmc.load(name)).x
    with tempfile.TemporaryDirectory() as place:
        program = nmc.compile(name, "nengo-loihi-sim", Path(place) / "program")
        folder, model = Path(place) / "program" / FOLDER, program.model
        steps = (model.steps or x.shape[1]) + model.graph.lag
        (entry,) = (node.name for node in model.graph if node.kind == "Input")
        network = nmc_network(folder)
        few = {entry: x[:SAMPLES]}
        np.savez(folder / "sent.npz", **sent(model, network["inputs"], few, steps))
        expected = sum(int(s.sum()) for s in sent_on(model, tuple(network["outputs"]), few, steps).values())
        with Peer.started("nengo_loihi", name, folder, install(toolchain_named("nengo-loihi"))) as peer:
            ratios, mine, theirs = [], [], []
            for _ in range(rounds):
                mine.append(nmc.run(program, x).seconds / len(x))
                answer = peer.run()
                theirs.append(answer.seconds / answer.units)
                ratios.append(theirs[-1] / mine[-1])
                assert answer.spikes == expected, "NengoLoihi counts other spikes"
    print(f"{name:14} {statistics.median(mine) * 1e3:8.3f} ms {statistics.median(theirs) * 1e3:9.1f} ms"
          f" {statistics.median(ratios):9,.0f}x {TARGET:7}x")


def nmc_network(folder: Path) -> dict[str, list[str]]:
    """The names of a program's inputs and outputs."""
    import json

    described = json.loads((folder / "network.json").read_text())
    return {key: [entry["name"] for entry in described[key]] for key in ("inputs", "outputs")}


def main() -> None:
    """Measure the models named on the command line, or all of the zoo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(zoo.names()), metavar="model")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'a sample':14} {'native':>11} {'nengo-loihi':>12} {'ratio':>10} {'target':>8}")
    for name in options.names:
        try:
            measure(name, options.rounds)
        except ToolError as error:
            print(f"{name} is left out: {error}")


if __name__ == "__main__":
    main()
