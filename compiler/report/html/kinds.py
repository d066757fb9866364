"""What an estimate's energy goes into."""

from __future__ import annotations

from collections.abc import Mapping

from nmc.estimates.estimate import Kind
from nmc.sweeps.result import Cost


def energy_by_kind(cost: Cost) -> Mapping[Kind, float]:
    """The share of each kind of component in the energy, by best values, the largest first; none where it is 0."""
    sums: dict[Kind, float] = {}
    for part in cost.components:
        if part.energy_j is not None and part.energy_j.best > 0:
            sums[part.kind] = sums.get(part.kind, 0.0) + part.energy_j.best
    whole = sum(sums.values())
    return {kind: sums[kind] / whole for kind in sorted(sums, key=lambda kind: -sums[kind])}
