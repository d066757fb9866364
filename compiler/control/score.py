"""What a control task is measured on: the returns of its episodes, and the states that the model itself comes to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nmc.control.rollout import Rollout, rollout
from nmc.data_source import DataRecord
from nmc.datasets import Dataset
from nmc.datasets.listing import digest_of
from nmc.model import Control, Model

STATES = 256
"""On how many of the states energy and latency of a decision are measured, evenly spread over all."""


@dataclass(frozen=True, eq=False)
class Played:
    """The reference's episodes, and its states as samples: x [states, *shape]; y [episodes, 0], as nothing is labelled.

    `control` are the episodes that were played.
    """

    control: Control
    episodes: Rollout
    data: Dataset


def played(model: Model, control: Control, episodes: int | None = None) -> Played:
    """Let the model itself, in double precision, act in at most so many of the task's episodes."""
    fewer = replace(control, episodes=min(control.episodes, episodes or control.episodes))
    found = rollout(model, fewer)
    chosen = np.linspace(0, len(found.states) - 1, min(STATES, len(found.states))).astype(int)
    digest = digest_of(np.frombuffer(repr(fewer).encode(), np.uint8), found.states, found.returns)
    record = DataRecord(fewer.environment, digest, fewer.episodes)
    return Played(fewer, found, Dataset(found.states[chosen], np.zeros((fewer.episodes, 0)), record))
