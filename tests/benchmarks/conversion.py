"""Ordinary networks as spiking ones: scores by steps, reset and first charge. Run by `make bench`; takes some minutes.

The tables are those of docs/conversion.md.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import nmc
from nmc import datasets, reference
from nmc.datasets import score

MODELS = ("digits-cnn", "digits-resnet")
STEPS = (4, 8, 16, 32, 64)
METHODS = (("loihi-sim", {}), ("cpu", {"form": "spiking", "reset": "subtract"}))
CHARGES = (0.0, 0.5)


def cell(name: str, target: str, **options: object) -> str:
    """The score on the test set, and how far the outputs are from the network's own, relative to these (rms)."""
    model = nmc.load(name)
    data, (output,) = datasets.test_data(model), model.graph.outputs
    want = reference.run(model, data.x)[output]
    with TemporaryDirectory() as scratch:
        program = nmc.compile(model, target, Path(scratch) / "program", **options)
        have = nmc.run(program, data.x).outputs[output]
    assert model.task is not None
    off = np.sqrt(np.mean((have - want) ** 2) / np.mean(want**2))
    return f"{100 * score(model.task, have, data.y):.1f} % ({off:.2f})"


def main() -> None:
    """Print a table to each model."""
    for name in MODELS:
        print(f"\n| {name} | zero | zero, charge=0.5 | subtract | subtract, charge=0.5 |\n|---|---|---|---|---|")
        for steps in STEPS:
            cells = [
                cell(name, target, steps=steps, charge=charge, **options)
                for target, options in METHODS
                for charge in CHARGES
            ]
            print(f"| {steps} steps | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
