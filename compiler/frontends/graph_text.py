"""The text of a graph as a model: its arrays lie beside it, or are drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmc.errors import UsageError
from nmc.frontends.weights import as_bytes, read
from nmc.graph import ArraySpec, Graph
from nmc.model import Array, Model
from nmc.system.files import write_file, write_text
from nmc.text import parse

_SIZE = 8
"""How large whole numbers without bounds are drawn at most."""


def load(path: Path) -> Model:
    """The model of NAME.txt, with the arrays of NAME.safetensors; drawn ones where there is no such file.

    Raises UsageError where it cannot be read, and ModelError with every fault of the text and of the arrays.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "give a text as 'nmc opt' prints it") from None
    weights = beside(path)
    model = from_text(text, str(path))
    return replace(model, name=path.stem, weights=read(weights)).checked() if weights.is_file() else model.checked()


def from_text(text: str, file: str) -> Model:
    """The model of a text alone, its arrays drawn from a fixed seed. Raises ModelError with every fault of the text."""
    graph = parse(text, file)
    graph.raise_faults(graph.check())
    return Model("graph", graph, drawn(graph))


def save(model: Model, path: Path) -> Path:
    """Write a model's graph as text, and its arrays beside it; gives their file. Raises ToolError."""
    write_file(beside(path), as_bytes(model.weights))
    write_text(path, f"{model.graph}\n")
    return beside(path)


def beside(path: Path) -> Path:
    """Where the arrays of a graph in this file lie."""
    return path.with_suffix(".safetensors")


def drawn(graph: Graph) -> Mapping[str, Array]:
    """Every array that a graph reads, of values that its nodes take, from a fixed seed."""
    rng = np.random.default_rng(0)
    specs = {
        name: spec for node in graph for name, spec in node.arrays(*graph.operand_shapes(node)).items()
    }
    arrays = {name: _drawn(spec, rng) for name, spec in specs.items()}
    return arrays | {
        name: _rising(arrays[spec.rises_in]) for name, spec in specs.items() if spec.rises_in is not None
    }


def _drawn(spec: ArraySpec, rng: np.random.Generator) -> Array:
    if spec.spans:
        return np.linspace(spec.low, spec.high, spec.shape[0]).astype(np.int64)
    size = _SIZE if spec.whole else 1
    low, high = max(spec.low, min(-size, spec.high)), min(spec.high, max(size, spec.low))
    return rng.integers(int(low), int(high) + 1, spec.shape) if spec.whole else rng.uniform(low, high, spec.shape)


def _rising(starts: Array) -> Array:
    """Columns that rise from 0 in each row."""
    counts = np.diff(starts.astype(np.int64))
    return np.concatenate([np.zeros(0, np.int64), *map(np.arange, counts)])
