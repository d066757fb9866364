"""nmc compare: one model on many targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, MODEL, OPTIONS, parse_options, print_json, progress


def command(
    model: Annotated[str, MODEL],
    targets: Annotated[
        str | None, typer.Option("--targets", "-t", help="Target names, separated by commas; a default set without.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the programs below this folder.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of a run.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Compare a model's accuracy, energy and latency across targets, on its test set, or random samples without."""
    from nmc import api
    from nmc.comparison import DEFAULT_TARGETS, compare_targets
    from nmc.errors import UsageError
    from nmc.report.terminal import print_comparison

    names = tuple(filter(None, map(str.strip, targets.split(",")))) if targets is not None else DEFAULT_TARGETS
    if not names:
        raise UsageError("--targets names no target", "give names separated by commas, as in cpu,loihi-sim")
    chosen = api.load(model)
    with progress(f"comparing {chosen.name}") as tell:
        comparison = compare_targets(
            chosen,
            names,
            output or api.program_directory(chosen),
            samples=samples,
            options=parse_options(option, steps),
            progress=tell,
        )
    if json:
        print_json(comparison)
    else:
        print_comparison(comparison)
