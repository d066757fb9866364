"""A graph as a differentiable function in PyTorch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from nmc.errors import Fault, UnsupportedError
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.nodes.parameters import fitted_arrays, trained_arrays
from nmc.nodes.tensor import Conv1d, Conv2d, Input, Linear
from nmc.training import spiking_nodes, tensor_nodes
from nmc.training.place import Forward, Place, Result

if TYPE_CHECKING:
    from torch import Tensor

FORWARDS: Mapping[type[Node], Forward] = {**tensor_nodes.FORWARDS, **spiking_nodes.FORWARDS}

Watch = Callable[[str, "Tensor"], "Tensor"]
"""`watch(name, y)`, called with what a node puts out at a step; gives what its readers read."""


class Network:
    """A model's graph in single precision, its trained arrays with gradients. Means what `nmc.reference` says."""

    def __init__(self, model: Model) -> None:
        """Raises UnsupportedError with every node that cannot be trained through."""
        self.model = model
        self.graph = model.graph
        if faults := [fault for node in self.graph if (fault := _fault(node)) is not None]:
            raise UnsupportedError.of(self.graph.placed(faults))
        self.arrays: dict[str, Tensor] = {
            name: torch.from_numpy(np.array(array, dtype=np.float32)) for name, array in model.weights.items()
        }
        trained = dict.fromkeys(name for node in self.graph for name in trained_arrays(node))
        self.trained = tuple(self.arrays[name].requires_grad_() for name in trained)

    def __call__(self, x: Tensor, *, training: bool = False, watch: Watch | None = None) -> Tensor:
        """The first output for samples [B, *shape], or [B, T, *shape] where the input streams.

        [B, *shape], or [B, T, *shape] for an output at every step. With `training`, BatchNorm takes the mean and
        variance of the batch, and its running ones follow.
        """
        (source,) = (node for node in self.graph if isinstance(node, Input))
        run = _Run(self, len(x), training, watch)
        streams = source.stream
        steps = 1 if self.graph.dt_s is None else (self.model.steps or (x.shape[1] if streams else 1))
        output = self.graph.outputs[0]
        kept = []
        for t in range(steps + self.graph.lag):
            inside = t < x.shape[1] if streams else True
            fed = (x[:, t] if inside else torch.zeros_like(x[:, 0])) if streams else x
            kept.append(run.step({source.name: fed})[output])
        if self.graph.signals[output].timing != "stream":
            return kept[-1]
        return torch.stack(kept[self.graph.lag :], dim=1)

    def trained_model(self) -> Model:
        """The model with the arrays as they are now."""
        fitted = fitted_arrays(self.graph)
        arrays: dict[str, Array] = {name: self.arrays[name].detach().numpy().copy() for name in fitted}
        return self.model.with_(self.graph, arrays)


class _Run:
    """A batch on its way through the steps of a run."""

    def __init__(self, network: Network, batch: int, training: bool, watch: Watch | None) -> None:
        self.network, self.batch, self.training = network, batch, training
        self.shapes = {name: signal.shape for name, signal in network.graph.signals.items()}
        self.watch = watch or (lambda name, y: y)
        self.state: dict[str, Mapping[str, Tensor]] = {node.name: self._initial(node) for node in network.graph}
        self.static: dict[str, Tensor] = {}
        longest: dict[str, int] = {}
        for ref in (ref for node in network.graph for ref in node.inputs if ref.delay):
            longest[ref.node] = max(ref.delay, longest.get(ref.node, 0))
        self.past: dict[str, deque[Tensor]] = {name: deque(maxlen=length) for name, length in longest.items()}

    def step(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Every node's output at the next step."""
        graph, values = self.network.graph, dict(self.static)
        for name in graph.order:
            if name in values:
                continue
            values[name] = self.watch(name, inputs[name] if name in inputs else self._evaluated(graph[name], values))
            if graph.signals[name].timing == "static":
                self.static[name] = values[name]
        for name, past in self.past.items():
            past.appendleft(values[name])
        return values

    def _evaluated(self, node: Node, values: Mapping[str, Tensor]) -> Tensor:
        reads = [self._read(ref.node, ref.delay, values) for ref in node.inputs]
        operands = (sum(reads[1:], start=reads[0]),) if node.sums and reads else tuple(reads)
        place = Place(operands, self.network.arrays, self.state[node.name], self.training)
        made = FORWARDS[type(node)](node, place)
        result = made if isinstance(made, Result) else Result(made, {})
        self.state[node.name] = result.state
        shape = (self.batch, *self.shapes[node.name])
        return result.y if result.y.shape == shape else result.y.expand(shape)

    def _read(self, name: str, delay: int, values: Mapping[str, Tensor]) -> Tensor:
        if not delay:
            return values[name]
        past = self.past[name]
        if len(past) >= delay:
            return past[delay - 1]
        return torch.zeros(self.batch, *self.shapes[name])

    def _initial(self, node: Node) -> Mapping[str, Tensor]:
        return {
            name: (
                self.network.arrays[state.initial]
                if isinstance(state.initial, str) else torch.tensor(float(state.initial))
            ).expand(self.batch, *state.shape)
            for name, state in node.state(*self.network.graph.operand_shapes(node)).items()
        }  # fmt: skip


def _fault(node: Node) -> Fault | None:
    """Why a node cannot be trained through."""
    if isinstance(node, Linear | Conv1d | Conv2d) and node.weight_scale is not None:
        return Fault("its weights are 8-bit integers", "train the network before it is quantized", node.name)
    if isinstance(node, Input) or type(node) in FORWARDS:
        return None
    return Fault(f"{node.kind} has no gradient here", "train the network without it; see docs/training.md", node.name)
