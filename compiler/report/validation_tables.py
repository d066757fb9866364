"""Predicted beside measured as tables, for the terminal and the docs."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.report.markdown import table
from nmc.units.interval import Grade, Interval
from nmc.units.text import si
from nmc.validation.bounds import EXEMPT
from nmc.validation.comparison import Row, Summary, all_rows, summaries
from nmc.validation.measurements import measurement_sets

ROW = ("run", "chip", "quantity", "measured", "predicted", "ratio", "interval", "holds it", "grade", "use")
SUMMARY = ("chip", "use", "quantity", "numbers", "sets", "median error", "worst error", "bias", "in the interval")


@dataclass(frozen=True)
class RowFacts:
    """A row in plain values: joules, seconds or watts."""

    set: str
    run: str
    chip: str
    what: str
    baseline: str
    use: str
    basis: str
    measured: float
    predicted: Interval
    ratio: float
    hit: bool
    grade: Grade
    at_least: bool


def row_facts(row: Row) -> RowFacts:
    """A row for JSON."""
    return RowFacts(
        row.set, row.run.name, row.run.chip, row.measured.what, row.measured.baseline, row.run.use, row.measured.basis,
        row.measured.base, row.predicted, row.ratio, row.hit, row.grade, row.at_least,
    )  # fmt: skip


def row_cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    unit = {"latency": "s", "power": "W"}.get(row.measured.what, "J")
    what = row.measured.what if row.measured.what == "latency" else f"{row.measured.what}, {row.measured.baseline}"
    least = "at least " if row.at_least else ""
    return (
        row.run.name, row.run.chip, what, si(row.measured.base, unit), least + si(row.predicted.best, unit),
        f"{row.ratio:.2f}", f"{si(row.predicted.low, unit)} - {si(row.predicted.high, unit)}",
        "yes" if row.hit else "no", row.grade, row.run.use,
    )  # fmt: skip


def summary_cells(one: Summary) -> tuple[str, ...]:
    """A summary as text."""
    return (
        one.chip, one.use, one.what, str(one.rows), str(one.sets), f"x{one.median:.2f}", f"x{one.worst:.2f}",
        f"x{one.bias:.2f}", f"{one.coverage:.0%}",
    )  # fmt: skip


def validation() -> str:
    """Every set with its source and rows, the summary by device, and the exceptions, as Markdown."""
    rows = all_rows()
    parts = ["### By device", table(SUMMARY, map(summary_cells, summaries(rows)))]
    for found in measurement_sets():
        notes = [f"- {run.name}: {run.note}." for run in found.runs if run.note]
        mine = [row_cells(row) for row in rows if row.set == found.name]
        parts += [f"### {found.title} (`{found.name}`)", found.source, *(["\n".join(notes)] if notes else [])]
        parts.append(table(ROW, mine))
    parts += ["### Further off than the rule", table(
        ("run", "quantity", "off by at most", "why"), [(e.run, e.what, f"x{e.worst:g}", e.why) for e in EXEMPT]
    )]  # fmt: skip
    return "\n\n".join(parts)
