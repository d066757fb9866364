"""An engine kept open: fed one time step after another, or one decision after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import UsageError
from nmc.estimates.events import Events, NodeEvents, added, scaled
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference.interpreter import Feed, as_feeds

if TYPE_CHECKING:
    from nmc.backends.target import Stepping


class Session:
    """A model or a program on an engine, with the state of `batch` samples held from step to step.

    `model` is what the engine computes. Its graph may have a `lag`: what a step takes in then shows in what is put
    out so many steps later, and readouts begin to count after as many.
    """

    def __init__(self, model: Model, engine: Stepping, batch: int) -> None:
        self.model = model
        self.batch = batch
        self._engine = engine
        self._steps = 0
        self._inferred: Mapping[str, NodeEvents] = {}

    @property
    def lag(self) -> int:
        """How many steps late the outputs come."""
        return self.model.graph.lag

    def step(self, x: Feed) -> Mapping[str, FloatArray]:
        """The outputs of one time step, each [B, *shape], given the inputs [B, *shape], by name if there are several.

        An input that is held may be another at every step. A readout gives what it would if the run ended here,
        begun at the last reset. A network without time makes an inference. Raises UsageError where x does not fit.
        """
        graph = self.model.graph
        streams = {node.name for node in graph if isinstance(node, Input) and node.stream}
        given = x if isinstance(x, Mapping) else {node.name: x for node in graph if isinstance(node, Input)}
        feeds = self._feeds({
            name: np.expand_dims(np.asarray(value), 1 if np.ndim(value) else 0) if name in streams else value
            for name, value in given.items()
        })  # fmt: skip
        self._steps += 1
        return self._engine.step({name: value[:, 0] if name in streams else value for name, value in feeds.items()})

    def infer(self, x: Feed, steps: int | None = None) -> Mapping[str, FloatArray]:
        """The outputs of one whole run from the first state, as `nmc.run` gives them; the session is reset after it.

        That is a decision of a network that a chip computes over `steps` time steps. Raises UsageError where x or
        steps do not fit.
        """
        result = self._engine.infer(self._feeds(x), steps)
        self._steps += result.events.steps
        whole = {name: scaled(node, self.batch) for name, node in result.events.nodes.items()}
        self._inferred = added(self._inferred, whole)
        self.reset()
        return result.outputs

    def reset(self, samples: Sequence[int] | None = None) -> None:
        """Back to the state before the first step: all samples, or those with these indices.

        What was counted stays. Raises UsageError for an index that is not there, and where the engine has something
        that all samples share, such as a clock, so that it cannot put back some alone.
        """
        if samples is not None and (wrong := [index for index in samples if not 0 <= index < self.batch]):
            raise UsageError(f"there is no sample {wrong[0]}", f"give 0 to {self.batch - 1}")
        self._engine.restart(samples)

    @property
    def events(self) -> Events:
        """What was counted so far, as `nmc.run` gives it: means over the samples, of all steps together."""
        total = added(self._engine.counted(), self._inferred)
        return Events(self.batch, self._steps, {name: scaled(node, 1 / self.batch) for name, node in total.items()})

    def _feeds(self, x: Feed) -> Mapping[str, FloatArray]:
        feeds = as_feeds(self.model.graph, x)
        count = len(next(iter(feeds.values())))
        if count != self.batch:
            raise UsageError(f"the session is open for {self.batch} samples, got {count}", "open another one")
        return feeds
