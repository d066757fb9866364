"""The `nmc` command: arguments and tables only; what it does lives in `nmc.api` and below."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module

import typer

from nmc.errors import NmcError
from nmc.report.printing import say

COMMANDS: Mapping[str, str] = {
    "compile": "Compile a model for a target, verify the program, and write it whole or not at all.",
    "run": "Run a program on samples; prints what it puts out and what one inference costs.",
    "compare": "Compare accuracy, energy and latency across targets and settings, on a model's test set.",
    "diff": "Find the first layer, step and neuron at which two runs part, and the rule that explains it.",
    "check": "Hold a model to the budgets in its model.yaml, on emulators; exit with 1 where one is broken.",
    "tune": "Search targets and settings for low energy, low latency and high accuracy.",
    "evolve": "Evolve the integers of a compiled program on the emulator, without a gradient.",
    "uncertainty": "Draw a model's weights from their distributions, many times.",
    "report": "Report results as one HTML page: where a model should run.",
    "estimate": "Estimate energy and latency from layers alone: no weights, nothing is run.",
    "train": "Train a model on its task's training data, and score it on its test data.",
    "convert": "Turn an ordinary network into one of neurons.",
    "import": "Turn a model of another tool into a folder with model.yaml and weights.",
    "export": "Write a model as a file of another tool; an .onnx file takes all time steps of a run.",
    "inspect": "Show the graph of a model, of a program, or of a model after each pass for a target.",
    "opt": "Run passes on a graph, each result checked, and print the graph that comes of it as text.",
    "targets": "List the targets, their chips, engines and options.",
    "models": "List the models of the zoo.",
    "validate": "Hold the estimates against published measurements; fail where one is further off than it may be.",
    "toolchain": "List, install and remove vendor tools.",
}
"""Every command in a line. Each is a module of this folder by its name, imported when it is asked for."""


def application(arguments: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: of the commands, only the one that they name is more than a name."""
    app = typer.Typer(
        name="nmc",
        help="One model to GPUs, TPUs and neuromorphic chips: compile, emulate, compare accuracy, energy and latency.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        add_completion=False,
    )
    app.callback()(_options)
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, said in COMMANDS.items():
        if name != asked:
            app.command(name, help=said)(_unasked)
            continue
        module = import_module(f"nmc.cli.{name}_" if name == "import" else f"nmc.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def _unasked() -> None:
    """A command in a list of them."""


def _version(wanted: bool) -> None:
    if wanted:
        from nmc.program import nmc_version

        say(f"nmc {nmc_version()}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """One model to GPUs, TPUs and neuromorphic chips."""


def main() -> None:
    """Run the command line. Exit codes: 0 ok, 1 the model or budget failed, 2 usage, 3 a tool or the machine."""
    try:
        application(sys.argv[1:])()
    except NmcError as error:
        _explain(error)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except (OSError, MemoryError) as error:
        say(f"nmc: the machine failed: {error or type(error).__name__}", error=True)
        raise SystemExit(3) from None


def _explain(error: NmcError) -> None:
    """Every fault, in words, or with --json as JSON on standard output."""
    if "--json" in sys.argv:
        from nmc.cli.output import print_json

        print_json({"faults": [asdict(fault) for fault in error.faults]})
        return
    for fault in error.faults:
        say(f"nmc: {fault}", error=True)
    if len(error.faults) > 1:
        say(f"nmc: {len(error.faults)} faults", error=True)
