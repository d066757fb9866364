"""Runs this network on Nengo 4.1, or lends it to a network of yours.

    python run.py --check                            does it still give what is in golden.npz?
    python run.py --input x.npy --output y.npz       samples in, results out

    from run import build                            # in a script beside this file, or with its folder on the path
    with nengo.Network() as mine:
        part = build()
        nengo.Connection(my_stimulus, part.inputs["input"], synapse=None)
        probe = nengo.Probe(part.outputs["lif1"])

Beside this file lie network.json (the network's parts and settings), weights.npz (the arrays it names), golden.npz
(samples, and what the network puts out for them) and requirements.txt (what to install; scipy is for speed only).

x.npy holds samples [samples, *shape], or [samples, steps, *shape] where the input streams; for several inputs give
an .npz with one array for each. y.npz holds each output as [samples, steps, *shape], or as [samples, *shape] where
it is known at the end of the run only.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import nengo
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Arrays = dict[str, Array]
    Param = float | Array
    Shape = tuple[int, ...]
    Setting = Any
    Json = dict[str, Setting]

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-9
"""How far a real number may be from golden.npz, in units of the largest; spikes and whole numbers must be equal."""


# Neuron types: the state and the equations of the network's neurons. j is what drives a neuron at this step, and a
# prime marks values after it. Nengo's own types differ: its LIF knows one decay and one kind of reset, and its
# SpikingRectifiedLinear takes no negative drive.


class Neurons(nengo.neurons.NeuronType):
    """Neurons with one value a parameter, or one for each neuron.

    Nengo's optimizer runs populations whose types are equal as one, with the settings of the first. It knows settings
    that are its own parameters only, and these are none: so no type equals another.
    """

    negative = True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def max_rates_intercepts(self, gain: Array, bias: Array) -> tuple[None, None]:
        """Nothing here encodes values in rates, so there are no tuning curves."""
        return None, None


class I(Neurons):  # noqa: E742
    """v' = v + gain j; puts out v'."""

    spiking = False
    state: ClassVar = {"voltage": nengo.dists.Choice([0])}

    def __init__(self, gain: Param = 1.0, initial_state: Arrays | None = None) -> None:
        super().__init__(initial_state=initial_state)
        self.gain = gain

    def step(self, dt: float, j: Array, output: Array, **state: Array) -> None:
        """What Nengo calls at every step; the output and the state are changed in place."""
        state["voltage"][...] = self.integrated(j, state["voltage"])
        output[...] = state["voltage"]

    def integrated(self, j: Array, voltage: Array) -> Array:
        return voltage + self.gain * j


class LI(I):
    """v' = leak + decay (v - leak) + gain j; puts out v'."""

    def __init__(self, decay: Param, leak: Param = 0.0, **rest: Setting) -> None:
        super().__init__(**rest)
        self.decay, self.leak = decay, leak

    def integrated(self, j: Array, voltage: Array) -> Array:
        return self.leak + self.decay * (voltage - self.leak) + self.gain * j


class IF(I):
    """v' = v + gain j; a spike, of height 1, where v' > threshold (or >=, as `compare` says); then v' is reset.

    reset "zero" sets v' to 0, "value" to reset_value, "subtract" takes the threshold away; with reset_at "next"
    it happens after the integration of the following step; "none" leaves v. For `refractory` steps after a spike v
    keeps its value. With multispike it puts out how often the threshold goes into v', and subtracts as many.
    """

    negative = False
    spiking = True
    state: ClassVar = {name: nengo.dists.Choice([0]) for name in ("voltage", "rest", "spiked")}

    def __init__(
        self, threshold: Param = 1.0, reset: str = "zero", reset_value: Param = 0.0, reset_at: str = "spike",
        compare: str = ">", refractory: int = 0, multispike: bool = False, **rest: Setting,
    ) -> None:  # fmt: skip
        super().__init__(**rest)
        self.multispike = multispike
        self.threshold, self.compare, self.refractory = threshold, compare, refractory
        self.reset, self.reset_value, self.reset_at = reset, reset_value, reset_at

    def step(self, dt: float, j: Array, output: Array, **state: Array) -> None:
        voltage, rest, spiked = state["voltage"], state["rest"], state["spiked"]
        v = self.integrated(j, voltage)
        if self.reset_at == "next":
            v = self.after_reset(v, spiked)
        if self.refractory:
            v = np.where(rest > 0, voltage, v)
        spike = exceeds(v, self.threshold, self.compare)
        if self.multispike:
            spike = spike * np.floor(v / self.threshold)
        if self.refractory:
            spike *= rest == 0
            rest[...] = np.where(spike, self.refractory, np.maximum(rest - 1, 0))
        if self.reset_at == "next":
            spiked[...] = spike
        else:
            v = self.after_reset(v, spike)
        voltage[...] = v
        output[...] = spike

    def after_reset(self, v: Array, spike: Array) -> Array:
        """The voltage with the neurons reset that spiked."""
        if self.reset == "subtract":
            return v - spike * self.threshold
        if self.reset == "none":
            return v
        return np.where(spike, self.reset_value if self.reset == "value" else 0.0, v)


class LIF(IF):
    """v' = leak + decay (v - leak) + gain j; spike and reset as IF."""

    def __init__(self, decay: Param, leak: Param = 0.0, **rest: Setting) -> None:
        super().__init__(**rest)
        self.decay, self.leak = decay, leak

    def integrated(self, j: Array, voltage: Array) -> Array:
        return self.leak + self.decay * (voltage - self.leak) + self.gain * j


class CubaLIF(LIF):
    """i' = current_decay i + current_gain j; then as LIF, driven by i', or by i where `current` is "old".

    The state's name for i is "synapse".
    """

    state: ClassVar = {**IF.state, "synapse": nengo.dists.Choice([0])}

    def __init__(self, current_decay: Param, current_gain: Param, current: str, **rest: Setting) -> None:
        super().__init__(**rest)
        self.current_decay, self.current_gain, self.current = current_decay, current_gain, current

    def step(self, dt: float, j: Array, output: Array, **state: Array) -> None:
        i = state["synapse"]
        before = i.copy()
        i[...] = self.current_decay * i + self.current_gain * j
        super().step(dt, i if self.current == "new" else before, output, **state)


class SigmaDelta(Neurons):
    """s' = s + j; a = f(s' + bias); puts out a - r where that is `threshold` or more either way, which r follows.

    f is max(., 0) for the activation "relu", and nothing for "unit".
    """

    spiking = False
    state: ClassVar = {name: nengo.dists.Choice([0]) for name in ("sigma", "sent")}

    def __init__(self, threshold: float, bias: Param, activation: str) -> None:
        super().__init__()
        self.threshold, self.bias, self.activation = threshold, bias, activation

    def step(self, dt: float, j: Array, output: Array, **state: Array) -> None:
        state["sigma"] += j
        a = state["sigma"] + self.bias
        output[...] = change(np.maximum(a, 0) if self.activation == "relu" else a, state["sent"], self.threshold)
        state["sent"] += output


class Threshold(Neurons):
    """1 where j > threshold (or >=), else 0; no state."""

    negative = False
    spiking = True

    def __init__(self, threshold: Param, compare: str) -> None:
        super().__init__()
        self.threshold, self.compare = threshold, compare

    def step(self, dt: float, j: Array, output: Array) -> None:
        output[...] = exceeds(j, self.threshold, self.compare)


class LeakyRelu(Neurons):
    """Rate neurons: j where it is positive, alpha j elsewhere."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def step(self, dt: float, j: Array, output: Array) -> None:
        output[...] = np.where(j >= 0, j, self.alpha * j)


class Clip(Neurons):
    """Rate neurons: j, but no less than `minimum` and no more than `maximum`."""

    def __init__(self, minimum: float, maximum: float) -> None:
        super().__init__()
        self.minimum, self.maximum = minimum, maximum

    def step(self, dt: float, j: Array, output: Array) -> None:
        output[...] = np.clip(j, self.minimum, self.maximum)


def exceeds(x: Array, threshold: Param, compare: str) -> Array:
    """1.0 where x compares so with the threshold, else 0.0."""
    return np.asarray(x > threshold if compare == ">" else x >= threshold, dtype=float)


def change(x: Array, r: Array, threshold: float) -> Array:
    """x - r where that is `threshold` or more either way, else 0."""
    return np.where(np.abs(x - r) >= threshold, x - r, 0.0)


# Operations: what Nodes compute on the host at every step, from operands of the given shapes. t counts steps from 1.


class Operation(nengo.Process):
    """A function of the operands, and of a state that `Simulator.reset` puts back to `start()`."""

    def __init__(self, shapes: list[list[int]], **facts: Setting) -> None:
        self.shapes = [tuple(shape) for shape in shapes]
        self.facts = facts
        sizes = [math.prod(shape) for shape in self.shapes]
        self.ends = np.cumsum(sizes)[:-1]
        output = self.compute(self.start(), [np.zeros(shape) for shape in self.shapes])
        super().__init__(default_size_in=sum(sizes), default_size_out=output.size)

    def start(self) -> Arrays:
        """The state before the first step; arrays that `compute` changes in place."""
        return {}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        """The output at this step."""
        raise NotImplementedError

    def make_state(self, shape_in: Shape, shape_out: Shape, dt: float, dtype: object = None) -> Arrays:
        return self.start()

    def make_step(
        self, shape_in: Shape, shape_out: Shape, dt: float, rng: object, state: Arrays
    ) -> Callable[[float, Array], Array]:

        def step(t: float, x: Array) -> Array:
            operands = np.split(x, self.ends)
            shaped = [operand.reshape(shape) for operand, shape in zip(operands, self.shapes, strict=True)]
            return self.compute(state, shaped).ravel()

        return step


class Softmax(Operation):
    """exp(x) / sum(exp(x)) along an axis."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        (x,) = operands
        powers = np.exp(x - x.max(axis=self.facts["axis"], keepdims=True))
        y: Array = powers / powers.sum(axis=self.facts["axis"], keepdims=True)
        return y


class Mul(Operation):
    """The product of all operands."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        return math.prod(operands[1:], start=operands[0])


class MaxPool(Operation):
    """The largest value of each window over [channels, *spatial]; padding never wins."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        kernel, stride, padding = (self.facts[name] for name in ("kernel", "stride", "padding"))
        rank = len(kernel)
        pads = [(0, 0), *zip(padding[:rank], padding[rank:], strict=True)]
        padded = np.pad(operands[0], pads, constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=tuple(range(1, 1 + rank)))
        strided = windows[(slice(None), *(slice(None, None, n) for n in stride))]
        largest: Array = strided.max(axis=tuple(range(-rank, 0)))
        return largest


class QuantizeLinear(Operation):
    """saturate(round(x / scale) + zero_point) to signed integers; rounding is half to even."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        half = 2 ** (self.facts["bits"] - 1)
        rounded = np.rint(operands[0] / self.facts["scale"]) + self.facts["zero_point"]
        return np.asarray(np.clip(rounded, -half, half - 1))


class DequantizeLinear(Operation):
    """(x - zero_point) scale."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        return np.asarray((operands[0] - self.facts["zero_point"]) * self.facts["scale"])


class RateEncode(Operation):
    """Evenly spaced spikes: a' = a + gain x; a spike where a' >= 1, which a' then loses."""

    def start(self) -> Arrays:
        return {"a": np.full(self.shapes[0], float(self.facts["initial"]))}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        state["a"] += self.facts["gain"] * operands[0]
        spike = exceeds(state["a"], 1.0, ">=")
        state["a"] -= spike
        return spike


class BernoulliEncode(Operation):
    """A spike where gain x > u(t, element); u is a fixed sequence, squares and sums modulo 2^31 - 1."""

    def start(self) -> Arrays:
        return {"t": np.zeros(1)}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        (x,) = operands
        state["t"] += 1
        t, seed, modulus = int(state["t"][0]), self.facts["seed"], 2**31 - 1
        z = np.full(x.size, (48271 * seed + 1103515245 + t) % modulus, dtype=np.int64)
        for addend in (np.arange(x.size), t, seed):
            z = (z * z + addend) % modulus
        return exceeds(self.facts["gain"] * x, (z / modulus).reshape(x.shape), ">")


class LatencyEncode(Operation):
    """One spike, at t = 1 + round((1 - x) (window - 1)), for x above `minimum`."""

    def start(self) -> Arrays:
        return {"t": np.zeros(1)}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        (x,) = operands
        state["t"] += 1
        when = 1 + np.rint((1 - np.minimum(x, 1)) * (self.facts["window"] - 1))
        return np.asarray((when == state["t"]) & (x > self.facts["minimum"]), dtype=float)


class DeltaEncode(Operation):
    """+1 where x - r >= threshold, -1 where r - x >= threshold; r follows. Without `falling`, only +1 is sent."""

    def start(self) -> Arrays:
        return {"r": np.zeros(self.shapes[0])}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        change, threshold = operands[0] - state["r"], self.facts["threshold"]
        event = exceeds(change, threshold, ">=") - exceeds(-change, threshold, ">=")
        state["r"] += event * threshold
        return event if self.facts["falling"] else np.maximum(event, 0)


class Delta(Operation):
    """x - r where that is `threshold` or more either way, else 0; r follows."""

    def start(self) -> Arrays:
        return {"r": np.zeros(self.shapes[0])}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        y = change(operands[0], state["r"], self.facts["threshold"])
        state["r"] += y
        return y


class Delay(Operation):
    """x as it was `steps` ago, a number or one for each element, and 0 before. The state is a ring of old values."""

    def start(self) -> Arrays:
        steps = self.steps()
        return {"line": np.zeros((steps.max() + 1, steps.size)), "t": np.zeros(1)}

    def steps(self) -> NDArray[np.intp]:
        """The delay of each element."""
        return np.broadcast_to(self.facts["steps"], self.shapes[0]).ravel().astype(np.intp)

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        line, t = state["line"], int(state["t"][0])
        line[t % len(line)] = operands[0].ravel()
        state["t"] += 1
        return line[(t - self.steps()) % len(line), np.arange(line.shape[1])]


class Plastic(Operation):
    """y = W x, and then the weights learn: W' = W + what the rule says, between `low` and `high`.

    Operands: x, what the neurons behind sent, and perhaps a third factor. `traces` are (name, decay, impulse);
    `rules` of w, t and d are lists of (number, [(variable, constant, whether its sign counts), ...]), to be added up.
    `held["w"]` are the weights as they are in the simulator.
    """

    def __init__(self, shapes: list[list[int]], **facts: Setting) -> None:
        self.held: Arrays = {}
        super().__init__(shapes, **facts)

    def start(self) -> Arrays:
        inputs, targets = self.shapes[0][0], self.shapes[1][0]
        traces = {name: np.zeros(inputs if name[0] == "x" else targets) for name, _, _ in self.facts["traces"]}
        tags = {tag: np.zeros((targets, inputs)) for tag in ("t", "d")}
        return {"w": np.array(self.facts["weight"], dtype=float), "n": np.zeros(1), **tags, **traces}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        x, sent, *third = operands
        self.held["w"] = state["w"]
        y: Array = state["w"] @ x
        state["n"] += 1
        for name, decay, impulse in self.facts["traces"]:
            state[name][:] = decay * state[name] + impulse * (x if name[0] == "x" else sent)
        values: dict[str, Any] = {"x0": x, "y0": sent, "r": third[0] if third else 0.0, **state}
        behind = [name for name in values if name[0] in "yr" and np.ndim(values[name])]
        values |= {name: values[name][:, None] for name in behind}
        values |= {f"u{k}": float(state["n"][0] % 2**k == 0) for k in range(10)}
        changes = {target: self.change(rule, values) for target, rule in self.facts["rules"].items()}
        for target, change in changes.items():
            state[target] += change
        low, high = self.facts["low"], self.facts["high"]
        if low is not None or high is not None:
            np.clip(state["w"], low, high, out=state["w"])
        return y

    def change(self, rule: list[Any], values: dict[str, Any]) -> Array:
        """What a rule adds."""
        total = np.zeros(())
        for number, factors in rule:
            term = number
            for variable, constant, sign in factors:
                value = values[variable] + constant
                term = term * (np.sign(value) if sign else value)
            total = total + term
        return total


class Sum(Operation):
    """The sum of x over the steps so far, but for the first `skip`."""

    def start(self) -> Arrays:
        return {"sum": np.zeros(self.shapes[0]), "t": np.zeros(1)}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        state["t"] += 1
        if state["t"][0] > self.facts["skip"]:
            state["sum"] += operands[0]
        return state["sum"]


class Mean(Sum):
    """The mean of x over the steps so far, but for the first `skip`."""

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        total = super().compute(state, operands)
        return np.asarray(total / np.maximum(state["t"] - self.facts["skip"], 1))


class Max(Operation):
    """The largest x of the steps so far, but for the first `skip`."""

    def start(self) -> Arrays:
        return {"max": np.full(self.shapes[0], -np.inf), "t": np.zeros(1)}

    def compute(self, state: Arrays, operands: list[Array]) -> Array:
        state["t"] += 1
        if state["t"][0] > self.facts["skip"]:
            np.maximum(state["max"], operands[0], out=state["max"])
        return state["max"]


def read_program(folder: Path = HERE) -> tuple[Json, Arrays]:
    """The content of network.json, and the arrays it names."""
    with np.load(folder / "weights.npz") as file:
        return json.loads((folder / "network.json").read_text()), dict(file)


def build(description: Json | None = None, arrays: Arrays | None = None) -> nengo.Network:
    """The network, to run as it is or within another one, at the time step `dt_s` of network.json.

    Its `inputs` are Nodes by name, waiting for connections. Its `parts` are everything by name: Nodes, and the
    Neurons of Ensembles. Its `outputs` are those parts whose values are results.
    """
    if description is None or arrays is None:
        description, arrays = read_program()
    with nengo.Network(label=description["name"], seed=0) as network:
        parts: dict[str, Any] = {}
        for entry in description["inputs"]:
            parts[entry["name"]] = nengo.Node(size_in=math.prod(entry["shape"]), label=entry["name"])
        for entry in description["nodes"]:
            parts[entry["name"]] = make_node(entry, arrays)
        for entry in description["ensembles"]:
            parts[entry["name"]] = make_ensemble(entry, arrays).neurons
        for entry in description["connections"]:
            source, target = parts[entry["source"]], parts[entry["target"]]
            transform = make_transform(entry["transform"], arrays)
            size = transform.size_out if transform else source.size_out
            end = entry["start"] + size
            into = target if size == target.size_in else target[entry["start"] : end]
            nengo.Connection(source, into, transform=transform, synapse=entry["synapse"])
    network.parts = parts
    network.inputs = {entry["name"]: parts[entry["name"]] for entry in description["inputs"]}
    network.outputs = {entry["name"]: parts[entry["name"]] for entry in description["outputs"]}
    return network


def make_node(entry: Json, arrays: Arrays) -> nengo.Node:
    """A Node that passes on what arrives, puts out a constant, or computes."""
    if entry["constant"]:
        return nengo.Node(arrays[entry["constant"]["array"]].ravel(), label=entry["name"])
    process = make_part(entry["process"], arrays) if entry["process"] else None
    return nengo.Node(process, size_in=entry["size_in"], label=entry["name"])


def make_ensemble(entry: Json, arrays: Arrays) -> nengo.Ensemble:
    """An Ensemble whose neurons are connected one by one: what it represents plays no part."""
    n = math.prod(entry["shape"])
    gain, bias = (spread(setting(entry[name], arrays), entry["shape"]) for name in ("gain", "bias"))
    initial = {name: spread(setting(value, arrays), entry["shape"]) for name, value in entry["initial"].items()}
    neurons = make_part(entry["neurons"], arrays, entry["shape"], initial)
    return nengo.Ensemble(
        n, dimensions=1, neuron_type=neurons, gain=gain, bias=bias, encoders=np.ones((n, 1)),
        eval_points=np.zeros((1, 1)), label=entry["name"],
    )  # fmt: skip


def make_part(
    part: Json, arrays: Arrays, shape: list[int] | None = None, initial: Arrays | None = None
) -> nengo.neurons.NeuronType | nengo.Process:
    """A neuron type or an operation; for neurons of a shape, parameters that are arrays are spread over them."""
    home, _, name = part["type"].rpartition(".")
    kind = getattr(nengo, name, None) if home == "nengo" else globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, (nengo.neurons.NeuronType, Operation))):
        sys.exit(f"run.py: network.json names {part['type']!r}, which is no part of a program")
    settings = {name: setting(value, arrays) for name, value in part["settings"].items()}
    if shape is not None:
        settings = {
            name: spread(value, shape) if isinstance(value, np.ndarray) else value for name, value in settings.items()
        }
    return kind(**settings, initial_state=initial) if initial else kind(**settings)


def make_transform(entry: Json | None, arrays: Arrays) -> nengo.transforms.Transform | None:
    """One of Nengo's transforms; None for the identity."""
    if entry is None:
        return None
    if entry["kind"] == "sparse":
        return nengo.Sparse(
            entry["shape"], indices=setting(entry["indices"], arrays), init=setting(entry["values"], arrays)
        )
    weight = setting(entry["weight"], arrays)
    if entry["kind"] == "dense":
        return nengo.Dense(weight.shape if weight.ndim == 2 else weight.shape * 2, init=weight)
    return nengo.Convolution(
        entry["channels"], tuple(entry["input_shape"]), kernel_size=weight.shape[:-2],
        strides=tuple(entry["stride"]), padding=entry["padding"], channels_last=False, groups=entry["groups"],
        init=weight,
    )  # fmt: skip


def setting(value: Setting, arrays: Arrays) -> Setting:
    """A setting's value: itself, or the array that it names."""
    return arrays[value["array"]] if isinstance(value, dict) and "array" in value else value


def spread(value: float | Array, shape: list[int]) -> Array:
    """A value for each neuron, flat, from one that broadcasts to their shape."""
    return np.broadcast_to(np.asarray(value, dtype=float), shape).ravel()


def run(
    description: Json, arrays: Arrays, inputs: Arrays, steps: int | None = None, count: bool = False,
    learn: bool = False,
) -> Arrays:  # fmt: skip
    """The outputs by name for samples by input name.

    With `count` also "count/ENSEMBLE", how many spikes each neuron sent in each sample, [samples, *shape]. The
    network is built once; samples run one after another, and everything is put back between them. Where connections
    learn also "weights/NODE", the weights that each sample leaves behind, [samples, targets, inputs]; with `learn`
    the next sample begins with them.
    """
    nengo.rc.set("precision", "bits", "64")
    nengo.rc.set("decoder_cache", "enabled", "False")
    length = run_length(description, inputs, steps) + description["lag"]
    feed: Arrays = {}
    with build(description, arrays) as network:
        for entry in description["inputs"]:
            into = network.inputs[entry["name"]]
            source = nengo.Node(player(feed, entry["name"], description["dt_s"]), size_out=into.size_in)
            nengo.Connection(source, into, synapse=None)
        outputs = {entry["name"]: nengo.Probe(network.outputs[entry["name"]]) for entry in description["outputs"]}
        spikes = {name: nengo.Probe(network.parts[name]) for name in (description["spiking"] if count else ())}
    learning = {name: part.output for name, part in network.parts.items()
                if isinstance(getattr(part, "output", None), Plastic)}
    kept: dict[str, list[Array]] = {}
    with nengo.Simulator(network, dt=description["dt_s"], progress_bar=False) as simulator:
        for sample in range(len(next(iter(inputs.values())))):
            for entry in description["inputs"]:
                feed[entry["name"]] = played(inputs[entry["name"]][sample], entry["stream"], length)
            if sample:
                simulator.reset()
                for name, process in learning.items() if learn else ():
                    process.held["w"][...] = kept[f"weights/{name}"][-1]
            simulator.run_steps(length, progress_bar=False)
            for entry in description["outputs"]:
                values = simulator.data[outputs[entry["name"]]].reshape(-1, *entry["shape"])
                streams = entry["timing"] == "stream"
                kept.setdefault(entry["name"], []).append(values[description["lag"] :] if streams else values[-1])
            for name, process in learning.items():
                kept.setdefault(f"weights/{name}", []).append(process.held["w"].copy())
            for name, probe in spikes.items():
                kept.setdefault(f"count/{name}", []).append(simulator.data[probe].sum(axis=0))
    return {name: np.stack(values) for name, values in kept.items()}


def run_length(description: Json, inputs: Arrays, steps: int | None) -> int:
    """How many steps a run lasts: as told, else as long as the streams, else the network's own number."""
    streams = [inputs[entry["name"]].shape[1] for entry in description["inputs"] if entry["stream"]]
    length = steps or (min(streams) if streams else description["steps"])
    if not length:
        sys.exit("run.py: how many steps to run is not given: use --steps")
    if streams and length > min(streams):
        sys.exit(f"run.py: a run of {length} steps needs as many values, the input streams {min(streams)}")
    return int(length)


def played(sample: Array, stream: bool, length: int) -> Array:
    """What an input Node puts out at each of `length` steps: flat, and zero after the end of a stream."""
    if not stream:
        return np.tile(sample.ravel(), (length, 1))
    flat = sample.reshape(len(sample), -1)[:length]
    return np.concatenate([flat, np.zeros((length - len(flat), flat.shape[1]))])


def player(feed: Arrays, name: str, dt: float) -> Callable[[float], Array]:
    """The function of an input Node: what `feed` holds for this step."""
    return lambda t: feed[name][round(t / dt) - 1]


def check(folder: Path) -> int:
    """Compare a run with golden.npz; 0 if there is no difference."""
    description, arrays = read_program(folder)
    with np.load(folder / "golden.npz") as file:
        golden = dict(file)
    inputs = {entry["name"]: golden["input/" + entry["name"]] for entry in description["inputs"]}
    results = run(description, arrays, inputs, int(golden["steps"]))
    differing = 0
    for entry in description["outputs"]:
        values, expected = results[entry["name"]], golden["output/" + entry["name"]]
        room = TOLERANCE * np.max(np.abs(expected), initial=1) if entry["dtype"] == "real" else 0
        wrong = np.argwhere(~(np.abs(values - expected) <= room))
        differing += len(wrong)
        print(f"{entry['name']}: {values.size - len(wrong)} of {values.size} values are as expected")
        if len(wrong):
            place = tuple(int(i) for i in wrong[0])
            print(f"  first difference at {place}: {values[place]} instead of {expected[place]}")
    return 1 if differing else 0


def read_inputs(path: Path, description: Json) -> Arrays:
    """The network's inputs by name, from an .npy or .npz file."""
    loaded = np.load(path)
    if isinstance(loaded, np.ndarray):
        loaded = {description["inputs"][0]["name"]: loaded}
    inputs = {}
    for entry in description["inputs"]:
        if entry["name"] not in loaded:
            sys.exit(f"run.py: {path} has no array for the input {entry['name']!r}")
        array = np.asarray(loaded[entry["name"]], dtype=float)
        form = ["samples", *(["steps"] if entry["stream"] else []), *entry["shape"]]
        if array.ndim != len(form) or list(array.shape[array.ndim - len(entry["shape"]) :]) != entry["shape"]:
            sys.exit(f"run.py: the input {entry['name']!r} takes {form}, got {list(array.shape)}")
        inputs[entry["name"]] = array
    if len({len(array) for array in inputs.values()}) > 1:
        sys.exit("run.py: the inputs differ in their number of samples")
    return inputs


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run golden.npz and compare")
    parser.add_argument("--input", type=Path, help="samples, .npy or .npz")
    parser.add_argument("--output", type=Path, help="where results go, .npz")
    parser.add_argument("--steps", type=int, help="how many time steps a run lasts")
    parser.add_argument("--count", action="store_true", help="also give the number of spikes of every neuron")
    parser.add_argument("--learn", action="store_true",
                        help="let each sample begin with the weights that the one before it left")
    parser.add_argument("--version", action="store_true", help="print the versions of what this runs on")
    options = parser.parse_args()
    if not (options.check or options.version or (options.input and options.output)):
        parser.error("give --check, or --input and --output")
    if options.version:
        print(f"nengo {nengo.__version__}, numpy {np.__version__}, Python {sys.version.split()[0]}")
        return 0
    if options.check:
        return check(HERE)
    description, arrays = read_program()
    results = run(
        description, arrays, read_inputs(options.input, description), options.steps, options.count, options.learn
    )
    unfinished = options.output.with_name(options.output.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **results)  # type: ignore[arg-type]
    unfinished.replace(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
