"""A comparison as a table and notes, for terminals and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.metrics import counted_in, lower_is_better
from nmc.report.printing import say
from nmc.report.scores import change, score_name, shown
from nmc.report.terminal import NO_CHIP, print_table, spread, table_text
from nmc.units.text import percent

if TYPE_CHECKING:
    from nmc.comparison import Comparison
    from nmc.data_source import DataRecord
    from nmc.sweeps.result import Cost, PointResult

_RESULTS = ("score", "vs float", "agreement", "energy / inference", "latency", "grade")
_FRONT = "*"
_ZOO = ("model", "target", "metric", "score", "energy", "latency", "grade, or why there is no number")


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison's table and its notes, with where the programs and results are."""
    say("\n".join([heading(comparison), *warnings(comparison)]))
    print_table(header(comparison), cells(comparison))
    say("\n".join([*_legend(comparison), *notes(comparison)]))


def print_zoo(comparisons: Sequence[Comparison]) -> None:
    """Print one table of several models: a line for each model and target, with its cost or why there is none.

    Below it stand the warnings of each model.
    """
    print_table(_ZOO, [line for comparison in comparisons for line in map(_zoo_cells, comparison.rows)])
    for comparison in comparisons:
        for finding in comparison.findings:
            say(f"WARNING {comparison.model}: {finding}")
    say("energy and latency of one inference, best value (low - high); refusals in full: -o zoo.json, -o zoo.html")


def _zoo_cells(row: PointResult) -> tuple[str, ...]:
    name = score_name(row.metric, row.data.role)
    if row.refusal is not None:
        reason = re.sub(r"^.*?\.yaml(:\d+)*: ", "", row.refusal.partition("\n")[0])
        return (row.model, row.target, name, "refused", "", "", reason)
    score, _, _, *cost = result_cells(row)
    return (row.model, row.target, name, score, *cost[:2], cost[2] if row.cost else NO_CHIP)


def comparison_text(comparison: Comparison) -> str:
    """A comparison as text: heading, table, notes."""
    table = table_text(header(comparison), cells(comparison))
    lines = [heading(comparison), *warnings(comparison), table, *_legend(comparison), *notes(comparison)]
    return clean("\n".join(lines))


def comparison_markdown(comparison: Comparison) -> str:
    """The same in Markdown."""
    from nmc.report.markdown import escaped, table

    warned = [f"- {escaped(said)}" for said in warnings(comparison)]
    listed = [f"- {escaped(said)}" for said in (*_legend(comparison), *notes(comparison))]
    drawn = table(header(comparison), cells(comparison))
    return "\n".join([escaped(heading(comparison)), "", *warned, *([""] if warned else []), drawn, "", *listed, ""])


def heading(comparison: Comparison) -> str:
    """What was compared, on which data, and how good the model itself is; on stand-in data, that nothing says that."""
    if (role := comparison.test.role) != "test":
        lower = ", lower is better" if lower_is_better(comparison.metric) else ""
        return (
            f"{comparison.model}: {score_name(comparison.metric, role)}{lower}, {comparison.samples} samples: how far"
            " each target follows the model itself, not how good the model is (there is no test data)"
        )
    lower = " (lower is better)" if lower_is_better(comparison.metric) else ""
    return (
        f"{comparison.model}: {comparison.metric}{lower} on {comparison.samples} {counted_in(comparison.metric)} of"
        f" {comparison.data};"
        f" the model itself (double precision) {shown(comparison.metric, comparison.reference_score)}"
    )


def header(comparison: Comparison) -> tuple[str, ...]:
    """The table's heading; of a sweep with settings, and marks for the front."""
    acts = counted_in(comparison.metric) == "episodes"
    results = [name.replace("inference", "decision") if acts else name for name in _RESULTS]
    if comparison.test.role != "test":
        results[0] = f"{score_name(comparison.metric, comparison.test.role).partition(' (')[0]} (95 %)"
    return ("", "target", "setting", *results) if comparison.swept else ("target", "chip", *results)


def cells(comparison: Comparison) -> list[tuple[str, ...]]:
    """The table's lines."""
    if not comparison.swept:
        return [(row.target, row.chip, *result_cells(row)) for row in comparison.rows]
    return [
        (_FRONT if row.key in comparison.front else "", row.target, setting_text(row), *result_cells(row))
        for row in comparison.rows
    ]


def setting_text(row: PointResult) -> str:
    """The options that were chosen, as in "steps=8 weight_bits=4"."""
    return " ".join(f"{name}={value}" for name, value in row.given.items())


def result_cells(row: PointResult) -> tuple[str, ...]:
    """A row's score, cost and grade."""
    if row.score is None:
        return ("refused", "", "", "", "", "")
    difference = change(row.metric, row.reference_score, row.score)
    return (_score_cell(row), difference, percent(row.agreement), *_cost_cells(row.cost))


def _score_cell(row: PointResult) -> str:
    """The score; of stand-in data with its interval."""
    score = shown(row.metric, row.score)
    if row.data.role == "test" or row.score_interval is None:
        return score
    low, high = (shown(row.metric, end).removesuffix(" %") for end in row.score_interval)
    return f"{score} ({low} - {high})"


def _cost_cells(cost: Cost | None) -> tuple[str, str, str]:
    if cost is None:
        return ("-", "-", "-")
    return spread(cost.energy_j, "J", cost.missing), spread(cost.latency_s, "s"), cost.grade


def _legend(comparison: Comparison) -> list[str]:
    """What the marks mean, where there are any."""
    said = f"{_FRONT} on the Pareto front: no other row is as good in energy, latency and score, and better in one"
    return [said] if comparison.swept else []


def notes(comparison: Comparison) -> list[str]:
    """What is to be known about the table, each once."""
    costs = [row.cost for row in comparison.rows if row.cost]
    baselines = ", ".join(dict.fromkeys(cost.baseline for cost in costs))
    found = [
        f"energy: {baselines}; best value (low - high); the grade is that of the weakest number that matters"
    ] if costs else []  # fmt: skip
    found += dict.fromkeys(note for row in comparison.rows for note in _row_notes(row, comparison.swept))
    found += [f"{what}: {data_origin(record)}" for what, record in _records(comparison)]
    if not comparison.swept:
        found += [
            f"program for {row.target}: {comparison.programs[row.key]}"
            for row in comparison.rows if row.key in comparison.programs
        ]  # fmt: skip
    return found + ([f"results: {comparison.results}"] if comparison.results is not None else [])


def warnings(comparison: Comparison) -> list[str]:
    """The warnings, each with its remedy."""
    return [f"WARNING {finding}" for finding in comparison.findings]


def _row_notes(row: PointResult, swept: bool) -> Iterable[str]:
    if row.refusal:
        setting = setting_text(row) if swept else ""
        yield f"{row.target} {setting}{' ' if setting else ''}refused: {row.refusal}"
    elif row.cost is None:
        yield f"{row.target}: {NO_CHIP}"
    for what in row.cost.missing if row.cost else ():
        yield f"{row.target}: not included, never published: {what}"


def _records(comparison: Comparison) -> list[tuple[str, DataRecord]]:
    tested = "test data" if comparison.test.role == "test" else "compared on"
    records = ((tested, comparison.test), ("calibration data", comparison.calibration))
    return [(what, record) for what, record in records if record is not None]


def data_origin(record: DataRecord) -> str:
    """Which samples of which data."""
    chosen, share = record.selection, record.selection.share
    parts = [f"{record.samples} samples of {record.name}", f"sha256 {record.digest[:12]}"]
    parts += [f"share {share[0]:g} to {share[1]:g}"] if share != (0.0, 1.0) else []
    return ", ".join(parts + ([f"shuffled with seed {chosen.seed}"] if chosen.seed is not None else []))
