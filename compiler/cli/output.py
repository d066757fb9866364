"""What the commands share: JSON, progress bars and options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from nmc.cleaning import clean
from nmc.errors import UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.sweeps.sweep import Progress
    from nmc.verification.record import Level

JSON = typer.Option("--json", help="Print JSON instead of text.")
MODEL = typer.Argument(help="A model of the zoo (see 'nmc models'), a model.yaml, the folder of one, or an .onnx file.")
OPTIONS = typer.Option(
    "--option", "-O", metavar="NAME=VALUE", help="An option of the target (see 'nmc targets'); may be repeated."
)
TARGETS = typer.Option(
    "--targets", "--target", "-t", help="Targets (see 'nmc targets'), separated by commas; a default set without."
)
TARGET_HELP = "Where it is to run: a target (see 'nmc targets'), or the YAML file of a chip of your own."
RESULTS = typer.Option(help="The file that results are kept in and taken from; sweeps: results/MODEL.duckdb without.")
CLUSTER = typer.Option(help="Who measures: none (this process), local (processes), auto, or the address of Dask.")
WORKERS = typer.Option(min=1, help="How many local processes measure, one thread each.")
SEED = typer.Option(min=0, help="What random choices start from.")
PROFILE = typer.Option(
    help="NIR: the tool whose conventions the file has, as in snntorch; or snntorch,readout=snntorch-none for single "
    "nodes (see docs/nir.md)."
)
TIME_UNIT = typer.Option(help="NIR: the unit of the file's times, 's' (without) or 'ms'.")


def print_json(value: object) -> None:
    """Print a value made of dataclasses, mappings, sequences, paths and plain values."""
    from nmc.report.plain import json_text

    say(json_text(value))


def target_names(text: str | None) -> tuple[str, ...] | None:
    """The names given with --targets; None where it was not given. Raises UsageError where it names none."""
    if text is None:
        return None
    names = tuple(filter(None, map(str.strip, text.split(","))))
    if not names:
        raise UsageError("--targets names no target", "give names separated by commas, as in cpu,loihi-sim")
    return names


def parse_options(pairs: list[str] | None, steps: int | None = None) -> dict[str, object]:
    """The options given as NAME=VALUE, with --steps among them. Raises UsageError."""
    options: dict[str, object] = {} if steps is None else {"steps": steps}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {pair!r} is not NAME=VALUE", "write it as in '--option precision=fp16'")
        options[name.replace("-", "_")] = value
    return options


def parse_level(text: str) -> Level:
    """How much to verify, as given with --verify. Raises UsageError."""
    from typing import get_args

    from nmc.verification.record import Level

    for level in get_args(Level):
        if text == level:
            return level  # type: ignore[no-any-return]
    raise UsageError(f"--verify {text!r} is none of its values", f"give one of: {', '.join(get_args(Level))}")


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A progress bar on standard error, while that is a terminal; gone when done."""
    if not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(clean(title), total=None)
        yield lambda what, done, of: bar.update(task, description=clean(f"{title}: {what}"), completed=done, total=of)
