"""nmc compare: one model on many targets, at one setting or at many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import (
    CLUSTER,
    JSON,
    MODEL,
    OPTIONS,
    RESULTS,
    SEED,
    TARGETS,
    WORKERS,
    parse_options,
    print_json,
    progress,
    target_names,
)


def command(
    model: Annotated[str, MODEL],
    targets: Annotated[str | None, TARGETS] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", metavar="NAME=V1,V2", help="Values of an option; repeated, every combination."),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write .html, .csv, .md, .json or .parquet; repeatable."),
    ] = None,
    programs: Annotated[Path | None, typer.Option(help="Write the programs below this folder.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of a run.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    results: Annotated[Path | None, RESULTS] = None,
    cluster: Annotated[str, CLUSTER] = "auto",
    workers: Annotated[int | None, WORKERS] = None,
    seed: Annotated[int, SEED] = 0,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Compare accuracy, energy and latency across targets and settings, on a model's test set (random data without)."""
    from nmc import api
    from nmc.comparison import DEFAULT_TARGETS, compare_targets
    from nmc.report.comparison import print_comparison
    from nmc.report.files import check_file, write_file
    from nmc.report.plain import comparison_facts
    from nmc.sweeps.grid import merged_axes, parse_axes
    from nmc.sweeps.sweep import Workers

    names = target_names(targets) or DEFAULT_TARGETS
    for path in output or []:
        check_file(path)
    axes = merged_axes(parse_options(option, steps), parse_axes(sweep or []))
    chosen = api.load(model)
    with progress(f"comparing {chosen.name}") as tell:
        comparison = compare_targets(
            chosen,
            names,
            axes,
            samples=samples,
            seed=seed,
            source=model,
            programs=programs or (None if sweep else api.program_directory(chosen)),
            results=results or (api.results_file(chosen) if sweep else None),
            workers=Workers(cluster, workers),
            progress=tell,
        )
    for path in output or []:
        write_file(comparison, path)
    if json:
        print_json(comparison_facts(comparison))
    else:
        print_comparison(comparison)
        for path in output or []:
            typer.echo(f"written: {path}")
