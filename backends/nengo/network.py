"""A Nengo network as plain data: what a program's network.json and weights.npz hold, and run.py builds.

Every signal is a flat vector in the order of the graph's elements, and every object has the name of the
graph's node that it stands for. Nothing here knows of models or of chips, so that each target that ends
in Nengo can describe its networks so.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np

from nmc.graph import DType, Shape, Timing
from nmc.model import Array

FORMAT = "nmc-nengo"
VERSION = 1


@dataclass(frozen=True)
class Stored:
    """A value that is an array of weights.npz, by its name there."""

    array: str


Factor = tuple[str, float, bool]
"""A variable, a constant added to it, and whether the sign of that counts."""
Product = tuple[float, tuple[Factor, ...]]
Setting = (
    bool | int | float | str | None | Shape | tuple[Shape, ...] | Stored
    | tuple[tuple[str, float, float], ...] | Mapping[str, tuple[Product, ...]]
)


@dataclass(frozen=True)
class Part:
    """Something to make: a class of run.py, or one of Nengo's own as in "nengo.LIF", and its arguments."""

    type: str
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """A pass-through Node for samples: one value held through the run or, with `stream`, one a step."""

    name: str
    shape: Shape
    stream: bool


@dataclass(frozen=True)
class Node:
    """A Node: it passes on what arrives, puts out a constant, or, with a `process`, computes on the host.

    `shape` is that of its output; `size_in` how many numbers it takes, 0 for a constant. The process
    gets its operands one after another.
    """

    name: str
    shape: Shape
    size_in: int
    process: Part | None = None
    constant: Stored | None = None


@dataclass(frozen=True)
class Ensemble:
    """Neurons, driven by J = gain (what arrives) + bias. `initial` is their state before the first step.

    `on_chip` is for simulators that have a chip and a host: where the neurons are; None says nothing. So is
    `neurons_per_core`: how many share a core of the chip.
    """

    name: str
    shape: Shape
    neurons: Part
    gain: float | Stored = 1.0
    bias: float | Stored = 0.0
    initial: Mapping[str, Setting] = field(default_factory=dict)
    on_chip: bool | None = None
    neurons_per_core: int | None = None


@dataclass(frozen=True)
class Dense:
    """y = W x with W: [outputs, inputs]; y = w x, element by element, with w: [elements]."""

    weight: Stored
    kind: Literal["dense"] = "dense"


@dataclass(frozen=True)
class Sparse:
    """y = W x with W: `shape` [outputs, inputs], zero but for `values` at `indices`: [entries, 2] as (row, column)."""

    shape: tuple[int, int]
    indices: Stored
    values: Stored
    kind: Literal["sparse"] = "sparse"


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation over [channels, *spatial], as nengo.Convolution has it with channels first.

    `weight`: [*kernel, channels of the input / groups, channels]. "same" pads as TensorFlow does.
    """

    input_shape: Shape
    channels: int
    weight: Stored
    stride: Shape
    padding: Literal["valid", "same"]
    groups: int = 1
    kind: Literal["convolution"] = "convolution"


Transform = Dense | Sparse | Convolution


@dataclass(frozen=True)
class Connection:
    """From an object's output (neurons, for an ensemble) to a part of another's input that begins at `start`.

    `transform` None is the identity. `synapse`: None is read in the same step, 0.0 one step late, any other
    the time constant in seconds of a Lowpass, which is one step late, too.
    """

    source: str
    target: str
    transform: Transform | None = None
    synapse: float | None = None
    start: int = 0


@dataclass(frozen=True)
class Output:
    """What a run gives: an object's output at every step where the timing is "stream", else at the last one."""

    name: str
    shape: Shape
    dtype: DType
    timing: Timing


@dataclass(frozen=True, eq=False)
class Network:
    """A whole network. `steps` is how long a run lasts unless told otherwise; `lag` how late outputs come.

    `spiking` names the ensembles that send spikes. `arrays` are those of weights.npz, by name.
    """

    name: str
    dt_s: float
    steps: int | None
    lag: int
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    ensembles: tuple[Ensemble, ...]
    connections: tuple[Connection, ...]
    outputs: tuple[Output, ...]
    spiking: tuple[str, ...] = ()
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def json(self) -> bytes:
        """The content of network.json."""
        return (json.dumps({"format": FORMAT, "version": VERSION, **self._facts()}, indent=1) + "\n").encode()

    def npz(self) -> bytes:
        """The content of weights.npz: the arrays that the network names."""
        return npz({name: self.arrays[name] for name in dict.fromkeys(_stored(self._facts()))})

    def _facts(self) -> dict[str, object]:
        facts = asdict(replace(self, arrays={}))
        del facts["arrays"]
        return facts


class Store:
    """Collects the arrays of a network. A name that another array has already is changed."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def keep(self, name: str, array: Array) -> Stored:
        """The array, for a part to name."""
        while name in self.arrays and not np.array_equal(self.arrays[name], array):
            name += "_"
        self.arrays[name] = array
        return Stored(name)


def npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as the bytes of an .npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def _stored(facts: object) -> Iterator[str]:
    """The names of all arrays in what `asdict` gave."""
    match facts:
        case {"array": str(name)}:
            yield name
        case Mapping():
            for value in facts.values():
                yield from _stored(value)
        case list() | tuple():
            for value in facts:
                yield from _stored(value)
