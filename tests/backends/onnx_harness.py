"""What the tests of the ONNX backend share: programs without a disk, and a comparison with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from conformance.onnx_files import check_files
from nmc.backends.onnx.engine import run, run_stepwise
from nmc.backends.onnx.lowering import lower
from nmc.model import Array, FloatArray, Model
from nmc.program import Manifest, Program
from nmc.reference import run as reference
from nmc.text import parse


def model_of(text: str, steps: int | None = None, **weights: object) -> Model:
    """A checked model from the text of a graph; array names may write `_` for a dot."""
    arrays = {name: np.asarray(array) for name, array in weights.items()}
    return Model("test", parse(text), arrays, steps).checked()


def program_of(model: Model, half: bool = False, target: str = "gpu-sim", **options: object) -> Program:
    """The program of a model, as the engines see it."""
    files = lower(model, half)
    manifest = Manifest("test", target, "a100", "0", options, model.steps, {})
    return Program(Path("test-program"), manifest, model, files)


def assert_equals_reference(
    model: Model, x: FloatArray | Mapping[str, FloatArray], steps: int | None = None, rtol: float = 1e-5
) -> Mapping[str, FloatArray]:
    """Both forms give what the reference does, and both files pass ONNX's own checks."""
    program = program_of(model)
    check_files(program._files)
    expected = reference(model, x, steps)
    for engine in (run, run_stepwise):
        given = engine(program, x, steps=steps).outputs
        assert given.keys() == expected.keys()
        for name, array in expected.items():
            assert given[name].shape == array.shape, (engine.__name__, name)
            np.testing.assert_allclose(given[name], array, rtol, 1e-6, err_msg=f"{engine.__name__} {name}")
    return expected


def dyadic(*shape: int, seed: int = 0, denominator: int = 8, low: int = -8, high: int = 8) -> Array:
    """Random multiples of 1 / denominator, which 32-bit floats add and multiply without rounding."""
    return np.random.default_rng(seed).integers(low, high + 1, shape) / denominator
