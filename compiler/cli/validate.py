"""nmc validate: predicted beside measured, for every published measurement that nmc knows."""

from __future__ import annotations

from typing import Annotated

import typer

from nmc.cli.output import JSON, print_json
from nmc.report.printing import say


def command(
    chip: Annotated[str | None, typer.Option("--chip", help="Only the runs on this chip.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Hold the estimates against published measurements; fail where one is further off than it may be."""
    from nmc.errors import ModelError, UsageError, closest
    from nmc.report.terminal import print_table
    from nmc.report.validation_tables import ROW, SUMMARY, row_cells, row_facts, summary_cells
    from nmc.validation.bounds import broken
    from nmc.validation.comparison import all_rows, summaries

    rows = all_rows()
    if chip is not None:
        known = {row.run.chip for row in rows}
        if chip not in known:
            raise UsageError(f"no measurement of {chip!r} is known", closest(chip, known))
        rows = tuple(row for row in rows if row.run.chip == chip)
    faults = broken(rows)
    if json:
        print_json({"rows": [row_facts(row) for row in rows], "summary": summaries(rows), "broken": faults})
    else:
        for name in dict.fromkeys(row.set for row in rows):
            say(name)
            print_table(ROW, [row_cells(row) for row in rows if row.set == name])
        say("by device: errors are factors, sets weigh the same")
        print_table(SUMMARY, map(summary_cells, summaries(rows)))
    if faults:
        raise ModelError("; ".join(faults), "see docs/validation.md for how far off an estimate may be")
