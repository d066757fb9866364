"""nmc toolchain: the vendor tools that some engines need, each in an environment of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from nmc.cli.output import JSON, print_json, progress
from nmc.report.printing import say

app = typer.Typer(help="List, install and remove vendor tools.", no_args_is_help=True, rich_markup_mode=None)
NAME = typer.Argument(help="A toolchain (see 'nmc toolchain list').")


@dataclass(frozen=True)
class ToolchainFacts:
    """One line of the list."""

    name: str
    installed: bool
    python: str | None
    description: str


@app.command("list")
def list_toolchains(json: Annotated[bool, JSON] = False) -> None:
    """List the vendor tools and where they are installed."""
    from nmc.backends import toolchains
    from nmc.report.terminal import print_table

    facts = []
    for tool in toolchains():
        python = tool.find()
        facts.append(ToolchainFacts(tool.name, python is not None, str(python) if python else None, tool.description))
    if json:
        print_json(facts)
        return
    print_table(
        ("toolchain", "installed", "what it is"),
        [(fact.name, fact.python or "no", fact.description) for fact in facts],
    )


@app.command()
def install(name: Annotated[str, NAME]) -> None:
    """Make a vendor tool's environment; done at once where it is there already."""
    from nmc.backends import toolchain

    tool = toolchain.toolchain_named(name)
    with progress(f"toolchain {name}") as report:
        python = toolchain.install(tool, report)
    say(f"{name}: {python}")


@app.command()
def remove(name: Annotated[str, NAME]) -> None:
    """Delete a vendor tool's environment."""
    from nmc.backends import toolchain

    found = toolchain.remove(toolchain.toolchain_named(name))
    say(f"{name}: removed" if found else f"{name}: was not installed")
