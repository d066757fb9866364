"""A small model with budgets, written to a folder as a user would keep it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

TEXT = """\
nmc: 1
name: small
weights: weights.safetensors
input: {shape: [4]}
nodes:
  fc: {kind: Linear, from: input, features: 8}
  act: {kind: Relu, from: fc}
  out: {kind: Linear, from: act, features: 2}
output: out
task:
  kind: classification
  data: {test: test.npz, calibration: test.npz}
"""
GENEROUS = "{min_accuracy: 0.5, max_energy: 1 J, max_latency: 1 s, allow_missing: true}"


def write_small(
    folder: Path, budgets: str = f"{{loihi-sim: {GENEROUS}}}", *, kind: str = "Relu", wrong: bool = False
) -> Path:
    """The folder of a model that tells the larger of the first two inputs, or is wrong about it.

    `budgets` is YAML in flow style; `kind` is that of the layer's nonlinearity. Returns the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = TEXT.replace("Relu", kind)
    (folder / "model.yaml").write_text(text + (f"  budgets: {budgets}\n" if budgets else ""))
    first = np.zeros((8, 4), np.float32)
    first[0, 0] = first[1, 1] = 1.0
    first[2:, 2:] = 1.0
    out = np.zeros((2, 8), np.float32)
    out[0, 0] = out[1, 1] = -1.0 if wrong else 1.0
    save_file({"fc.weight": first, "out.weight": out}, folder / "weights.safetensors")
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.4, (20, 4))
    y = rng.integers(0, 2, 20)
    x[np.arange(20), y] += 0.5
    np.savez(folder / "test.npz", x=x.astype(np.float32), y=y)
    return folder
