"""Results as tables and text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nmc.metrics import metric_of
from nmc.report.scores import change, shown
from nmc.report.units import percent, si

if TYPE_CHECKING:
    from rich.table import Table

    from nmc.backends.target import RunResult
    from nmc.comparison import Comparison, Row
    from nmc.data_source import DataRecord
    from nmc.estimates.estimate import Estimate
    from nmc.estimates.interval import Interval
    from nmc.program import Program


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output, as wide as the terminal, or as its content where there is none."""
    import sys

    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(_table(header, rows))


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison's table, its notes, and where the programs are."""
    print(_heading(comparison))
    print_table(_HEADER, _rows(comparison))
    print("\n".join(_notes(comparison)))


def comparison_text(comparison: Comparison) -> str:
    """A comparison as text: heading, table, notes."""
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as capture:
        console.print(_table(_HEADER, _rows(comparison)))
    return "\n".join([_heading(comparison), capture.get(), *_notes(comparison)])


def run_text(program: Program, result: RunResult, estimate: Estimate | None) -> str:
    """A run as text: what came out, and what one inference costs, component by component."""
    events = result.events
    lines = [
        f"{program.name} on {program.target}: {events.samples} samples, {events.steps} steps,"
        f" {si(result.seconds, 's')} on this machine"
    ]
    first = result.outputs[program.model.graph.outputs[0]]
    if first.ndim == 2 and first.shape[1] > 1:
        classes = " ".join(str(int(index)) for index in first[:20].argmax(axis=-1))
        lines.append(f"classes: {classes}{' ...' if len(first) > 20 else ''}")
    return "\n".join([*lines, *(estimate_lines(estimate) if estimate else [f"one inference: {NO_CHIP}"])])


def estimate_lines(estimate: Estimate) -> list[str]:
    """An estimate, component by component, each with its grade and source."""
    lines = [
        f"one inference: energy {_spread(estimate.energy_j, 'J', estimate.missing)} ({estimate.baseline}),"
        f" latency {_spread(estimate.latency_s, 's')}"
    ]
    for part in estimate.components:
        cost = [_spread(part.energy_j, "J")] if part.energy_j else []
        cost += [_spread(part.latency_s, "s")] if part.latency_s else []
        lines.append(f"  {part.name:24} {', '.join(cost):44} {part.grade}: {part.source}")
    lines += [f"  not included, never published: {what}" for what in estimate.missing]
    if (measured := estimate.measured) is not None:
        energy = "no meter" if measured.energy_j is None else si(measured.energy_j, "J")
        lines.append(f"measured on {measured.device}: energy {energy}, latency {si(measured.latency_s, 's')}")
    return lines


NO_CHIP = "no energy, no latency: this is a simulator with no chip behind it"
_HEADER = ("target", "chip", "score", "vs float", "agreement", "energy / inference", "latency", "grade")


def _heading(comparison: Comparison) -> str:
    lower = " (lower is better)" if metric_of(comparison.metric).direction == "lower" else ""
    return (
        f"{comparison.model}: {comparison.metric}{lower} on {comparison.samples} samples of {comparison.data};"
        f" the model itself (double precision) {shown(comparison.metric, comparison.reference_score)}"
    )


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    return [_cells(comparison, row) for row in comparison.rows]


def _cells(comparison: Comparison, row: Row) -> tuple[str, ...]:
    if row.score is None:
        return (row.target, row.chip, "refused", "", "", "", "", "")
    return (
        row.target,
        row.chip,
        shown(comparison.metric, row.score),
        change(comparison.metric, comparison.reference_score, row.score),
        percent(row.agreement),
        *_cost_cells(row.estimate),
    )


def _cost_cells(estimate: Estimate | None) -> tuple[str, str, str]:
    if estimate is None:
        return ("-", "-", "-")
    return (
        _spread(estimate.energy_j, "J", estimate.missing),
        _spread(estimate.latency_s, "s"),
        estimate.grade,
    )


def _notes(comparison: Comparison) -> list[str]:
    estimates = [row.estimate for row in comparison.rows if row.estimate]
    baselines = ", ".join(dict.fromkeys(estimate.baseline for estimate in estimates))
    notes = [
        f"energy: {baselines}; best value (low - high); the grade is that of the weakest number that matters"
    ] if estimates else []
    for row in comparison.rows:
        if row.refusal:
            notes.append(f"{row.target} refused: {row.refusal}")
        elif row.estimate is None:
            notes.append(f"{row.target}: {NO_CHIP}")
        for what in row.estimate.missing if row.estimate else ():
            notes.append(f"{row.target}: not included, never published: {what}")
    notes += [f"{what} data: {_origin(record)}" for what, record in _records(comparison)]
    notes += [f"program for {row.target}: {row.program}" for row in comparison.rows if row.program]
    return notes


def _records(comparison: Comparison) -> list[tuple[str, DataRecord]]:
    records = (("test", comparison.test), ("calibration", comparison.calibration))
    return [(what, record) for what, record in records if record is not None]


def _origin(record: DataRecord) -> str:
    """Which samples of which data."""
    chosen, share = record.selection, record.selection.share
    parts = [f"{record.samples} samples of {record.name}", f"sha256 {record.digest[:12]}"]
    parts += [f"share {share[0]:g} to {share[1]:g}"] if share != (0.0, 1.0) else []
    return ", ".join(parts + ([f"shuffled with seed {chosen.seed}"] if chosen.seed is not None else []))


def _spread(interval: Interval | None, unit: str, missing: Sequence[str] = ()) -> str:
    """Best value with its interval, as in '48 uJ (20 uJ - 90 uJ)'; 'at least' where a price is missing."""
    if interval is None:
        return "-"
    least = "at least " if missing else ""
    return f"{least}{si(interval.best, unit)} ({si(interval.low, unit)} - {si(interval.high, unit)})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(*header, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    return table
