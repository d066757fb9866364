"""nmc compare: one model on many targets, at one setting or at many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from nmc.errors import UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.comparison import Comparison
    from nmc.sweeps.grid import Axes
    from nmc.sweeps.sweep import Workers

ZOO = typer.Option("--zoo", help="Every model of the zoo, on every target unless --targets names some.")


def command(
    model: Annotated[str | None, MODEL] = None,
    zoo: Annotated[bool, ZOO] = False,
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
    from nmc.report.comparison import print_comparison, print_zoo
    from nmc.report.files import check_file, write_file
    from nmc.report.plain import comparison_facts
    from nmc.sweeps.grid import merged_axes, parse_axes
    from nmc.sweeps.sweep import Workers

    for path in output or []:
        check_file(path)
    who = Workers(cluster, workers)
    names = target_names(targets)
    found: tuple[Comparison, ...]
    if model is not None and not zoo:
        axes = merged_axes(parse_options(option, steps), parse_axes(sweep or []))
        found = (_one(model, names, axes, samples, seed, bool(sweep), programs, results, who),)
    elif zoo and model is None and not (sweep or option or steps or programs):
        found = _zoo(names, samples, seed, results, who)
    else:
        raise UsageError(
            "nmc compare takes a model, or --zoo without a model and its options",
            "write 'nmc compare MODEL' (see 'nmc models'), or 'nmc compare --zoo'",
        )
    for path in output or []:
        write_file(found, path)
    if json:
        facts = [comparison_facts(comparison) for comparison in found]
        print_json(facts if zoo else facts[0])
        return
    if zoo:
        print_zoo(found)
    else:
        print_comparison(found[0])
    for path in output or []:
        say(f"written: {path}")


def _one(
    model: str,
    targets: tuple[str, ...] | None,
    axes: Axes,
    samples: int | None,
    seed: int,
    swept: bool,
    programs: Path | None,
    results: Path | None,
    workers: Workers,
) -> Comparison:
    from nmc import api
    from nmc.comparison import DEFAULT_TARGETS, compare_targets

    chosen = api.load(model)
    with progress(f"comparing {chosen.name}") as tell:
        return compare_targets(
            chosen,
            targets or DEFAULT_TARGETS,
            axes,
            samples=samples,
            seed=seed,
            source=model,
            programs=programs or (None if swept else api.program_directory(chosen)),
            results=results or (api.results_file(chosen) if swept else None),
            workers=workers,
            progress=tell,
        )


def _zoo(
    targets: tuple[str, ...] | None, samples: int | None, seed: int, results: Path | None, workers: Workers
) -> tuple[Comparison, ...]:
    from nmc.zoo_comparison import compare_zoo

    with progress("comparing the zoo") as tell:
        return compare_zoo(targets, samples=samples, seed=seed, results=results, workers=workers, progress=tell)
