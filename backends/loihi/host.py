"""The host's share of a program: what goes before the chip, and what is left to do with its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.backends.loihi.native.plan import Plan
from nmc.graph import Node
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
from nmc.passes.fuse_synapses import pruned
from nmc.reference import run


@dataclass(frozen=True, eq=False)
class Host:
    """The two parts of a model around the chip. In `after`, what the chip puts out is an input that streams."""

    before: Model
    after: Model
    fed: tuple[str, ...]
    shown: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan) -> Host:
        """The host's share of a planned model."""
        model, graph = plan.model, plan.model.graph
        fed = tuple(sorted(plan.fed))
        on_chip = set(plan.computed)

        def outside(node: Node) -> Node:
            return tensor.Input(name=node.name, shape=graph.signals[node.name].shape, stream=True)

        after = pruned(replace(graph, nodes=tuple(outside(n) if n.name in on_chip else n for n in graph)))
        read = {ref.node for node in after for ref in node.inputs} | set(graph.outputs)
        shown = tuple(name for name in plan.computed if name in read)
        kept = tuple(node for node in after if node.name not in on_chip or node.name in shown)
        return cls(
            model.with_(pruned(replace(graph, outputs=fed, lag=0))),
            model.with_(replace(after, nodes=kept)), fed, shown,
        )

    def feed(self, x: Mapping[str, FloatArray], steps: int) -> Mapping[str, Array]:
        """What the chip gets at each of `steps` steps, in whole numbers [B, T, *shape]."""
        padded = {}
        for node in self.before.graph:
            if isinstance(node, tensor.Input):
                value = x[node.name]
                missing = steps - value.shape[1] if node.stream else 0
                pad = [(0, 0), (0, max(0, missing)), *((0, 0) for _ in node.shape)]
                padded[node.name] = np.pad(value, pad) if missing > 0 else value
        values = run(self.before, padded, steps) if self.fed else {}
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
