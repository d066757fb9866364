"""nmc run: a program on samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, print_json, progress
from nmc.report.printing import say


def command(
    program: Annotated[Path, typer.Argument(help="A directory that 'nmc compile' wrote.")],
    input: Annotated[
        Path, typer.Option("--input", "-i", help="Samples: .npy, or .npz with 'x'; several inputs: each by its name.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write what it puts out to this .npz; with --learn, the new program here."),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="Which engine runs it (see 'nmc targets').")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of the run.")] = None,
    record: Annotated[Path | None, typer.Option(help="Record every step in this directory (Loihi, native).")] = None,
    raster: Annotated[Path | None, typer.Option(help="Draw the spikes of a sample: .svg or .html.")] = None,
    sample: Annotated[int, typer.Option(min=0, help="The sample to draw.")] = 0,
    learn: Annotated[
        bool, typer.Option("--learn", help="Samples in sequence: weights go from each to the next, and into -o.")
    ] = False,
    freeze: Annotated[bool, typer.Option("--freeze", help="With --learn: the new program learns no more.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warn where the engine may differ from the chip.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Run a program on samples; prints what it puts out and what one inference costs."""
    from nmc import api, pipeline
    from nmc.datasets import read_samples, write_arrays
    from nmc.errors import UsageError
    from nmc.report.plain import run_facts
    from nmc.report.terminal import run_text

    if raster is not None:
        from nmc.report.raster import check_name

        check_name(raster)
    loaded = api.load_program(program)
    samples = read_samples(input, loaded.model)
    if learn and (output is None or record is not None or raster is not None or strict):
        raise UsageError(
            "--learn takes -o, a directory for the program that it leaves, and no --record, --raster or --strict",
            "run the new program with those",
        )
    if freeze and not learn:
        raise UsageError("--freeze says what --learn leaves", "give --learn, too")
    with progress(f"running {loaded.name}") as tell:
        tell(loaded.target, 0, 1)
        if learn and output is not None:
            result = api.learn(loaded, samples.x, output, freeze=freeze, engine=engine, steps=steps).learned.result
        else:
            result = api.run(loaded, samples.x, engine=engine, steps=steps, record=record, strict=strict)
        if raster is not None:
            api.raster(loaded, samples.x, raster, sample=sample, engine=engine, steps=steps)
    estimate = pipeline.estimate_run(loaded, result)
    for warning in result.warnings:
        say(f"nmc: warning: {warning}", error=True)
    if output is not None and not learn:
        write_arrays(output, result.outputs)
    if json:
        print_json(run_facts(loaded, result, estimate, samples.record))
    else:
        say(run_text(loaded, result, estimate))
