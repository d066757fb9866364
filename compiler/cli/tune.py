"""nmc tune: the best targets and settings of a model within a budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import (
    CLUSTER,
    JSON,
    MODEL,
    RESULTS,
    SEED,
    TARGETS,
    WORKERS,
    print_json,
    progress,
    target_names,
)


def command(
    model: Annotated[str, MODEL],
    targets: Annotated[str | None, TARGETS] = None,
    min_accuracy: Annotated[float | None, typer.Option(min=0, max=1, help="At least so much, as in 0.97.")] = None,
    min_score: Annotated[float | None, typer.Option(help="The same for scores of other names.")] = None,
    max_error: Annotated[float | None, typer.Option(help="At most so much, for scores that are errors.")] = None,
    max_energy: Annotated[str | None, typer.Option(help="At most so much for an inference, as in '500 uJ'.")] = None,
    max_latency: Annotated[str | None, typer.Option(help="At most so long for an inference, as in 5ms.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="An energy that leaves out prices may be within --max-energy.")
    ] = False,
    trials: Annotated[int, typer.Option(min=1, help="How many settings to measure at most.")] = 50,
    method: Annotated[str, typer.Option(help="How to search: tpe or nsga2.")] = "tpe",
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", metavar="NAME=V1,V2", help="Values of an option to choose from; may be repeated."),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write .html, .csv, .md, .json or .parquet; repeatable."),
    ] = None,
    results: Annotated[Path | None, RESULTS] = None,
    cluster: Annotated[str, CLUSTER] = "auto",
    workers: Annotated[int | None, WORKERS] = None,
    seed: Annotated[int, SEED] = 0,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Search targets and settings for low energy, low latency and high accuracy; exit with 1 if none is within."""
    from nmc import api
    from nmc.comparison import DEFAULT_TARGETS
    from nmc.model import Budget
    from nmc.report.files import check_file, write_file
    from nmc.report.tuning import print_tuning, tuning_facts
    from nmc.sweeps.grid import parse_axes
    from nmc.sweeps.sweep import Workers
    from nmc.tuning.tune import tune
    from nmc.units.parse import energy_j, time_s

    for path in output or []:
        check_file(path)
    budget = Budget(
        min_accuracy,
        _quantity(energy_j, max_energy),
        _quantity(time_s, max_latency),
        min_score=min_score,
        max_error=max_error,
        allow_missing=allow_missing,
    )
    chosen = api.load(model)
    with progress(f"tuning {chosen.name}") as tell:
        tuning = tune(
            chosen,
            target_names(targets) or DEFAULT_TARGETS,
            budget,
            axes=parse_axes(sweep or []),
            method=method,
            trials=trials,
            samples=samples,
            seed=seed,
            source=model,
            results=results or api.results_file(chosen),
            workers=Workers(cluster, workers),
            progress=tell,
        )
    for path in output or []:
        write_file((tuning.measured,), path)
    if json:
        print_json(tuning_facts(tuning))
    else:
        print_tuning(tuning)
    if not tuning.chosen:
        raise typer.Exit(1)


def _quantity(read: Callable[[object, str], float], text: str | None) -> float | None:
    """A limit with its unit. Raises UsageError."""
    from nmc.errors import UsageError
    from nmc.units.parse import UnitError

    try:
        return None if text is None else read(text, "a limit")
    except UnitError as error:
        raise UsageError(f"{text!r} is no limit: {error}", "write it with its unit, as in 5ms or '500 uJ'") from None
