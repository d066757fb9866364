"""The `nmc` command: arguments and tables only; what it does lives in `nmc.api` and below."""

from __future__ import annotations

import sys

import typer

from nmc.cli import (
    check,
    compare,
    compile,
    convert,
    diff,
    estimate,
    export,
    import_,
    inspect,
    models,
    report,
    run,
    targets,
    toolchain,
    train,
    tune,
    uncertainty,
    validate,
)
from nmc.errors import NmcError
from nmc.report.printing import say

app = typer.Typer(
    name="nmc",
    help="One model to GPUs, TPUs and neuromorphic chips: compile, emulate, and compare accuracy, energy and latency.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)
for command in (
    compile,
    run,
    compare,
    diff,
    check,
    tune,
    uncertainty,
    report,
    estimate,
    train,
    convert,
    import_,
    export,
    inspect,
    targets,
    models,
    validate,
):
    app.command(name=command.__name__.rpartition(".")[2].rstrip("_"))(command.command)
app.add_typer(toolchain.app, name="toolchain")


def _version(wanted: bool) -> None:
    if wanted:
        from nmc.program import nmc_version

        say(f"nmc {nmc_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """One model to GPUs, TPUs and neuromorphic chips."""


def main() -> None:
    """Run the command line. Exit codes: 0 ok, 1 the model or budget failed, 2 usage, 3 a tool or the machine."""
    try:
        app()
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
        from dataclasses import asdict

        from nmc.cli.output import print_json

        print_json({"faults": [asdict(fault) for fault in error.faults]})
        return
    for fault in error.faults:
        say(f"nmc: {fault}", error=True)
    if len(error.faults) > 1:
        say(f"nmc: {len(error.faults)} faults", error=True)
