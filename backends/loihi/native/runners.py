"""What the emulator does for each kind of node: arrays made ready once, then kernels over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.compartments import PreparedCompartments
from nmc.backends.loihi.native.convolution import PreparedConv
from nmc.backends.loihi.native.dense import prepared_dense
from nmc.backends.loihi.native.graded import GradedRunner, PreparedGraded, ProductRunner
from nmc.backends.loihi.native.layout import Index, Layout
from nmc.backends.loihi.native.lif import PreparedLif
from nmc.backends.loihi.native.neurons import PreparedResonator, PreparedTernaryLif
from nmc.backends.loihi.native.plasticity import PreparedPlastic
from nmc.backends.loihi.native.runner import Prepared, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.backends.loihi.native.sparse import PreparedSparse
from nmc.backends.loihi.native.synapses import PreparedDelayed
from nmc.graph import Node
from nmc.model import Model
from nmc.nodes import fixed_point, spiking

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DelayRunner:
    """Delay with steps of their own for every element."""

    node: spiking.Delay
    steps: Index
    exponent: int | None = None

    @classmethod
    def of(cls, node: spiking.Delay, model: Model, layout: Layout) -> DelayRunner:
        """The runner of a node."""
        shape = layout.graph.signals[node.name].shape
        array = model.weights[str(node.steps)].astype(np.intp)
        return cls(node, np.broadcast_to(array, shape).ravel())

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        out, out_row = signals.target(self.node.name, first)
        elements = np.arange(len(self.steps))
        (read,) = signals.layout.reads(self.node)
        place = signals.layout.place[read.node]
        place = elements if place is None else place
        x, row = signals.stored(read, first)
        exponent = signals.narrow.get(read.node, 0)
        for t in range(last - first):
            out[:, out_row + t] = x[:, row + t - self.steps, place].astype(np.int32) << exponent


PREPARED: Mapping[type[Node], Callable[..., Prepared]] = {
    fixed_point.FixedDense: prepared_dense,
    fixed_point.FixedPlasticDense: PreparedPlastic.of,
    fixed_point.FixedSparse: PreparedSparse.of,
    fixed_point.FixedConv2d: PreparedConv.of,
    fixed_point.FixedLIF: PreparedLif.of,
    fixed_point.FixedTernaryLIF: PreparedTernaryLif.of,
    fixed_point.FixedCompartments: PreparedCompartments.of,
    fixed_point.FixedResonator: PreparedResonator.of,
    fixed_point.FixedDelta: PreparedGraded.of,
    fixed_point.FixedSigma: PreparedGraded.of,
    fixed_point.FixedSigmaDelta: PreparedGraded.of,
    fixed_point.FixedGraded: GradedRunner.of,
    fixed_point.FixedProduct: ProductRunner.of,
    fixed_point.FixedNormDelay: PreparedGraded.of,
    fixed_point.FixedDelayDense: PreparedDelayed.of,
    fixed_point.FixedDelaySparse: PreparedDelayed.of,
    spiking.Delay: DelayRunner.of,
}
"""How each kind of node is made ready: `prepared(node, model, layout)`. A new kind is one entry."""
