"""Names of nodes for the names of other tools."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable


def identifier(name: str, taken: Iterable[str]) -> str:
    """A node's name for that of a value in another tool's file; one that is not taken."""
    made = re.sub(r"_+", "_", re.sub(r"[^0-9A-Za-z]", "_", name)).strip("_") or "value"
    if made[0].isdigit() or keyword.iskeyword(made):
        made = f"v{made}" if made[0].isdigit() else f"{made}_"
    unique, count = made, 1
    while unique in taken:
        count += 1
        unique = f"{made}_{count}"
    return unique
