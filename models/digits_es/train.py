"""Evolve digits-es: digits-cnn on loihi-sim with weights of 4 bits and runs of 8 steps, without any gradient."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import nmc
from nmc.evolution.evolve import evolve
from nmc.evolution.generations import EvolutionOptions
from nmc.evolution.search import Strategy
from nmc.frontends.dump import dump
from nmc.model import Budget

OPTIONS = EvolutionOptions(generations=40, batch=256, genes="channels", strategy=Strategy(24, 0.05, seed=0))
SETTING = {"weight_bits": 4, "steps": 8}
BUDGETS = {"loihi-sim": Budget(0.985, 0.6e-3, 6e-3, allow_missing=True)}


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    model = nmc.load("digits-cnn")
    assert model.task is not None
    with TemporaryDirectory() as scratch:
        done = evolve(model, "loihi-sim", Path(scratch) / "program", OPTIONS, target_options=SETTING)
        evolved = replace(
            done.model(),
            name="digits-es",
            description="spiking network that reads 8x8 handwritten digits, evolved for 4-bit weights and 8 steps",
            task=replace(model.task, budgets=BUDGETS, train=None),
        )
        dump(evolved, Path(scratch) / "model")
        for path in (Path(scratch) / "model").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    print(f"{100 * done.before.score:.2f} % as compiled, {100 * done.after.score:.2f} % evolved")
    print(f"loss on the training images: {done.before.loss:.4f}, {done.after.loss:.4f}")
