"""What a result is kept under: a digest of everything that decides it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from nmc.program import nmc_version

if TYPE_CHECKING:
    from nmc.data_source import DataRecord
    from nmc.model import Model
    from nmc.sweeps.grid import Point

SCHEMA = 2
"""The version of what a row says; another one makes other keys."""


def model_digest(model: Model) -> str:
    """SHA-256 of a model's graph as text, its steps, what it is scored by, and its weights."""
    import numpy as np

    task = None if model.task is None else (model.task.kind, model.task.metric)
    digest = hashlib.sha256(json.dumps([str(model.graph), model.steps, task]).encode())
    for name, array in sorted(model.weights.items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def point_key(point: Point, model: str, data: DataRecord, calibration: DataRecord | None, seed: int) -> str:
    """SHA-256 of the model's digest, the data, the target with its chip, all options, the seed and nmc's version."""
    facts = {
        "schema": SCHEMA,
        "nmc": nmc_version(),
        "model": model,
        "data": asdict(data),
        "calibration": None if calibration is None else asdict(calibration),
        "target": point.target,
        "chip": repr(point.aim.chip),
        "options": dict(point.options),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
