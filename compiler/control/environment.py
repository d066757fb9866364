"""Environments of gymnasium: made by their id, and fitted to what a model takes and puts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nmc.datasets.fitting import only_input
from nmc.errors import ModelError, ToolError
from nmc.model import Control, FloatArray, Model

if TYPE_CHECKING:
    from gymnasium import Env

    Action = int | FloatArray
    Environment = Env[FloatArray, Action]


def make(control: Control) -> Environment:
    """The task's environment. Raises ToolError without gymnasium or a package of it, ModelError for an unknown id."""
    try:
        import gymnasium
    except ImportError:
        raise ToolError(
            f"{control.environment} is an environment of gymnasium, which is not installed",
            "install it: pip install 'nmc[gym]'",
        ) from None
    try:
        made: Environment = gymnasium.make(control.environment, disable_env_checker=True)
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise ToolError(f"{control.environment} lacks a package: {error}", "install it as gymnasium says") from None
    except gymnasium.error.Error as error:
        raise ModelError(
            f"gymnasium cannot make the environment {control.environment!r}: {error}",
            "name one of those that python -c 'import gymnasium; gymnasium.pprint_registry()' lists",
        ) from None
    if made.spec is None or made.spec.max_episode_steps is None:
        raise ModelError(f"an episode of {control.environment} may never end", "name one with a limit of steps")
    return made


@dataclass(frozen=True, eq=False)
class Interface:
    """How a model's output acts in an environment, whose observations go to the model's only input, in its shape.

    Of a choice among actions the first is numbered `first`, and that with the largest output is taken; otherwise
    outputs are the action, held within its bounds.
    """

    first: int | None
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, environment: Environment, model: Model) -> Interface:
        """Raises ModelError where the environment sees or does something that the model has no shape for."""
        from gymnasium import spaces

        node = only_input(model, "what an environment shows")
        name = str(environment.spec.id if environment.spec else environment)
        seen, done = environment.observation_space, environment.action_space
        size = int(np.prod(node.shape))
        if not isinstance(seen, spaces.Box) or int(np.prod(seen.shape)) != size:
            raise ModelError(f"{name} shows {seen}, but the input takes {size} numbers", "mend the input's shape")
        output = model.graph.outputs[0]
        values = int(np.prod(model.graph.signals[output].shape))
        if isinstance(done, spaces.Discrete):
            wanted, first, low, high = int(done.n), int(done.start), np.zeros(0), np.zeros(0)
        elif isinstance(done, spaces.Box):
            low, high = done.low.astype(np.float64), done.high.astype(np.float64)
            wanted, first = low.size, None
        else:
            raise ModelError(f"{name} takes actions {done}", "name one that takes a choice or numbers: Discrete or Box")
        if values != wanted:
            raise ModelError(
                f"{name} takes {wanted} outputs for {done}, {output} has {values}", "mend the output's size",
                node=output, where=model.graph.sources.get(output),
            )
        return cls(first, low, high)

    def actions(self, outputs: FloatArray) -> list[Action]:
        """What outputs [samples, *shape] do; of equal values the first. Raises ModelError where one is not finite."""
        if not np.isfinite(outputs).all():
            raise ModelError("its outputs there are not finite", "give another target, or another precision")
        flat = outputs.reshape(len(outputs), -1)
        if self.first is not None:
            return [*(flat.argmax(axis=1) + self.first).tolist()]
        return [*np.clip(flat.reshape(-1, *self.low.shape), self.low, self.high)]
