"""nmc evolve: a program evolved on the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, MODEL, OPTIONS, SEED, parse_options, print_json, progress


def command(
    model: Annotated[str, MODEL],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder of the program.")],
    target: Annotated[str, typer.Option("--target", "-t", help="The emulated chip that it evolves for.")] = "loihi-sim",
    option: Annotated[list[str] | None, OPTIONS] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of a run.")] = None,
    generations: Annotated[int, typer.Option(min=1, help="How many generations.")] = 40,
    population: Annotated[int, typer.Option(min=4, help="Candidates of a generation.")] = 24,
    batch: Annotated[int, typer.Option(min=1, help="Training samples that judge a generation.")] = 256,
    sigma: Annotated[float, typer.Option(help="How far the first candidates spread.")] = 0.05,
    genes: Annotated[str, typer.Option(help="What evolves: layers, channels or weights.")] = "channels",
    seconds: Annotated[float | None, typer.Option(help="Start no generation later than this.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many threads; one for each core without.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    as_model: Annotated[
        Path | None, typer.Option(help="A folder for the network of neurons that compiles to the program.")
    ] = None,
    seed: Annotated[int, SEED] = 0,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Evolve the integers of a compiled program on the emulator, without a gradient."""
    from nmc import api
    from nmc.evolution.evolve import evolve
    from nmc.evolution.generations import EvolutionOptions
    from nmc.evolution.genome import genes_named
    from nmc.evolution.search import Strategy
    from nmc.frontends.dump import dump, require_free
    from nmc.report.evolution import evolution_facts, print_evolution

    if as_model is not None:
        require_free(as_model)
    options = EvolutionOptions(
        generations, batch, genes_named(genes), Strategy(population, sigma, seed), seconds, workers
    )
    given = api.load(model)
    with progress(f"evolving {given.name}") as tell:
        done = evolve(
            given, target, output, options,
            target_options=parse_options(option, steps), samples=samples, progress=tell,
        )  # fmt: skip
    if as_model is not None:
        dump(done.model(), as_model)
    if json:
        print_json(evolution_facts(done))
    else:
        print_evolution(done)
