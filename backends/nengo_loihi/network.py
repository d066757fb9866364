"""What NengoLoihi puts on the chip: ensembles of neurons, and connections onto them, in real numbers.

Every signal is flat, in the order of its elements. Units are Nengo's: neurons spike where the voltage is above 1, a
spike is a value of 1 / dt for a step, and a connection turns those into the neuron's drive J.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Shape
from nmc.model import FloatArray

IntArray = NDArray[np.int64]
DEFAULT_FILTER_S = 0.005


@dataclass(frozen=True)
class Leaky:
    """nengo.LIF: v' = v + (J - v) (1 - exp(-dt / tau_rc_s)), and rests for `refractory_s` after a spike."""

    tau_rc_s: float
    refractory_s: float = 0.0
    min_voltage: float = float("-inf")


@dataclass(frozen=True)
class Rectified:
    """nengo.SpikingRectifiedLinear, as NengoLoihi has it: v' = max(v + J dt, 0), reset to 0 above 1."""


Neurons = Leaky | Rectified


@dataclass(frozen=True, eq=False)
class Dense:
    """J = W x of spikes x that are 1 / dt high; W: [outputs, inputs]."""

    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Sparse:
    """J = W x, W: `shape` [outputs, inputs], zero but for `values` at `rows` and `columns`."""

    shape: tuple[int, int]
    rows: IntArray
    columns: IntArray
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Convolution:
    """Cross-correlation over [channels, height, width], weight [filters, channels, kh, kw].

    "same" pads as TensorFlow does: what is odd goes to the end.
    """

    input_shape: tuple[int, int, int]
    weight: FloatArray
    stride: tuple[int, int] = (1, 1)
    same: bool = False

    @property
    def output_shape(self) -> Shape:
        """[filters, height, width] of the output."""
        spatial = zip(self.input_shape[1:], self.weight.shape[2:], self.stride, strict=True)
        return (len(self.weight), *(-(-(n if self.same else n - k + 1) // s) for n, k, s in spatial))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Zeros before the first and after the last row and column, as ONNX orders them."""
        if not self.same:
            return (0, 0, 0, 0)
        axes = zip(self.input_shape[1:], self.output_shape[1:], self.weight.shape[2:], self.stride, strict=True)
        down, across = (max((out - 1) * s + k - n, 0) for n, out, k, s in axes)
        return (down // 2, across // 2, down - down // 2, across - across // 2)

    def expanded(self) -> Sparse:
        """The same as a matrix."""
        filters, height, width = self.output_shape
        channels, *image = self.input_shape
        taps = np.indices(self.weight.shape[1:]).reshape(3, -1)
        outputs = np.indices((height, width)).reshape(2, -1, 1)
        y = outputs[0] * self.stride[0] - self.padding[0] + taps[1]
        x = outputs[1] * self.stride[1] - self.padding[1] + taps[2]
        inside = (y >= 0) & (y < image[0]) & (x >= 0) & (x < image[1])
        places, tap = np.nonzero(inside)
        columns = (taps[0][tap] * image[0] + y[inside]) * image[1] + x[inside]
        rows = np.arange(filters)[:, None] * (height * width) + places
        values = self.weight.reshape(filters, -1)[:, tap]
        return Sparse(
            (filters * height * width, channels * image[0] * image[1]),
            rows.ravel(), np.tile(columns, filters), values.ravel(),
        )


Transform = Dense | Sparse | Convolution


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses from the spikes of a source, which take one step.

    `weight` is what the transform is made of: its matrix, or the kernel of a convolution, which may be `Sparse`, too.
    """

    name: str
    source: str
    transform: Transform
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Neurons on the chip. All its synapses have one Lowpass of `tau_s` seconds; 0 is none. `bias` is [neurons]."""

    name: str
    neurons: Neurons
    bias: FloatArray
    tau_s: float = 0.0
    connections: tuple[Connection, ...] = ()

    @property
    def size(self) -> int:
        """How many neurons there are."""
        return len(self.bias)

    @property
    def filter_s(self) -> float:
        """The time constant that NengoLoihi configures: its default where there is nothing to filter."""
        return self.tau_s if self.connections else DEFAULT_FILTER_S


@dataclass(frozen=True)
class Source:
    """Spikes from the host."""

    name: str
    size: int


@dataclass(frozen=True, eq=False)
class ChipNetwork:
    """All of it. `dt_s` is the time step."""

    dt_s: float
    sources: tuple[Source, ...]
    ensembles: tuple[Ensemble, ...]


def inputs_of(transform: Transform) -> int:
    """How many elements a transform reads."""
    match transform:
        case Dense():
            return int(transform.weight.shape[1])
        case Sparse():
            return transform.shape[1]
        case Convolution():
            return prod(transform.input_shape)
