"""What nmc inspect says of many-core chips: where neurons sit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nmc.cli.output import print_json
from nmc.errors import ToolError, UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.program import Program


def show_mapping(program: Program, output: Path | None, json: bool) -> None:
    """Print a program's mapping, or write a picture of it to a file that ends in .svg or .html."""
    from nmc.mapping.file import MAPPING, read_facts
    from nmc.report import mapping

    if MAPPING not in program.manifest.files:
        raise UsageError(
            f"the program for {program.target} has no mapping", "only chips of many cores have one, such as loihi-sim"
        )
    facts = read_facts(program.file(MAPPING))
    if output is not None:
        pictures = {".svg": mapping.svg, ".html": mapping.html}
        if output.suffix not in pictures:
            raise UsageError(f"{output} is not a picture that nmc draws", "let its name end in .svg or .html")
        try:
            output.write_text(pictures[output.suffix](facts), encoding="utf-8")
        except OSError as error:
            raise ToolError(f"cannot write {output}: {error.strerror or error}", "check the path") from None
    if json:
        print_json(facts)
    elif output is not None:
        say(f"picture: {output}")
    else:
        mapping.print_mapping(facts)
