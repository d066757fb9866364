"""Results as tables and text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.report.plain import classes_of
from nmc.units.text import si

if TYPE_CHECKING:
    from rich.table import Table

    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.program import Program
    from nmc.units.interval import Interval


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output, as wide as the terminal, or as its content where there is none."""
    import sys

    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(_table(header, rows))


def table_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The same table as text."""
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as capture:
        console.print(_table(header, rows))
    return capture.get()


def run_text(program: Program, result: RunResult, estimate: Estimate | None) -> str:
    """A run as text: what came out, and what one inference costs, component by component."""
    events = result.events
    lines = [
        f"{program.name} on {program.target}: {events.samples} samples, {events.steps} steps,"
        f" {si(result.seconds, 's')} on this machine"
    ]
    first = result.outputs[program.model.graph.outputs[0]]
    if first.ndim == 2 and first.shape[1] > 1:
        classes = " ".join("NaN" if index is None else str(index) for index in classes_of(first[:20]))
        lines.append(f"classes: {classes}{' ...' if len(first) > 20 else ''}")
    return "\n".join([*lines, *(estimate_lines(estimate) if estimate else [f"one inference: {NO_CHIP}"])])


def estimate_lines(estimate: Estimate) -> list[str]:
    """An estimate, component by component, each with its grade and source."""
    lines = [
        f"one inference: energy {spread(estimate.energy_j, 'J', estimate.missing)} ({estimate.baseline}),"
        f" latency {spread(estimate.latency_s, 's')}"
    ]
    for part in estimate.components:
        cost = [spread(part.energy_j, "J")] if part.energy_j else []
        cost += [spread(part.latency_s, "s")] if part.latency_s else []
        lines.append(f"  {part.name:24} {', '.join(cost):44} {part.grade}: {part.source}")
    lines += [f"  not included, never published: {what}" for what in estimate.missing]
    if (measured := estimate.measured) is not None:
        energy = "no meter" if measured.energy_j is None else si(measured.energy_j, "J")
        lines.append(f"measured on {measured.device}: energy {energy}, latency {si(measured.latency_s, 's')}")
    return lines


NO_CHIP = "no energy, no latency: this is a simulator with no chip behind it"


def spread(interval: Interval | None, unit: str, missing: Sequence[str] = ()) -> str:
    """Best value with its interval, as in '48 uJ (20 uJ - 90 uJ)'; 'at least' where a price is missing."""
    if interval is None:
        return "-"
    least = "at least " if missing else ""
    return f"{least}{si(interval.best, unit)} ({si(interval.low, unit)} - {si(interval.high, unit)})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in header:
        table.add_column(Text(clean(name)))
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table
