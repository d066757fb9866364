"""nmc diff: where two runs part, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, OPTIONS, print_json
from nmc.report.printing import say

_SIDE = "a model, a program (PROGRAM or PROGRAM:ENGINE), or a recording (.npz, or a directory of --record)"


def command(
    a: Annotated[str, typer.Argument(help=f"What is right: {_SIDE}.")],
    b: Annotated[
        str | None, typer.Argument(help="What to hold against it, likewise; without, a program against its own graph.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="Compile the model A for this target as B.")
    ] = None,
    input: Annotated[
        Path | None, typer.Option("--input", "-i", help="Samples: .npy, or .npz with an array 'x'.")
    ] = None,
    engine_a: Annotated[str | None, typer.Option(help="The engine of A; 'reference' is what its graph means.")] = None,
    engine_b: Annotated[str | None, typer.Option(help="The engine of B.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of the run.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="How many samples at most; 16 without.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Find the first layer, step and neuron at which two runs part, and the rule that explains it.

    Exit code 1 where they part.
    """
    from nmc import api
    from nmc.cli.output import parse_options
    from nmc.datasets import read_samples
    from nmc.differences.opening import network_of
    from nmc.report.differences import difference_text

    x = None if input is None else read_samples(input, network_of(a, b)).x
    found = api.diff(
        a, b, x, target=target, engine_a=engine_a, engine_b=engine_b,
        steps=steps, samples=samples, options=parse_options(option),
    )  # fmt: skip
    if json:
        print_json({**vars(found), "equal": found.equal, "same": found.same})
    else:
        say(difference_text(found))
    if not found.equal:
        raise typer.Exit(1)
