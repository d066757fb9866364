"""Linear nodes between populations become synapses, whatever their kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.model import Model, Task
from nmc.reference import run as reference
from nmc.text import parse

BETWEEN = {
    "Affine": ("m = Affine(r, gain=0.5, offset=0.25)", 12),
    "Sub": ("q = Affine(r, gain=2.0)\nm = Sub(r, q)", 12),
    "Slice": ("m = Slice(r, axis=0, start=2, stop=10, step=2)", 4),
    "Gather": ("m = Gather(r, axis=0, indices='i', count=3)", 3),
    "Expand": ("q = Reshape(r, shape=(1, 12))\ne = Expand(q, shape=(2, 12))\nm = Flatten(e)", 24),
    "ReduceSum": ("q = Reshape(r, shape=(3, 4))\ns = ReduceSum(q, axes=(1,))\nm = Flatten(s)", 3),
    "ReduceMean": ("q = Reshape(r, shape=(3, 4))\ns = ReduceMean(q, axes=(1,))\nm = Flatten(s)", 3),
    "ConvTranspose1d": (
        "q = Reshape(r, shape=(3, 4))\nc = ConvTranspose1d(q, channels=2, kernel=3, stride=2, weight='t', bias='tb')\n"
        "m = Flatten(c)", 18,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BETWEEN)
def test_linear_kinds_on_loihi(kind: str, tmp_path: Path) -> None:
    text, size = BETWEEN[kind]
    graph = parse(
        f"x = Input(shape=(8,))\na = Linear(x, features=12, weight='w')\nr = Relu(a)\n{text}\n"
        "y = Linear(m, features=4, weight='v', bias='b')\nreturn y"
    )
    generator = np.random.default_rng(0)
    shapes = {"w": (12, 8), "v": (4, size), "b": (4,), "t": (3, 2, 3), "tb": (2,)}
    weights = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    x = generator.random((30, 8))
    np.savez(tmp_path / "calibration.npz", x=x)
    task = Task("regression", "mean-squared-error", calibration=tmp_path / "calibration.npz")
    model = Model("test", graph, {**weights, "i": np.array([3, 0, 11])}, task=task).with_(graph)
    given = nmc.run(nmc.compile(model, "loihi-sim", tmp_path / "program", steps=64), x).outputs["y"]
    expected = reference(replace(model, task=None), x)["y"]
    assert np.corrcoef(given.ravel(), expected.ravel())[0, 1] > 0.99
    assert abs(np.mean(given - expected)) < 0.05 * np.std(expected)
