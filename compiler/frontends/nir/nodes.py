"""What each primitive of NIR is in the IR."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from nmc.frontends.nir.conventions import Gain
from nmc.frontends.nir.dynamics import Dynamics
from nmc.frontends.nir.primitives import Primitive
from nmc.graph import Node, Ref, Shape
from nmc.model import Array, FloatArray
from nmc.nodes import spiking, tensor
from nmc.nodes.names import identifier

NEURONS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF")
STATEFUL = (*NEURONS, "Delay")
SHAPELESS = (*STATEFUL, "Threshold", "Scale")
"""The primitives that put out the shape that they take."""
SYNAPSES = ("Affine", "Linear", "Conv1d", "Conv2d")
LIMIT_DELAY_STEPS = 1 << 20


@dataclass(frozen=True)
class Site:
    """A primitive in its place: what it reads, of which shape, in which time, and the arrays of its nodes.

    `shortened`: a step of a Delay is in its late reads already. `taken`: the names of the graph's nodes.
    """

    primitive: Primitive
    reads: tuple[Ref, ...]
    shape: Shape
    dynamics: Dynamics | None
    shortened: bool = False
    taken: Collection[str] = ()
    arrays: dict[str, Array] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.primitive.name

    @property
    def timing(self) -> Dynamics:
        """How states step. Raises ValueError in a graph without time."""
        if self.dynamics is None:
            raise ValueError("it has a state, but there is no time step")
        return self.dynamics

    def beside(self, what: str) -> str:
        """A name for another node of this primitive."""
        return identifier(f"{self.name}_{what}", self.taken)

    def keep(self, fact: str, array: Array) -> str:
        """Keep an array of this node beside the graph; gives its name."""
        name = f"{self.name}.{fact}"
        self.arrays[name] = array
        return name

    def param(self, fact: str, values: Array | FloatArray) -> float | str:
        """A fact of a node: one number where all are equal, else an array. Raises ValueError for no numbers."""
        values = np.asarray(values)
        if not values.size or not np.all(np.isfinite(values)):
            raise ValueError(f"{fact} holds no numbers, or such as are not finite")
        if np.all(values == values.flat[0]):
            return float(values.flat[0])
        return self.keep(fact, values)

    def stated(self, fact: str, computed: FloatArray) -> FloatArray:
        """The computed value, or the exact one that the file states beside it, where they agree."""
        exact = self.primitive.metadata.get(f"nmc.{fact}")
        if isinstance(exact, np.ndarray) and exact.shape == computed.shape and exact.dtype.kind == "f":
            return exact.astype(np.float64) if np.allclose(exact, computed, rtol=1e-9, atol=1e-12) else computed
        return computed

    def optional(self, name: str, default: Array) -> Array:
        """A parameter that files may leave out."""
        return self.primitive.array(name) if name in self.primitive.parameters else default


Built = tuple[Node, ...]
"""Nodes in the order of reading, of which the last stands for the primitive."""


def _input(site: Site) -> Built:
    shape = np.atleast_1d(site.primitive.array("shape"))
    sizes = site.primitive.integers("shape", shape.size)
    if not sizes or min(sizes) < 1 or prod(sizes) > 1 << 31:
        raise ValueError(f"shape {sizes} is not that of a sample")
    return (tensor.Input(name=site.name, shape=sizes, stream=site.dynamics is not None),)


def _linear(site: Site) -> Built:
    weight = site.primitive.array("weight")
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}: it takes [outputs, inputs]")
    if len(site.shape) != 1:
        raise ValueError(f"{site.primitive.kind} takes a flat input, got shape {site.shape}: put a Flatten before it")
    bias = site.primitive.array("bias") if site.primitive.kind == "Affine" else None
    return (
        tensor.Linear(
            name=site.name, inputs=site.reads, features=weight.shape[0], weight=site.keep("weight", weight),
            bias=None if bias is None else site.keep("bias", bias),
        ),
    )


def _scale(site: Site) -> Built:
    scale = site.primitive.array("scale")
    if scale.size not in (1, prod(site.shape)) or len(scale.shape) > len(site.shape):
        raise ValueError(f"scale has shape {scale.shape}, but what it scales {site.shape}")
    full = np.array(np.broadcast_to(scale, site.shape))
    factor = tensor.Constant(name=site.beside("scale"), value=site.keep("scale", full), shape=site.shape)
    before, read = _summed(site)
    return (factor, *before, tensor.Mul(name=site.name, inputs=(read, Ref(factor.name))))


def _summed(site: Site) -> tuple[Built, Ref]:
    """One read of the sum of all reads, for nodes that take each read as an operand."""
    if len(site.reads) == 1:
        return (), site.reads[0]
    total = tensor.Add(name=site.beside("sum"), inputs=site.reads)
    return (total,), Ref(total.name)


def _conv(site: Site) -> Built:
    kind, rank = (tensor.Conv1d, 1) if site.primitive.kind == "Conv1d" else (tensor.Conv2d, 2)
    weight, bias = site.primitive.array("weight"), site.primitive.array("bias")
    if weight.ndim != rank + 2:
        raise ValueError(f"weight has shape {weight.shape}: it takes {rank + 2} axes")
    stride, dilation = site.primitive.integers("stride", rank), site.primitive.integers("dilation", rank)
    kernel = weight.shape[2:]
    return (
        kind(
            name=site.name, inputs=site.reads, channels=weight.shape[0], kernel=kernel,
            weight=site.keep("weight", weight), bias=site.keep("bias", bias) if np.any(bias) else None,
            stride=stride, padding=_padding(site.primitive, kernel, stride, dilation), dilation=dilation,
            groups=site.primitive.integers("groups", 1)[0],
        ),
    )  # fmt: skip


def _padding(primitive: Primitive, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Padding at the begin of every axis, then at the end. Raises ValueError."""
    given = primitive.parameters["padding"]
    if not isinstance(given, str):
        return primitive.integers("padding", len(kernel)) * 2
    if given == "valid":
        return (0,) * 2 * len(kernel)
    if given != "same":
        raise ValueError(f"padding is {given[:40]!r}: it takes 'same', 'valid' or numbers")
    if set(stride) != {1}:
        raise ValueError(
            f"padding 'same' with stride {stride}: PyTorch refuses it, and NIR's own shape would be wrong"
        )
    total = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return (*(n // 2 for n in total), *(n - n // 2 for n in total))


def _pool(site: Site) -> Built:
    kernel, stride = site.primitive.integers("kernel_size", 2), site.primitive.integers("stride", 2)
    padding = site.primitive.integers("padding", 2) * 2
    if site.primitive.kind == "SumPool2d":
        return (spiking.SumPool2d(name=site.name, inputs=site.reads, kernel=kernel, stride=stride, padding=padding),)
    return (
        tensor.AvgPool2d(
            name=site.name, inputs=site.reads, kernel=kernel, stride=stride, padding=padding,
            count_include_pad=any(padding),
        ),
    )  # fmt: skip


def _flatten(site: Site) -> Built:
    rank = len(site.shape)
    (first,), (last,) = site.primitive.integers("start_dim", 1), site.primitive.integers("end_dim", 1)
    if not (-rank <= first < rank and -rank <= last < rank and first % rank <= last % rank):
        raise ValueError(
            f"it flattens the axes {first} to {last}, but its input has shape {site.shape}; axes do not count the batch"
        )
    first, last = first % rank, last % rank
    if (first, last) == (0, rank - 1):
        return (tensor.Flatten(name=site.name, inputs=site.reads),)
    shape = (*site.shape[:first], prod(site.shape[first : last + 1]), *site.shape[last + 1 :])
    return (tensor.Reshape(name=site.name, inputs=site.reads, shape=shape),)


def _delay(site: Site) -> Built:
    steps = site.timing.steps(site.primitive.array("delay")) - site.shortened
    longest = int(steps.max(initial=0))
    if longest > LIMIT_DELAY_STEPS:
        raise ValueError(f"its longest delay is {longest} steps, more than {LIMIT_DELAY_STEPS}")
    fact = site.param("steps", steps)
    if isinstance(fact, str):
        return (spiking.Delay(name=site.name, inputs=site.reads, steps=fact, longest=longest),)
    return (spiking.Delay(name=site.name, inputs=site.reads, steps=longest),)


def _threshold(site: Site) -> Built:
    threshold = site.param("threshold", site.primitive.array("threshold"))
    compare = site.dynamics.conventions.compare if site.dynamics is not None else ">"
    return (spiking.Threshold(name=site.name, inputs=site.reads, threshold=threshold, compare=compare),)


def _integrator(site: Site) -> Built:
    gain = site.param("gain", site.stated("gain", site.timing.leakless_gain(site.primitive.array("r"))))
    return (spiking.I(name=site.name, inputs=site.reads, gain=gain),)


def _if(site: Site) -> Built:
    gain = site.param("gain", site.stated("gain", site.timing.leakless_gain(site.primitive.array("r"))))
    return (_firing(site, spiking.IF(name=site.name, inputs=site.reads, gain=gain), site.primitive.array("r") * 0),)


def _li(site: Site) -> Built:
    decay, gain = _membrane(site, "tau", site.timing.conventions.li_gain)
    leak = site.primitive.array("v_leak")
    initial = leak if site.timing.conventions.starts_at == "leak" else np.zeros(1)
    node = spiking.LI(
        name=site.name, inputs=site.reads, decay=decay, gain=gain, leak=site.param("leak", leak),
        initial=site.param("initial", initial),
    )  # fmt: skip
    return (node,)


def _lif(site: Site) -> Built:
    decay, gain = _membrane(site, "tau", site.timing.conventions.lif_gain)
    leak = site.primitive.array("v_leak")
    node = spiking.LIF(name=site.name, inputs=site.reads, decay=decay, gain=gain, leak=site.param("leak", leak))
    return (_firing(site, node, leak),)


def _cuba_lif(site: Site) -> Built:
    rule = site.timing.conventions.current_gain
    current_decay, current_gain = _stepped(site, "tau_syn", "w_in", rule, ("current_decay", "current_gain"))
    decay, gain = _membrane(site, "tau_mem", site.timing.conventions.lif_gain)
    leak = site.primitive.array("v_leak")
    node = spiking.CubaLIF(
        name=site.name, inputs=site.reads, decay=decay, gain=gain, current_decay=current_decay,
        current_gain=current_gain, leak=site.param("leak", leak),
    )  # fmt: skip
    return (_firing(site, node, leak),)


def _cuba_li(site: Site) -> Built:
    """Two leaky integrators, one after the other: the current, then the voltage."""
    synapse = replace(site, primitive=replace(site.primitive, name=site.beside("current")))
    current_decay, current_gain = _stepped(
        synapse, "tau_syn", "w_in", site.timing.conventions.current_gain, ("decay", "gain")
    )
    current = spiking.LI(name=synapse.name, inputs=site.reads, decay=current_decay, gain=current_gain)
    decay, gain = _membrane(site, "tau_mem", site.timing.conventions.li_gain)
    leak = site.primitive.array("v_leak")
    initial = leak if site.timing.conventions.starts_at == "leak" else np.zeros(1)
    node = spiking.LI(
        name=site.name, inputs=(Ref(current.name),), decay=decay, gain=gain, leak=site.param("leak", leak),
        initial=site.param("initial", initial),
    )  # fmt: skip
    return (current, node)


def _membrane(site: Site, time_constant: str, rule: Gain) -> tuple[float | str, float | str]:
    """Decay and gain of the voltage."""
    return _stepped(site, time_constant, "r", rule, ("decay", "gain"))


def _stepped(
    site: Site, time_constant: str, factor: str, rule: Gain, facts: tuple[str, str]
) -> tuple[float | str, float | str]:
    tau = site.primitive.array(time_constant)
    decay = site.timing.decay(tau, time_constant)
    gain = site.timing.gain(rule, site.optional(factor, np.ones(())), decay, tau)
    return site.param(facts[0], site.stated(facts[0], decay)), site.param(facts[1], site.stated(facts[1], gain))


def _firing(site: Site, neuron: spiking.Neuron, leak: Array) -> Node:
    """The neuron with its threshold and its reset."""
    conventions = site.timing.conventions
    threshold = site.primitive.array("v_threshold")
    v_reset = site.optional("v_reset", np.zeros_like(threshold))
    reset: spiking.Reset = "zero"
    if conventions.reset != "value":
        if np.any(v_reset):
            how = "subtract their threshold" if conventions.reset == "subtract" else "do not reset"
            raise ValueError(f"v_reset is not 0, but neurons of {conventions.tool} {how} by this profile")
        reset = conventions.reset
    elif np.any(v_reset):
        reset = "value"
    starts = {"zero": np.zeros(1), "leak": leak, "reset": v_reset}[conventions.starts_at]
    if conventions.multispike and not np.all(np.asarray(threshold, np.float64) > 0):
        raise ValueError("v_threshold is not above 0, so that neurons would spike without end in a step")
    cuba = isinstance(neuron, spiking.CubaLIF)
    return replace(
        neuron, threshold=site.param("threshold", threshold), compare=conventions.compare, reset=reset,
        reset_value=site.param("reset_value", v_reset) if reset == "value" else 0.0,
        reset_at=conventions.cuba_reset_at if cuba else conventions.reset_at,
        initial=site.param("initial", starts), multispike=conventions.multispike,
    )  # fmt: skip


BUILDERS: Mapping[str, Callable[[Site], Built]] = {
    "Input": _input,
    "Affine": _linear,
    "Linear": _linear,
    "Scale": _scale,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
    "Delay": _delay,
    "Threshold": _threshold,
    "I": _integrator,
    "IF": _if,
    "LI": _li,
    "LIF": _lif,
    "CubaLI": _cuba_li,
    "CubaLIF": _cuba_lif,
}
"""The nodes of each primitive but Output. Each raises ValueError with what it cannot be."""
