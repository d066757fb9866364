"""The seed of random whole models: always the same, or another every day under continuous integration."""

from __future__ import annotations

import os
from datetime import UTC, datetime

VARIABLE = "NMC_MODELS_SEED"


def model_seed() -> int:
    """What the variable NMC_MODELS_SEED says; else the day under continuous integration, as in 20260131; else 0."""
    if said := os.environ.get(VARIABLE):
        return int(said)
    return int(datetime.now(UTC).strftime("%Y%m%d")) if os.environ.get("CI") else 0


def seed_line() -> str:
    """How to draw the same models again, in a line."""
    return f"random whole models: seed {model_seed()} (draw them again with {VARIABLE}={model_seed()})"
