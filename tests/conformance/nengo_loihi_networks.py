"""Random models for NengoLoihi, from a seed: layers of every kind of neuron, loops, skips, convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.model import Model
from nmc.text import parse

STEPS = 24
Rng = np.random.Generator


@dataclass
class _Draft:
    """A graph's lines and arrays so far."""

    rng: Rng
    lines: list[str]
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def linear(self, name: str, read: str, inputs: int, outputs: int, positive: bool, bias: bool = False) -> None:
        self.arrays[f"{name}.w"] = self._weights((outputs, inputs), inputs, positive)
        facts = f"features={outputs}, weight='{name}.w'{self._bias(name, outputs, bias)}"
        self.lines.append(f"{name} = Linear({read}, {facts})")

    def conv(self, name: str, read: str, channels: int, filters: int, positive: bool, bias: bool = False) -> None:
        kernel, stride = int(self.rng.integers(1, 4)), int(self.rng.integers(1, 3))
        pad = int(self.rng.integers(0, 2)) if kernel > 1 else 0
        self.arrays[f"{name}.w"] = self._weights((filters, channels, kernel, kernel), channels * kernel**2, positive)
        self.lines.append(
            f"{name} = Conv2d({read}, channels={filters}, kernel=({kernel}, {kernel}), stride=({stride}, {stride}), "
            f"padding=({pad}, {pad}, {pad}, {pad}), weight='{name}.w'{self._bias(name, filters, bias)})"
        )

    def _weights(self, shape: tuple[int, ...], fan_in: int, positive: bool) -> NDArray[np.float64]:
        weights = self.rng.normal(0.15 / np.sqrt(fan_in), 1.5 / np.sqrt(fan_in), shape)
        weights *= self.rng.random(shape) < (0.2 if self.rng.random() < 0.2 else 1.0)
        return np.abs(weights) if positive else weights

    def _bias(self, name: str, size: int, bias: bool) -> str:
        if not bias:
            return ""
        self.arrays[f"{name}.b"] = self.rng.normal(0, 0.2, size)
        return f", bias='{name}.b'"

    def neurons(self, name: str, reads: str, kind: str) -> None:
        decay = self.rng.choice([0.0, 0.5, 0.9, 0.97])
        rest = f", refractory={self.rng.integers(1, 4)}" if self.rng.random() < 0.3 else ""
        facts = {
            "LIF": f"decay={decay}{rest}",
            "CubaLIF": f"decay={decay}, current_decay={self.rng.choice([0.3, 0.8, 0.95])}{rest}, "
                       f"current='{self.rng.choice(['new', 'old'])}'",
            "IF": "threshold=1.5",
            "Threshold": "threshold=0.7",
        }  # fmt: skip
        self.lines.append(f"{name} = {kind}({reads}, {facts[kind]})")

    def model(self, name: str, outputs: str) -> Model:
        graph = parse("\n".join([*self.lines, f"return {outputs}"]))
        return Model(name, graph, {}, STEPS).with_(graph, self.arrays).checked()


def random_model(seed: int) -> Model:
    """A model of two or three layers; what it has depends on the seed alone."""
    rng = np.random.default_rng(seed)
    return _convolutional(rng, seed) if seed % 4 == 3 else _dense(rng, seed)


def _start(rng: Rng, shape: tuple[int, ...]) -> tuple[_Draft, str]:
    """A draft with an input, as spikes or as numbers, and the name of what to read."""
    if rng.random() < 0.3:
        return _Draft(rng, ["dt = 0.001", f"x = Input(shape={shape}, stream=True)"]), "x"
    return _Draft(rng, ["dt = 0.001", f"x = Input(shape={shape})", "e = BernoulliEncode(x, gain=0.5)"]), "e"


def _dense(rng: Rng, seed: int) -> Model:
    kind = ("LIF", "CubaLIF", "IF", "IF", "LIF", "CubaLIF", "Threshold")[seed % 7]
    positive = kind == "IF" and rng.random() < 0.6
    sizes = rng.integers(4, 40, 3).tolist()
    if seed % 25 == 0:
        sizes[1] = 1100
    if seed % 25 == 5:
        sizes[0], sizes[1] = 280, 600
    draft, read = _start(rng, (sizes[0],))
    draft.linear("fc1", read, sizes[0], sizes[1], positive, bias=rng.random() < 0.3 and not positive)
    loop = rng.random() < 0.4 and sizes[1] < 400
    if loop:
        draft.linear("rec", "n1@1", sizes[1], sizes[1], positive)
    draft.neurons("n1", "fc1, rec" if loop else "fc1", kind)
    late = "@2" if rng.random() < 0.2 else ""
    draft.linear("fc2", f"n1{late}", sizes[1], sizes[2], positive, bias=rng.random() < 0.3 and not positive)
    draft.neurons("n2", "fc2", rng.choice(["LIF", "IF", "CubaLIF"]))
    if rng.random() < 0.3:
        draft.linear("fc3", "n2", sizes[2], sizes[2], positive)
        draft.linear("skip", "n1", sizes[1], sizes[2], positive)
        draft.neurons("n3", "fc3, skip", "LIF")
        return draft.model(f"dense {seed}", "n3, n1")
    return draft.model(f"dense {seed}", "n2")


def _convolutional(rng: Rng, seed: int) -> Model:
    channels, side = int(rng.integers(1, 4)), int(rng.integers(4, 8))
    filters = rng.integers(2, 6, 2).tolist()
    if seed % 23 == 0:
        filters[0], side = 30, 8
    if seed % 23 == 7:
        filters[0], side = 5, 18
    kind = str(rng.choice(["LIF", "CubaLIF", "IF"]))
    positive = kind == "IF" and rng.random() < 0.5
    draft, read = _start(rng, (channels, side, side))
    draft.conv("c1", read, channels, filters[0], positive, bias=rng.random() < 0.3 and not positive)
    draft.neurons("n1", "c1", kind)
    draft.conv("c2", "n1", filters[0], filters[1], positive)
    draft.neurons("n2", "c2", "LIF")
    draft.lines.append("flat = Flatten(n2)")
    size = parse("\n".join([*draft.lines, "return flat"])).signals["flat"].shape[0]
    draft.linear("fc", "flat", size, 6, positive)
    draft.neurons("n3", "fc", "IF")
    return draft.model(f"convolutional {seed}", "n3, n2")


def samples_for(model: Model, seed: int) -> Mapping[str, NDArray[np.float64]]:
    """Samples to calibrate real inputs by."""
    rng = np.random.default_rng(seed)
    shape = model.graph.signals["x"].shape
    return {"x": rng.normal(0, 1, (2, STEPS, *shape))}
