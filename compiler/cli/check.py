"""nmc check: a model held to its budgets, as a gate in CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, MODEL, print_json, progress, target_names
from nmc.report.printing import say


def command(
    model: Annotated[str, MODEL],
    targets: Annotated[
        str | None,
        typer.Option(
            "--targets", "--target", "-t", help="Targets, separated by commas; without, all that have a budget."
        ),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Hold the results to those in this file, too.")] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the results to the file of --baseline instead.")
    ] = False,
    tolerance: Annotated[
        str, typer.Option(help="How much more energy, latency or error than the baseline is taken.")
    ] = "5%",
    score_tolerance: Annotated[
        str, typer.Option(help="How far accuracy (or another score) may fall below the baseline, in points.")
    ] = "0.5%",
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML report to this file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request to this file.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Hold a model to the budgets in its model.yaml, on emulators; exit with 1 where one is broken."""
    from nmc import api
    from nmc.checks.check import check_model
    from nmc.checks.regression import Tolerance
    from nmc.errors import ModelError, UsageError
    from nmc.report.check_tables import check_facts, check_markdown, check_table
    from nmc.report.junit import check_junit
    from nmc.system.files import write_text

    if update_baseline and baseline is None:
        raise UsageError("--update-baseline needs a file", "name it, as in '--baseline baseline.json'")
    allowed = Tolerance(_share(tolerance, "--tolerance"), _share(score_tolerance, "--score-tolerance"))
    names = target_names(targets)
    chosen = api.load(model)
    with progress(f"checking {chosen.name}") as tell:
        check = check_model(
            chosen,
            names,
            samples=samples,
            baseline=baseline,
            update=update_baseline,
            tolerance=allowed,
            progress=tell,
        )
    if junit is not None:
        write_text(junit, check_junit(check))
    if markdown is not None:
        write_text(markdown, check_markdown(check))
    if json:
        print_json(check_facts(check))
        raise typer.Exit(1 if check.faults else 0)
    say(check_table(check))
    if update_baseline:
        say(f"baseline: {baseline}")
    if check.faults:
        raise ModelError.of(check.faults)


def _share(text: str, option: str) -> float:
    """A share written as a percentage. Raises UsageError."""
    from math import inf

    from nmc.errors import UsageError

    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = -1.0
    if not percent or rest or not 0 <= share < inf:
        raise UsageError(f"{option} takes a percentage, got {text!r}", f"write it as in '{option} 5%'")
    return share
