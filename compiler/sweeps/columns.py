"""A result in flat columns: what tables, CSV files, data frames and the store's queries see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmc.sweeps.result import Cost, PointResult

COLUMNS: Mapping[str, str] = {
    "model": "VARCHAR",
    "target": "VARCHAR",
    "chip": "VARCHAR",
    "metric": "VARCHAR",
    "samples": "BIGINT",
    "reference_score": "DOUBLE",
    "score": "DOUBLE",
    "score_low": "DOUBLE",
    "score_high": "DOUBLE",
    "agreement": "DOUBLE",
    "steps": "BIGINT",
    "energy_low_j": "DOUBLE",
    "energy_best_j": "DOUBLE",
    "energy_high_j": "DOUBLE",
    "energy_at_least": "BOOLEAN",
    "latency_low_s": "DOUBLE",
    "latency_best_s": "DOUBLE",
    "latency_high_s": "DOUBLE",
    "baseline": "VARCHAR",
    "grade": "VARCHAR",
    "refusal": "VARCHAR",
    "seed": "BIGINT",
    "nmc": "VARCHAR",
    "model_digest": "VARCHAR",
    "data_digest": "VARCHAR",
    "command": "VARCHAR",
}
"""The columns of a result, each with its type in SQL. Units are in the names."""

Value = str | int | float | bool | None


def column_values(result: PointResult) -> tuple[Value, ...]:
    """The values of the columns, in their order."""
    cost = result.cost
    return (
        result.model, result.target, result.chip, result.metric, result.data.samples, result.reference_score,
        result.score, *(result.score_interval or (None, None)), result.agreement, result.steps,
        *(_NO_COST if cost is None else _cost_values(cost)), result.refusal, result.seed,
        result.nmc, result.model_digest, result.data.digest, result.command,
    )  # fmt: skip


def option_columns(results: Sequence[PointResult]) -> tuple[str, ...]:
    """The options that were chosen in any of the results, in the order in which they come up."""
    return tuple(dict.fromkeys(name for result in results for name in result.given))


def records(results: Sequence[PointResult]) -> list[dict[str, Value]]:
    """Each result as a flat record: its columns, the chosen options of all results, and whether it is on the front.

    `scored_on` is the role of the data, `findings` the names of the warnings. Options are called "option.NAME"; None
    where a target does not have it.
    """
    from nmc.sweeps.front import pareto_front

    front, options = pareto_front(results), option_columns(results)
    return [
        {
            **dict(zip(COLUMNS, column_values(result), strict=True)),
            **{f"option.{name}": result.options.get(name) for name in options},
            "front": result.key in front,
            "scored_on": result.data.role,
            "findings": " ".join(dict.fromkeys(finding.name for finding in result.findings)) or None,
            "key": result.key,
        }
        for result in results
    ]


_NO_COST: tuple[Value, ...] = (None,) * 9


def _cost_values(cost: Cost) -> tuple[Value, ...]:
    energy, latency = cost.energy_j, cost.latency_s
    return (
        energy.low, energy.best, energy.high, bool(cost.missing), latency.low, latency.best, latency.high,
        cost.baseline, cost.grade,
    )  # fmt: skip
