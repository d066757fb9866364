"""Sets how long a run lasts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nmc.model import Model
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.bounds import require_bounds


@dataclass(frozen=True)
class SetSteps:
    """The model with runs of `steps` time steps; as it is where that is None or the model has no time."""

    steps: int | None = None

    name: ClassVar[str] = "set-steps"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __post_init__(self) -> None:
        require_bounds(self)

    def __call__(self, model: Model, samples: Samples) -> Model:
        if self.steps is None or model.graph.dt_s is None:
            return model
        return replace(model, steps=self.steps)
