"""nmc run: a program on samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, print_json, progress


def command(
    program: Annotated[Path, typer.Argument(help="A directory that 'nmc compile' wrote.")],
    input: Annotated[Path, typer.Option("--input", "-i", help="Samples: .npy, or .npz with an array 'x'.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write what it puts out to this .npz.")] = None,
    engine: Annotated[str | None, typer.Option(help="Which engine runs it (see 'nmc targets').")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of the run.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Run a program on samples; prints what it puts out and what one inference costs."""
    from nmc import api
    from nmc.datasets import read_samples, write_arrays
    from nmc.report.plain import run_facts
    from nmc.report.terminal import run_text

    loaded = api.load_program(program)
    samples = read_samples(input)
    with progress(f"running {loaded.name}") as tell:
        tell(loaded.target, 0, 1)
        result = api.run(loaded, samples, engine=engine, steps=steps)
    estimate = api.estimate(loaded, result)
    if output is not None:
        write_arrays(output, result.outputs)
    if json:
        print_json(run_facts(loaded, result, estimate))
    else:
        typer.echo(run_text(loaded, result, estimate))
