"""nmc convert: an ordinary network to one of neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, MODEL, OPTIONS, parse_options, print_json, progress
from nmc.report.printing import say


def command(
    model: Annotated[str, MODEL],
    target: Annotated[str, typer.Option("--target", "-t", help="What it is converted for (see 'nmc targets').")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The folder to write; NAME without.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of a run.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Show layer by layer what the conversion loses, and the scores.")
    ] = False,
    samples: Annotated[
        int | None, typer.Option(min=1, help="With --report: use only the first samples of the test set.")
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Turn an ordinary network into one of neurons, a folder with model.yaml and weights that every command takes."""
    from nmc import api, pipeline
    from nmc.accuracy_losses import report as measured
    from nmc.backends import target_named
    from nmc.frontends.dump import dump
    from nmc.report.conversion import print_conversion
    from nmc.report.plain import zoo_facts

    given = api.load(model)
    chosen = target_named(target)
    options = parse_options(option, steps)
    with progress(f"converting {given.name}") as tell:
        conversion = pipeline.convert(given, chosen, chosen.configured(options))
        converted = conversion.converted.model
        written = dump(converted, output or Path(converted.name))
        tell("measuring", 1, 2)
        losses = measured(conversion, chosen, options, samples) if report else None
    facts = zoo_facts(converted.name, converted)
    if json:
        print_json({"file": written, **vars(facts), **({} if losses is None else {"report": losses})})
        return
    say(f"{converted.name}: {facts.nodes} nodes, {facts.parameters:,} parameters, {converted.steps} steps")
    if losses is not None:
        print_conversion(losses)
    say(f"model: {written}")
