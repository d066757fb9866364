"""A small sound model file to start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

MODEL = """\
nmc: 1
name: small
description: a recurrent spiking network
weights: weights.safetensors
dt: 1 ms
steps: 20
input: {shape: [6]}
nodes:
  current: {kind: ConstantCurrent, from: input}
  fc1: {kind: Linear, from: current, features: 4, bias: fc1.bias}
  rec: {kind: Linear, from: lif1@1, features: 4}
  lif1: {kind: LIF, from: [fc1, rec], tau: 10 ms, integrator: exact, threshold: 1.0, reset: zero}
  out: {kind: Linear, from: lif1, features: 3}
  membrane: {kind: LI, from: out, decay: 0.95}
  logits: {kind: Last, from: membrane}
output: logits
task:
  kind: classification
  data: {test: test.npz, calibration: calibration.npz}
  metric: accuracy
  budgets: {loihi-sim: {min_accuracy: 0.96, max_energy: 50 uJ, max_latency: 5 ms}}
"""


def arrays() -> dict[str, np.ndarray]:
    """The weights that the model above reads."""
    random = np.random.default_rng(0)
    shapes = {"fc1.weight": (4, 6), "fc1.bias": (4,), "rec.weight": (4, 4), "out.weight": (3, 4)}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the model above, its weights and its data."""
    (tmp_path / "model.yaml").write_text(MODEL)
    save_file(arrays(), tmp_path / "weights.safetensors")
    random = np.random.default_rng(1)
    np.savez(tmp_path / "test.npz", x=random.uniform(size=(5, 6)), y=np.arange(5) % 3)
    np.savez(tmp_path / "calibration.npz", x=random.uniform(size=(4, 6)))
    return tmp_path
