"""How fast the native emulator runs programs for NengoLoihi, beside NengoLoihi's own emulator. Run by `make bench`.

In every round each runs once, the native one on a whole test set and the other on a few of its samples; neither
counts its start. What to quote is the median of the rounds' ratios. NengoLoihi's simulator cannot be reset: who uses
it as it comes builds the network anew for each sample, which the last ratio counts. Our run.py puts its state back
by hand, which the first one counts.

    python tests/benchmarks/nengo_loihi.py [MODEL...] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from support.peer import Peer

import nmc
from nmc import datasets
from nmc.backends.nengo_loihi.lowering import FOLDER
from nmc.backends.nengo_loihi.spikes import sent, sent_on
from nmc.backends.toolchain import install, toolchain_named
from nmc.errors import ToolError
from nmc.model import FloatArray, Model
from nmc.text import parse

MODELS = ("digits-cnn", "digits-resnet", "digits-snn", "vowels-rsnn")
WIDE = "wide"
SAMPLES = 4


def wide() -> tuple[Model, FloatArray]:
    """784-1000-1000-10 leaky neurons with random weights, and images of noise as input rates."""
    rng = np.random.default_rng(0)
    sizes = (784, 1000, 1000, 10)
    lines = ["dt = 0.001", "x = Input(shape=(784,))", "n0 = BernoulliEncode(x, gain=0.1)"]
    arrays = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        arrays[f"w{number}"] = rng.normal(0.1 / np.sqrt(inputs), 2 / np.sqrt(inputs), (outputs, inputs))
        lines.append(f"fc{number} = Linear(n{number - 1}, features={outputs}, weight='w{number}')")
        lines.append(f"n{number} = LIF(fc{number}, decay=0.9)")
    graph = parse("\n".join([*lines, "y = Sum(n3)", "return y"]))
    return Model("wide", graph, {}, 64).with_(graph, arrays), rng.random((256, 784))


def workload(name: str) -> tuple[Model, FloatArray]:
    """A model of the zoo with its test set, or the wide one."""
    if name == WIDE:
        return wide()
    model = nmc.load(name)
    return model, datasets.test_data(model).x


def measure(name: str, rounds: int) -> None:
    """Run both in alternation, and print what came out."""
    source, x = workload(name)
    with tempfile.TemporaryDirectory() as place:
        program = nmc.compile(source, "nengo-loihi-sim", Path(place) / "program")
        folder, model = Path(place) / "program" / FOLDER, program.model
        steps = (model.steps or x.shape[1]) + model.graph.lag
        (entry,) = (node.name for node in model.graph if node.kind == "Input")
        names = network_names(folder)
        few = {entry: x[:SAMPLES]}
        np.savez(folder / "sent.npz", **sent(model, names["inputs"], few, steps))  # type: ignore[arg-type]
        expected = sum(int(s.sum()) for s in sent_on(model, tuple(names["outputs"]), few, steps).values())
        ratios, mine, theirs = [], [], []
        with Peer.started("nengo_loihi", name, folder, install(toolchain_named("nengo-loihi"))) as peer:
            for _ in range(rounds):
                mine.append(nmc.run(program, x).seconds / len(x))
                answer = peer.run()
                assert answer.spikes == expected, "NengoLoihi counts other spikes"
                theirs.append(answer.seconds / answer.units)
                ratios.append(theirs[-1] / mine[-1])
    built = statistics.median((peer.import_s + one) / other for one, other in zip(theirs, mine, strict=True))
    print(f"{name:14} {statistics.median(mine) * 1e3:8.3f} ms {statistics.median(theirs) * 1e3:9.1f} ms"
          f" {statistics.median(ratios):9,.0f}x {built:12,.0f}x")


def network_names(folder: Path) -> dict[str, list[str]]:
    """The names of a program's inputs and outputs."""
    described = json.loads((folder / "network.json").read_text())
    return {key: [entry["name"] for entry in described[key]] for key in ("inputs", "outputs")}


def main() -> None:
    """Measure the models named on the command line, or some of the zoo and a wide one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*MODELS, WIDE], metavar="model")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'a sample':14} {'native':>11} {'nengo-loihi':>12} {'ratio':>10} {'as it comes':>13}")
    for name in options.names:
        try:
            measure(name, options.rounds)
        except ToolError as error:
            print(f"{name} is left out: {error}")


if __name__ == "__main__":
    main()
