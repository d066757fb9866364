"""What a run puts out must be numbers wherever the model's own meaning is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nmc import reference
from nmc.errors import ModelError
from nmc.model import FloatArray, Model
from nmc.reference.interpreter import Feed, as_feeds

if TYPE_CHECKING:
    from nmc.program import Program

_AT_ONCE = 8


def require_finite(program: Program, x: Feed, outputs: Mapping[str, FloatArray], steps: int | None) -> None:
    """Raise ModelError where an output of a run is NaN or infinite, and the meaning of what was executed is not.

    The meaning is that of the reference, in double precision, for the samples in question alone.
    """
    for name, given in outputs.items():
        bad = ~np.isfinite(given)
        if not np.any(bad):
            continue
        samples = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        for first in range(0, len(samples), _AT_ONCE):
            some = samples[first : first + _AT_ONCE]
            feeds = {key: array[some] for key, array in as_feeds(program.model.graph, x).items()}
            with np.errstate(all="ignore"):
                meant = reference.run(program.model, feeds, steps)[name]
            wrong = bad[some] & np.isfinite(meant)
            if np.any(wrong):
                at = np.argwhere(wrong)[0]
                raise ModelError(
                    f"on {program.target}, the output {name!r} is {given[some][tuple(at)]:g} in sample {some[at[0]]},"
                    f" where the model puts out {meant[tuple(at)]:.4g}; {np.count_nonzero(bad):,} of"
                    f" {bad.size:,} values are not finite, in {len(samples):,} of {len(bad):,} samples",
                    _remedy(program), node=name, where=program.model.graph.sources.get(name),
                )


def require_numbers(model: Model, outputs: Mapping[str, FloatArray]) -> None:
    """Raise ModelError where what a model itself puts out is NaN, which no target can do better."""
    for name, given in outputs.items():
        bad = np.isnan(given)
        if np.any(bad):
            samples = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
            raise ModelError(
                f"the model's own output {name!r} is NaN in sample {samples[0]}, and in {len(samples):,} of"
                f" {len(bad):,} samples: {np.count_nonzero(bad):,} of {bad.size:,} values",
                "look for a logarithm or root of what is below 0, or a quotient of zeros, on the way to it",
                node=name, where=model.graph.sources.get(name),
            )


def _remedy(program: Program) -> str:
    precision = program.options.pricing.precision
    if precision in ("fp16", "int8"):
        return f"its {precision} cannot hold what comes on the way there: compile with precision fp32, or scale it down"
    return "32-bit floats cannot hold what comes on the way there: scale the data or the weights down"
