"""nmc report: results as a page, or a folder of them as a small site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.report.printing import say


def command(
    results: Annotated[Path, typer.Argument(help="A .duckdb or .json file of results, or a folder of them.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page (.html), or for a folder a folder of pages.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title of the page.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve a folder of results on 127.0.0.1 instead.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: the port; 0 takes a free one.")] = 8765,
) -> None:
    """Report results as one HTML page: where a model should run, every point, and where each price comes from."""
    from nmc.errors import UsageError

    if serve:
        from nmc.report.serve import serve as serve_folder

        if output is not None or title is not None:
            raise UsageError("--serve writes no file", "leave out --output and --title")
        serve_folder(results, port, lambda address: say(f"serving {results} at {address} (Ctrl-C stops)"))
        return
    output = output or Path("report.html")
    if results.is_dir() and output.suffix != ".html":
        from nmc.report.html.site import write_site

        if title is not None:
            raise UsageError("a folder of pages has a title for each", "leave out --title, or name a page with -o")
        written = write_site(results, output)
        say(f"report: {written[-1]} and {len(written) - 1} pages")
        return
    from nmc.report.html.page import title_of, write_report
    from nmc.report.sources import read_results

    found = read_results(results)
    write_report(found, output, title=title or title_of(found))
    say(f"report: {output}")
