"""The three networks that the emulator is timed on, as fixed-point graphs with spikes to feed them.

All weights are even 8-bit integers, all neurons leak 410/4096 of their voltage a step and hold no current.
Thresholds are set such that every layer spikes at about 7 % (W3: 5 %) of the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.model import Array, Model
from nmc.text import parse

DV = 410
NEURON = f"du=4095, dv={DV}"


@dataclass(frozen=True, eq=False)
class Workload:
    """A model at the stage "fixed-point", its input spikes [B, T, *shape], and its length in steps.

    `unit` is what its speed is counted in: "samples", or "steps" of its one sample.
    """

    name: str
    description: str
    model: Model
    spikes: NDArray[np.uint8]
    steps: int
    unit: str

    @property
    def feeds(self) -> Mapping[str, Array]:
        """What the emulator is fed."""
        return {"x": self.spikes}

    @property
    def count(self) -> int:
        """How many units one run is."""
        return self.steps if self.unit == "steps" else len(self.spikes)


def w1(samples: int = 256) -> Workload:
    """784-512-512-10 over 32 steps, 10 % of the inputs spiking."""
    rng = np.random.default_rng(1)
    sizes = (784, 512, 512, 10)
    graph = parse(f"""
dt = 0.001
x = Input(shape=(784,), stream=True)
d1 = FixedDense(x, features=512, weight='w1')
n1 = FixedLIF(d1@1, {NEURON}, vth=1080)
d2 = FixedDense(n1, features=512, weight='w2')
n2 = FixedLIF(d2@1, {NEURON}, vth=560)
d3 = FixedDense(n2, features=10, weight='w3')
n3 = FixedLIF(d3@1, {NEURON}, vth=600)
return n3
""")
    weights = {f"w{i + 1}": even(rng, (sizes[i + 1], sizes[i])) for i in range(3)}
    spikes = (rng.random((samples, 32, 784)) < 0.10).astype(np.uint8)
    return Workload("W1", "784-512-512-10, 32 steps", Model("w1", graph, weights).checked(), spikes, 32, "samples")


def w2(samples: int = 32) -> Workload:
    """2x34x34, c16k5s2, c32k3, sum over 2x2, c64k3, 256, 10 over 50 steps, 5 % of the inputs spiking.

    The sum is folded into the convolution after it: 6x6 with stride 2.
    """
    rng = np.random.default_rng(2)
    graph = parse(f"""
dt = 0.001
x = Input(shape=(2, 34, 34), stream=True)
c1 = FixedConv2d(x, channels=16, kernel=(5, 5), weight='w1', stride=(2, 2))
n1 = FixedLIF(c1@1, {NEURON}, vth=190)
c2 = FixedConv2d(n1, channels=32, kernel=(3, 3), weight='w2')
n2 = FixedLIF(c2@1, {NEURON}, vth=290)
c3 = FixedConv2d(n2, channels=64, kernel=(6, 6), weight='w3', stride=(2, 2))
n3 = FixedLIF(c3@1, {NEURON}, vth=860)
f = Flatten(n3)
d4 = FixedDense(f, features=256, weight='w4')
n4 = FixedLIF(d4@1, {NEURON}, vth=780)
d5 = FixedDense(n4, features=10, weight='w5')
n5 = FixedLIF(d5@1, {NEURON}, vth=400)
return n5
""")
    small = even(rng, (64, 32, 3, 3))
    weights = {
        "w1": even(rng, (16, 2, 5, 5)), "w2": even(rng, (32, 16, 3, 3)),
        "w3": small.repeat(2, axis=2).repeat(2, axis=3),
        "w4": even(rng, (256, 1024)), "w5": even(rng, (10, 256)),
    }  # fmt: skip
    spikes = (rng.random((samples, 50, 2, 34, 34)) < 0.05).astype(np.uint8)
    model = Model("w2", graph, weights).checked()
    return Workload("W2", "2x34x34, 3 convolutions, 256, 10; 50 steps", model, spikes, 50, "samples")


def w3(neurons: int = 10_000, fan_out: int = 1_000, steps: int = 100, vth: int = 1000) -> Workload:
    """Neurons that excite and inhibit each other at random and are driven by their biases."""
    return Workload(
        "W3", f"{neurons:,} recurrent neurons, {neurons * fan_out:,} synapses, {steps} steps",
        recurrent(neurons, fan_out, vth), np.zeros((1, steps, neurons), np.uint8), steps, "steps",
    )


def recurrent(neurons: int, fan_out: int, vth: int, bias: int = 20) -> Model:
    """A recurrent network of FixedLIF with `fan_out` synapses to each neuron, and an input that stays silent.

    Row i of the matrix has one column in each of `fan_out` strips of equal width, so that no column comes twice.
    """
    rng = np.random.default_rng(3)
    graph = parse(f"""
dt = 0.001
x = Input(shape=({neurons},), stream=True)
n = FixedLIF(x, s@1, {NEURON}, vth={vth}, bias_mant='bias', bias_exp=6, initial='v')
s = FixedSparse(n, features={neurons}, synapses={neurons * fan_out}, weight='w', column='i', row_start='p')
return n
""")
    width = neurons // fan_out
    columns = rng.integers(0, width, (neurons, fan_out), dtype=np.int32)
    columns += np.arange(fan_out, dtype=np.int32) * width
    model = Model("recurrent", graph, {
        "w": even(rng, (neurons * fan_out,)), "i": columns.ravel(),
        "p": np.arange(0, neurons * fan_out + 1, fan_out, dtype=np.int64),
        "bias": rng.integers(0, bias, neurons), "v": rng.integers(0, vth << 6, neurons),
    })  # fmt: skip
    return model.checked()


def even(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Even integers from -128 to 126, all as likely."""
    return rng.integers(-64, 64, shape, dtype=np.int8) * np.int8(2)
