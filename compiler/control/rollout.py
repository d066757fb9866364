"""Episodes of an environment in which a model or a program acts, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmc.control.environment import Interface, make
from nmc.control.opening import open_session
from nmc.control.session import Session
from nmc.model import Control, FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.program import Program

if TYPE_CHECKING:
    from nmc.control.environment import Environment


@dataclass(frozen=True, eq=False)
class Rollout:
    """What came of some episodes: the return and the number of decisions of each, [episodes].

    `states` are what was seen before each decision, episode after episode, [decisions, *shape]. `chosen` says
    whether an action is the one with the largest output.
    """

    returns: FloatArray
    decisions: NDArray[np.int64]
    states: FloatArray
    chosen: bool

    @property
    def mean_return(self) -> float:
        """The mean return of the episodes."""
        return float(self.returns.mean())


def rollout(opened: Program | Model, control: Control, engine: str | None = None) -> Rollout:
    """Act in the task's episodes; that number i begins with the environment's seed `control.seed` + i.

    A network whose input streams takes a time step for a decision, and keeps its state through an episode. Any other
    makes a run for each, from its first state. Raises ToolError without gymnasium, ModelError where environment and
    model do not go together, UsageError for an engine that cannot be fed step by step.
    """
    session = open_session(opened, control.episodes, engine)
    environments = [make(control) for _ in range(control.episodes)]
    try:
        return _played(session, environments, control.seed)
    finally:
        for environment in environments:
            environment.close()


def _played(session: Session, environments: list[Environment], seed: int) -> Rollout:
    graph = session.model.graph
    fit = Interface.of(environments[0], session.model)
    decide = session.step if any(isinstance(node, Input) and node.stream for node in graph) else session.infer
    now = np.stack([fit.seen(each.reset(seed=seed + i)[0]) for i, each in enumerate(environments)])
    returns = np.zeros(len(environments))
    seen: list[list[FloatArray]] = [[] for _ in environments]
    going = list(range(len(environments)))
    while going:
        outputs = decide(now)[graph.outputs[0]]
        for i in going:
            seen[i].append(now[i].copy())
        ended = set()
        for i in going:
            observation, reward, terminated, truncated, _ = environments[i].step(fit.action(outputs[i]))
            now[i] = fit.seen(observation)
            returns[i] += float(reward)
            if terminated or truncated:
                ended.add(i)
        going = [i for i in going if i not in ended]
    lengths = np.array([len(states) for states in seen])
    return Rollout(returns, lengths, np.concatenate([np.stack(states) for states in seen]), fit.first is not None)
