"""What a control task is measured on: the returns of its episodes, and the states that the model itself comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nmc.control.rollout import Rollout, rollout
from nmc.data_source import DataRecord
from nmc.datasets import Dataset
from nmc.datasets.listing import digest_of
from nmc.errors import UsageError
from nmc.graph import Graph
from nmc.model import Control, FloatArray, Model
from nmc.nodes.tensor import Input

STATES, SEQUENCES = 256, 4
"""On how many states energy and latency of a decision are measured, and of how many episodes where these count."""


@dataclass(frozen=True, eq=False)
class Played:
    """The reference's episodes, and its states as samples: x as the model takes it, y [episodes, 0], for no labels.

    `control` are the episodes that were played.
    """

    control: Control
    episodes: Rollout
    data: Dataset


def played(model: Model, control: Control, episodes: int | None = None) -> Played:
    """Let the model itself, in double precision, act in at most so many of the task's episodes.

    Raises UsageError for a wrong number of them, and what `rollout` raises.
    """
    if episodes is not None and episodes < 1:
        raise UsageError(f"a test of {episodes} episodes", "test 1 episode or more")
    fewer = control if episodes is None else replace(control, episodes=min(control.episodes, episodes))
    found = rollout(model, fewer)
    digest = digest_of(np.frombuffer(repr(fewer).encode(), np.uint8), found.states, found.returns)
    record = DataRecord(fewer.environment, digest, fewer.episodes)
    x = _sequences(found) if streams(model.graph) else _evenly(found)
    return Played(fewer, found, Dataset(x, np.zeros((fewer.episodes, 0)), record))


def streams(graph: Graph) -> bool:
    """Whether a decision is a time step, as the state is held from one to the next."""
    return any(isinstance(node, Input) and node.stream for node in graph)


def _evenly(found: Rollout) -> FloatArray:
    """Some of all states, evenly spread: [states, *shape]."""
    met = np.arange(found.states.shape[1]) < found.decisions[:, None]
    states: FloatArray = found.states[met]
    chosen: FloatArray = states[np.linspace(0, len(states) - 1, min(STATES, len(states))).astype(int)]
    return chosen


def _sequences(found: Rollout) -> FloatArray:
    """The states at the begin of some episodes: [episodes, steps, *shape]."""
    begun: FloatArray = found.states[:SEQUENCES]
    steps = min(STATES // len(begun), int(found.decisions[: len(begun)].min()))
    return begun[:, :steps]
