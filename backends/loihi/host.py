"""The host's share of a program: what goes before the chip, and what is left to do with its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nmc.backends.loihi.decoding import Decoder, decoder
from nmc.backends.loihi.encoding import encoder
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
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
        before = replace(model.graph, outputs=read, lag=0).pruned()
        return cls(model.with_(before), model.with_(replace(after, nodes=kept)), read, shown)

    def feed(self, x: Mapping[str, FloatArray], steps: int) -> Mapping[str, Array]:
        """What the chip gets at each of its `steps` steps, in whole numbers [B, T, *shape]; x by input's name."""
        return self.feeder(steps)(x)

    def feeder(self, steps: int) -> Callable[[Mapping[str, FloatArray]], Mapping[str, Array]]:
        """The same, made ready to be called for one batch after another."""
        encoders = {name: encoder(self.before, name, steps) for name in self.sent}
        inputs = [node.name for node in self.before.graph if isinstance(node, tensor.Input)]

        def feed(x: Mapping[str, FloatArray]) -> Mapping[str, Array]:
            given = {name: x[name] for name in inputs}
            return self.in_whole_numbers({name: encode(given) for name, encode in encoders.items()}, steps)

        return feed

    def in_whole_numbers(self, sent: Mapping[str, Array], steps: int) -> Mapping[str, Array]:
        """What the host sends [B, 1 or T, *shape] as the chip takes it, [B, T, *shape]."""
        return {name: self._streamed(name, value, steps) for name, value in sent.items()}

    def _streamed(self, name: str, value: Array, steps: int) -> Array:
        signal = self.before.graph.signals[name]
        whole = value.astype(np.uint8 if signal.dtype == "spike" else np.int32, copy=False)
        return np.broadcast_to(whole, (len(value), steps, *signal.shape))

    def read_out(
        self, x: Mapping[str, FloatArray], chip: Mapping[str, Array], steps: int
    ) -> Mapping[str, FloatArray]:
        """The model's outputs, from what the chip put out over its steps [B, T + lag, *shape]."""
        inputs = {node.name for node in self.after.graph if isinstance(node, tensor.Input)}
        feeds = {name: value for name, value in {**x, **chip}.items() if name in inputs}
        return self.decoder.outputs(feeds, steps) if self.decoder else run(self.after, feeds, steps)

    @cached_property
    def decoder(self) -> Decoder | None:
        """How the outputs are found for all steps at once; None where the reference goes step by step."""
        return decoder(self.after)


def fed(graph: Graph, names: Iterable[str]) -> Graph:
    """The graph with inputs that stream in place of the named nodes, and without what only they need."""
    replaced = set(names)
    return replace(graph, nodes=tuple(
        tensor.Input(name=node.name, shape=graph.signals[node.name].shape, stream=True)
        if node.name in replaced else node
        for node in graph
    )).pruned()  # fmt: skip
