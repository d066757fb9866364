"""nmc opt: passes on a graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nmc import api, pipeline
from nmc.errors import UsageError
from nmc.frontends import graph_text
from nmc.model import Model
from nmc.passes import apply
from nmc.passes.pipelines import parse
from nmc.report.printing import say


def command(
    graph: Annotated[str, typer.Argument(
        help="A model of the zoo, a model file, or the text of a graph: a .txt file, or - for standard input.",
    )],
    passes: Annotated[str, typer.Option(
        "--passes", "-p", metavar="PASSES",
        help="As in 'fold-batchnorm,quantize-int8{ranges=mse}'; @TARGET for all of a target's (see docs/pipelines.md).",
    )],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the text to this .txt file, and the arrays beside it.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(
        help="Samples for passes that measure: .npy, or .npz with 'x'; several inputs: each by its name.",
    )] = None,
) -> None:
    """Run passes on a graph, each result checked, and print the graph that comes of it as text."""
    chosen = parse(passes)
    if output is not None and output.suffix != ".txt":
        raise UsageError(f"{output} is no .txt file", f"write {output.with_suffix('.txt')}")
    model = _model(graph)
    samples = pipeline.samples_of(model, calibration)
    if calibration is not None:
        samples()  # so that a file is never just left unread
    result = apply(chosen, model, samples)
    if output is None:
        say(str(result.graph))
    else:
        say(f"{output}: {len(result.graph)} nodes; their arrays: {graph_text.save(result, output)}")


def _model(graph: str) -> Model:
    if graph != "-" and not graph.endswith(".txt"):
        return api.load(graph).checked()
    path = Path(graph)
    if graph == "-" or not graph_text.beside(path).is_file():
        say("nmc: note: a text has no arrays, so they are drawn at random", error=True)
    return graph_text.from_text(sys.stdin.read(), "standard input") if graph == "-" else graph_text.load(path)
