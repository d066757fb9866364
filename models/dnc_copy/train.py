"""Train dnc-copy: a differentiable neural computer (Graves et al., Nature 538, 2016) that copies sequences of words.

A sequence is a step with the flag "begin", its words, a step with both flags, and as many steps with the flag "recall",
at which the words are to be put out. What follows is nothing, up to a common length.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import nmc
from nmc.data_source import Arrays
from nmc.datasets import score, test_data
from nmc.frontends.weights import as_bytes
from nmc.model import Model
from nmc.models.data import write_samples, write_weights
from nmc.reference import run
from nmc.training import TrainingOptions, train

BITS = 4
LONGEST = 5
STEPS = 2 * LONGEST + 2
CELLS = 8
WIDTH = 6
BEGIN, RECALL = BITS, BITS + 1
SEQUENCES = 20_000
OPTIONS = TrainingOptions(seed=0, epochs=4, learning_rate=0.004, batch_size=64)


def sequences(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return x [count, 12, 6] and y [count, 12, 4], -1 where nothing is scored; lengths from 1 to 5, all as often."""
    x, y = np.zeros((count, STEPS, BITS + 2)), np.full((count, STEPS, BITS), -1.0)
    words = rng.integers(0, 2, (count, LONGEST, BITS))
    for index, length in enumerate(rng.integers(1, LONGEST + 1, count)):
        x[index, 0, BEGIN] = 1
        x[index, 1 : length + 1, :BITS] = words[index, :length]
        x[index, length + 1, [BEGIN, RECALL]] = 1
        recall = slice(length + 2, 2 * length + 2)
        x[index, recall, RECALL] = 1
        y[index, recall] = words[index, :length]
    return x, y


def fixed() -> dict[str, np.ndarray]:
    """Return the arrays that are not trained: which of equal cells is free first, all cells but one's own, nothing."""
    return {
        "ramp": 0.02 * np.arange(CELLS)[:, None], "others": 1 - np.eye(CELLS), "blank": np.zeros((CELLS, WIDTH)),
    }  # fmt: skip


def start(folder: Path) -> Model:
    """Return the model of a folder with fixed arrays only; the folder keeps the weights that it has."""
    with TemporaryDirectory() as scratch:
        write_weights(Path(scratch), fixed())
        for name in ("model.yaml", "test.npz", "calibration.npz"):
            (Path(scratch) / name).write_bytes((folder / name).read_bytes())
        model = nmc.load(scratch, untrained=True)
    assert model.task is not None
    return replace(model, task=replace(model.task, test=folder / "test.npz", calibration=folder / "calibration.npz"))


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    rng = np.random.default_rng(0)
    x, y = sequences(SEQUENCES, rng)
    test_x, test_y = sequences(500, rng)
    write_samples(folder, "test", test_x, test_y.astype(np.int8))
    write_samples(folder, "calibration", x[:128])
    untrained = start(folder)
    assert untrained.task is not None
    given = replace(untrained, task=replace(untrained.task, train=Arrays(x, y)))
    done = train(given, "backprop", OPTIONS, lambda epoch, of, loss: print(f"epoch {epoch}/{of}: loss {loss:.5f}"))
    (folder / "weights.safetensors").write_bytes(as_bytes(done.model.weights))
    data = test_data(given)
    found = run(done.model, data.x)["bits"]
    print(f"test bit accuracy {score(untrained.task, found, data.y):.4f}")
    whole = [np.all((found[i] > 0.5) == (data.y[i] > 0.5), where=data.y[i] >= 0) for i in range(len(found))]
    print(f"whole sequences right: {np.mean(whole):.4f}")
