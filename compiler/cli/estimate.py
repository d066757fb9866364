"""nmc estimate: what a network would cost of which only the layers are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmc.cli.output import JSON, print_json
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.graph import Graph


def command(
    network: Annotated[
        str, typer.Argument(help="A published network, a file with a graph as text, a model, or a program.")
    ],
    chip: Annotated[
        str | None,
        typer.Option(
            "--chip", "-c", "--target", "-t", help="A chip, the YAML file of one, or a target; a program has its own."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Time steps of an inference.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Samples in a call (GPU, TPU).")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, fp16, bf16 or int8 (GPU, TPU).")] = None,
    mode: Annotated[str | None, typer.Option(help="The power mode (GPU).")] = None,
    io: Annotated[str | None, typer.Option(help="How the chip is fed (many-core chips).")] = None,
    prices: Annotated[str | None, typer.Option(help="The price profile (many-core chips).")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Spikes of a neuron in a step (many-core chips).")] = None,
    baseline: Annotated[str, typer.Option(help="total, dynamic or active.")] = "total",
    json: Annotated[bool, JSON] = False,
) -> None:
    """Estimate energy and latency from layers alone: no weights, nothing is run."""
    from nmc import api
    from nmc.backends import chip_named
    from nmc.errors import UsageError
    from nmc.estimates.estimate import baseline_named
    from nmc.estimates.weightless import Conditions, conditions_of, conditions_of_program, estimate_network
    from nmc.program import is_program
    from nmc.report.terminal import estimate_lines

    described = None if chip is None else chip_named(chip)
    if is_program(Path(network)):
        program = api.load_program(network)
        base, graph = conditions_of_program(program, elsewhere=described is not None), program.model.graph
        described = described or api.chip_of(program)
    elif described is not None:
        base, graph = Conditions(), _graph(network)
    else:
        raise UsageError(f"{network} has no chip of its own", "name one, as in '--chip loihi1'")
    chosen = conditions_of(
        steps=steps, batch=batch, precision=precision, mode=mode, io=io, prices=prices, rate=rate, base=base
    )
    estimate = estimate_network(graph, described, chosen).above(baseline_named(baseline))
    if json:
        print_json(estimate.to_json())
    else:
        say("\n".join(estimate_lines(estimate)))


def _graph(network: str) -> Graph:
    """The graph of a published network, of a file of text, or of a model."""
    from nmc import api, text
    from nmc.errors import ToolError
    from nmc.validation.networks import NETWORKS, network_named

    if network in NETWORKS:
        return network_named(network)
    path = Path(network)
    if path.suffix in (".graph", ".txt") and path.is_file():
        try:
            graph = text.parse(path.read_text(encoding="utf-8"), network)
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"cannot read {network}: {error}") from None
        graph.raise_faults(graph.check())
        return graph
    return api.load(network).graph
