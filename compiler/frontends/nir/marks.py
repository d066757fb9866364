"""What a file's own metadata and names say about the tool that made it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nmc.errors import UsageError
from nmc.frontends.nir.conventions import PROFILES
from nmc.frontends.nir.primitives import NirGraph

_OWN = "nir"
"""The profiles of NIR's own equations: for any file."""


def tools() -> frozenset[str]:
    """The tools that have profiles, as files may name them."""
    return frozenset(_tool(name) for name in PROFILES) - {_OWN}


def marked(graph: NirGraph) -> frozenset[str]:
    """The tools that a file names: in its metadata, or in the names of its nodes."""
    return tools() & set(re.findall(r"[a-z]+", " ".join(_words(graph)).lower()))


def refuse_other_tool(graph: NirGraph, profile: str | None, file: str) -> None:
    """Raise UsageError where the user names the profile of one tool for a file that names another."""
    found = marked(graph)
    if profile is None or _tool(profile) == _OWN or not found or _tool(profile) in found:
        return
    fitting = [name for name in PROFILES if _tool(name) in found]
    raise UsageError(
        f"{file}: the profile is {profile}, but the file names {' and '.join(sorted(found))}",
        f"give --profile {' or '.join(fitting)}; nir takes its equations as they stand",
    )


def _tool(profile: str) -> str:
    return re.split("[-,]", profile)[0]


def _words(graph: NirGraph) -> Iterator[str]:
    yield from (value for key, value in graph.metadata.items() if isinstance(value, str) and key != "nmc.profile")
    for name, node in graph.nodes.items():
        yield name
        if isinstance(node, NirGraph):
            yield from _words(node)
        else:
            yield from (value for value in node.metadata.values() if isinstance(value, str))
