"""The host's share of a program: what goes before the chip, and what is left to do with its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
from nmc.passes.fuse_synapses import pruned
from nmc.reference import run


@dataclass(frozen=True, eq=False)
class Host:
    """The two parts of a model around the chip. In `after`, what the chip puts out is an input that streams.

    `sent` are the host's nodes that the chip reads; `shown` are those of the chip that the host reads.
    """

    before: Model
    after: Model
    sent: tuple[str, ...]
    shown: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, sent: Iterable[str], outside: Iterable[str]) -> Host:
        """The host's share where the chip reads `sent`, and the nodes `outside` are none of the host's."""
        chip, read = tuple(outside), tuple(sent)
        after = fed(model.graph, chip)
        shown = tuple(name for name in chip if name in after.outputs or after.consumers.get(name))
        kept = tuple(node for node in after if node.name not in chip or node.name in shown)
        before = pruned(replace(model.graph, outputs=read, lag=0))
        return cls(model.with_(before), model.with_(replace(after, nodes=kept)), read, shown)

    def feed(self, x: Mapping[str, FloatArray], steps: int) -> Mapping[str, Array]:
        """What the chip gets at each of its `steps` steps, in whole numbers [B, T, *shape]; x by input's name."""
        padded = {}
        for node in self.before.graph:
            if isinstance(node, tensor.Input):
                value = x[node.name]
                missing = steps - value.shape[1] if node.stream else 0
                pad = [(0, 0), (0, max(0, missing)), *((0, 0) for _ in node.shape)]
                padded[node.name] = np.pad(value, pad) if missing > 0 else value
        if not self.sent:
            return {}
        compute = _at_once if _forgets(self.before.graph) else run
        values = compute(self.before, padded, steps)
        return {name: self._streamed(name, value, steps) for name, value in values.items()}

    def _streamed(self, name: str, value: FloatArray, steps: int) -> Array:
        signal = self.before.graph.signals[name]
        if signal.timing != "stream":
            value = np.broadcast_to(value[:, None], (len(value), steps, *signal.shape))
        return value.astype(np.uint8 if signal.dtype == "spike" else np.int32)

    def read_out(
        self, x: Mapping[str, FloatArray], chip: Mapping[str, Array], steps: int
    ) -> Mapping[str, FloatArray]:
        """The model's outputs, from what the chip put out over its steps [B, T + lag, *shape]."""
        inputs = {node.name for node in self.after.graph if isinstance(node, tensor.Input)}
        feeds = {name: value for name, value in {**x, **chip}.items() if name in inputs}
        return run(self.after, feeds, steps)


def _forgets(graph: Graph) -> bool:
    """Whether each step of a graph depends on what streams in at that step alone."""
    inputs = [node for node in graph if isinstance(node, tensor.Input)]
    return all(node.stream for node in inputs) and all(
        isinstance(node, tensor.Input) or (node.produces is None and not any(ref.delay for ref in node.inputs))
        for node in graph
    )


def _at_once(model: Model, x: Mapping[str, FloatArray], steps: int) -> Mapping[str, FloatArray]:
    """What such a model puts out, all steps computed as if they were samples."""
    samples = len(next(iter(x.values())))
    together = {name: value[:, :steps].reshape(samples * steps, 1, *value.shape[2:]) for name, value in x.items()}
    return {name: y.reshape(samples, steps, *y.shape[2:]) for name, y in run(model, together, 1).items()}


def fed(graph: Graph, names: Iterable[str]) -> Graph:
    """The graph with inputs that stream in place of the named nodes, and without what only they need."""
    replaced = set(names)
    return pruned(replace(graph, nodes=tuple(
        tensor.Input(name=node.name, shape=graph.signals[node.name].shape, stream=True)
        if node.name in replaced else node
        for node in graph
    )))  # fmt: skip
