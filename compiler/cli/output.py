"""What the commands share: JSON, progress bars and options."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nmc.errors import UsageError

if TYPE_CHECKING:
    from nmc.comparison import Progress

JSON = typer.Option("--json", help="Print JSON instead of text.")
MODEL = typer.Argument(help="A model of the zoo (see 'nmc models'), a model.yaml, the folder of one, or an .onnx file.")
OPTIONS = typer.Option(
    "--option", "-O", metavar="NAME=VALUE", help="An option of the target (see 'nmc targets'); may be repeated."
)

PROFILE = typer.Option(help="NIR: the tool whose conventions the file has, as in snntorch (see docs/nir.md).")
TIME_UNIT = typer.Option(help="NIR: the unit of the file's times, 's' (without) or 'ms'.")


def print_json(value: object) -> None:
    """Print a value made of dataclasses, mappings, sequences, paths and plain values."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> object:
    """What JSON does not know, in plain values."""
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def parse_options(pairs: list[str] | None, steps: int | None = None) -> dict[str, object]:
    """The options given as NAME=VALUE, with --steps among them. Raises UsageError."""
    options: dict[str, object] = {} if steps is None else {"steps": steps}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {pair!r} is not NAME=VALUE", "write it as in '--option precision=fp16'")
        options[name.replace("-", "_")] = value
    return options


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A progress bar on standard error, while that is a terminal; gone when done."""
    if not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda what, done, of: bar.update(task, description=f"{title}: {what}", completed=done, total=of)
