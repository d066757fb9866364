"""Sets how long a run lasts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nmc.model import Model
from nmc.passes import Keeps, Stage


@dataclass(frozen=True)
class SetSteps:
    """The model with runs of `steps` time steps; as it is where that is None or the model has no time."""

    steps: int | None

    name: ClassVar[str] = "set-steps"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model) -> Model:
        if self.steps is None or model.graph.dt_s is None:
            return model
        return replace(model, steps=self.steps)
