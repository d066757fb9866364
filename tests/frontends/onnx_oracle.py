"""What an ONNX file gives by ONNX Runtime, and what its import gives by the reference."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

from nmc.frontends.onnx.load import Imported, Options, of_proto
from nmc.model import Array
from nmc.reference import run as reference


def wanted(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array] | None:
    """What ONNX Runtime gives, or else ONNX's own evaluator; None where both refuse the file."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [np.asarray(array) for array in session.run(None, dict(feeds))]
    except Exception:
        if model.opset_import[0].version < 7:
            return None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [np.asarray(array) for array in ReferenceEvaluator(model).run(None, dict(feeds))]
    except Exception:
        return None


def answers(made: Imported, feeds: Mapping[str, Array], names: Sequence[str]) -> list[Array]:
    """What the import gives by the reference, with axes as in the file."""
    given = {made.nodes[name]: _samples_first(array, made.dims[name]) for name, array in feeds.items()}
    results = reference(made.model, given)
    return [_as_in_file(results[made.nodes[name]], made.dims[name]) for name in names]


def _samples_first(array: Array, dims: tuple[int | None, ...]) -> Array:
    array = np.asarray(array, np.float64)
    return np.moveaxis(array, dims.index(None), 0) if None in dims else array[None]


def _as_in_file(array: Array, dims: tuple[int | None, ...]) -> Array:
    if None not in dims:
        return array[0]
    place = dims.index(None)
    moved = np.moveaxis(array, 0, place)
    if moved.ndim == len(dims):
        return moved
    return moved.reshape(*moved.shape[:place], -1, *moved.shape[place + 2 :])  # samples share the axis with another


def require_equal(model: onnx.ModelProto, feeds: Mapping[str, Array], batch: str = "auto") -> None:
    """Assert that the import of a file gives what others give."""
    right = wanted(model, feeds)
    assert right is not None, "nothing runs the file"
    made = of_proto(model, Path("m.onnx"), Options(batch))
    found = answers(made, feeds, [value.name for value in model.graph.output])
    for mine, theirs in zip(found, right, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs.astype(np.float64), rtol=1e-4, atol=1e-4)
