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

    `states` are what was seen before each decision, [episodes, decisions, *shape]; of those after an episode's last
    decision nothing is to be read. `chosen` says whether an action is the one with the largest output.
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
    (node,) = (node for node in graph if isinstance(node, Input))
    fit = Interface.of(environments[0], session.model)
    decide = session.step if node.stream else session.infer
    now = np.zeros((len(environments), *node.shape))
    for i, each in enumerate(environments):
        now[i].flat = each.reset(seed=seed + i)[0]
    returns, lengths = np.zeros(len(environments)), np.zeros(len(environments), np.int64)
    seen, going = [], list(range(len(environments)))
    while going:
        seen.append(now.copy())
        actions = fit.actions(decide(now)[graph.outputs[0]])
        ended = set()
        for i in going:
            observation, reward, terminated, truncated, _ = environments[i].step(actions[i])
            now[i].flat = observation
            returns[i] += float(reward)
            if terminated or truncated:
                lengths[i] = len(seen)
                ended.add(i)
        going = [i for i in going if i not in ended]
    return Rollout(returns, lengths, np.stack(seen, axis=1), fit.first is not None)
