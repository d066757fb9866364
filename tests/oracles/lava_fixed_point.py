"""Lava 0.10.0, tag `fixed_pt`, in plain Python integers, as its process models compute it.

Written from a description of Lava's models, apart from nmc's own code, and without NumPy: nothing here
overflows unless it says so. Signals are flat lists over one sample, in row-major order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

Ints = list[int]


def w32(x: int) -> int:
    """Keep 32 bits."""
    x &= 0xFFFFFFFF
    return x - (1 << 32) if x >> 31 else x


def toward_zero(x: int, bits: int) -> int:
    return x >> bits if x >= 0 else -(-x >> bits)


@dataclass
class Lif:
    """LIF, and LIFReset with an interval. One neuron's parameters are those of all; biases may differ."""

    du: int
    dv: int
    vth: int
    bias_mant: Ints
    bias_exp: int
    u: Ints
    v: Ints
    interval: int = 0
    offset: int = 0
    t: int = 0

    def step(self, activation: Ints) -> Ints:
        """The spikes of one step."""
        self.t += 1
        if self.interval and self.t % self.interval == self.offset % self.interval:
            self.u, self.v = [0] * len(self.u), [0] * len(self.v)
        return [self._neuron(n, a) for n, a in enumerate(activation)]

    def _neuron(self, n: int, a: int) -> int:
        mantissa, exponent = self.bias_mant[n], self.bias_exp
        bias = w32(mantissa << exponent) if exponent >= 0 else mantissa >> -exponent
        current = w32(toward_zero(self.u[n] * (4096 - (self.du + 1)), 12))
        current = w32(current + w32(a << 6))
        if current > 2**23:
            wrapped = current - 2**24
        elif current <= -(2**23):
            wrapped = current + 2**24
        else:
            wrapped = current
        self.u[n] = wrapped
        voltage = w32(w32(toward_zero(self.v[n] * (4096 - self.dv), 12)) + wrapped + bias)
        voltage = min(max(voltage, -(2**23) + 1), 2**23 - 1)
        spike = voltage > self.vth << 6
        self.v[n] = 0 if spike else voltage
        return int(spike)


def legal(weights: Sequence[Sequence[int]], bits: int, sign: str) -> list[list[int]]:
    """What Lava's Dense makes of weights in its first step: clipped by sign mode, then low bits dropped."""

    def one(w: int) -> int:
        dropped = 8 - bits + (sign == "mixed")
        if sign == "mixed":
            return (min(max(w, -256), 255) >> dropped) << dropped
        if sign == "excitatory":
            return (min(max(w, 0), 255) >> dropped) << dropped
        return -((min(max(-w, 0), 255) >> dropped) << dropped)

    return [[one(w) for w in row] for row in weights]


def dense(weights: Sequence[Sequence[int]], messages: Ints, exponent: int, message_bits: int) -> Ints:
    """The sum of a Dense, as it is sent a step later; weights are [outputs][inputs] and legal."""
    sums = []
    for row in weights:
        if message_bits:
            total = 0
            for w, s in zip(row, messages, strict=True):
                total = w32(total + w * s)
        else:
            total = sum(w for w, s in zip(row, messages, strict=True) if s != 0)
        sums.append(w32(total << exponent if exponent > 0 else total >> -exponent))
    return sums


@dataclass(frozen=True)
class Conv:
    """Conv, in channels-first order and as cross-correlation: weights [out][in of a group][y][x]."""

    weights: Sequence[Sequence[Sequence[Sequence[int]]]]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    message_bits: int

    def __call__(self, messages: Ints, shape: tuple[int, int, int]) -> Ints:
        channels, height, width = shape
        kernel = len(self.weights[0][0]), len(self.weights[0][0][0])
        top, left, bottom, right = self.padding
        rows = (height + top + bottom - self.dilation[0] * (kernel[0] - 1) - 1) // self.stride[0] + 1
        columns = (width + left + right - self.dilation[1] * (kernel[1] - 1) - 1) // self.stride[1] + 1
        per_group = channels // self.groups
        outputs = []
        for out, y, x in product(range(len(self.weights)), range(rows), range(columns)):
            group = out // (len(self.weights) // self.groups)
            total = 0
            for c, j, i in product(range(per_group), range(kernel[0]), range(kernel[1])):
                line = y * self.stride[0] + j * self.dilation[0] - top
                column = x * self.stride[1] + i * self.dilation[1] - left
                if 0 <= line < height and 0 <= column < width:
                    message = messages[((group * per_group + c) * height + line) * width + column]
                    if not self.message_bits:
                        message = int(message != 0)
                    total += self.weights[out][c][j][i] * message
            outputs.append((total + 2**23) % 2**24 - 2**23)
        return outputs
