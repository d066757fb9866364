"""nmc compile: a model to a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmc.cli.output import JSON, MODEL, OPTIONS, TARGET_HELP, parse_level, parse_options, print_json, progress
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.model import Model


def command(
    model: Annotated[str, MODEL],
    target: Annotated[str, typer.Option("--target", "-t", help=TARGET_HELP)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The program's directory.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of a run.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    verify: Annotated[str, typer.Option(
        metavar="brief|full|none", help="How much of the program is run and compared before it is written.",
    )] = "brief",
    dump: Annotated[Path | None, typer.Option(help="Write the graph after every pass to this directory.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Compile a model for a target, verify the program, and write it whole or not at all."""
    from nmc import api, pipeline
    from nmc.backends import target_named
    from nmc.passes.dump import Dump

    level = parse_level(verify)
    aim, chosen = target_named(target), api.load(model)
    directory = output or api.program_directory(chosen, aim.name)
    stages = Dump()
    with progress(f"compiling {chosen.name}") as tell:
        def watch(name: str, result: Model) -> None:
            stages.add(name, result)
            tell(name, len(stages), 0)

        try:
            program = pipeline.compile_model(chosen, aim, directory, parse_options(option, steps), watch, level)
        finally:
            if dump is not None:
                stages.write(dump)
    if json:
        print_json({"program": program.path, **vars(program.manifest)})
        return
    size = sum(record.bytes for record in program.manifest.files.values())
    say(f"{program.name} for {program.target}: {len(program.model.graph)} nodes, {size / 1024:.0f} KiB")
    say(f"verified: {program.manifest.verified}")
    say(f"program: {program.path}")
    if dump is not None:
        say(f"graphs after {len(stages)} steps: {dump}")
