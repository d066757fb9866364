"""Reading files of facts, such as chips: YAML in, frozen facts out, and every fault with its line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from io import StringIO
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nmc.chips.chip import Chip, CpuChip, GpuChip, ManycoreChip, SystolicChip
from nmc.errors import Fault, Location, UsageError

Family = TypeVar("Family")

FAMILIES: Mapping[str, type[Chip]] = {
    "cpu": CpuChip,
    "gpu": GpuChip,
    "systolic": SystolicChip,
    "manycore": ManycoreChip,
}
"""The families of chips, by the `kind` that their files state."""

_EXAMPLE = "a number is written as {value: 23.6, unit: pJ, source: where it is from, grade: silicon}"


def parse_chip(text: str, file: str) -> Chip:
    """The chip that the YAML `text` describes. Raises UsageError with all faults, each with its line in `file`."""
    marked = _marked(text, file)
    kind = marked.get("kind") if isinstance(marked, Mapping) else None
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise UsageError(
            "this is not a chip: it needs a 'kind'" if kind is None else f"{kind!r} is not a kind of chip",
            f"the kinds are {', '.join(FAMILIES)}", where=Location(file, 1)
        )
    return _facts(marked, FAMILIES[kind], file)


def parse_facts(text: str, family: type[Family], file: str) -> Family:
    """The facts that the YAML `text` holds. Raises UsageError with all faults, each with its line in `file`."""
    return _facts(_marked(text, file), family, file)


def _facts(marked: object, family: type[Family], file: str) -> Family:
    # To mypy a class is not hashable where its instances are not.
    adapter: TypeAdapter[Family] = _adapter(family)  # type: ignore[arg-type]
    try:
        return adapter.validate_json(json.dumps(marked, default=str))
    except ValidationError as error:
        raise UsageError.of(
            Fault(_what(fault["loc"], fault["type"], fault["msg"]), _EXAMPLE, where=_place(marked, fault["loc"], file))
            for fault in error.errors(include_url=False)
        ) from None


@cache
def _adapter(family: type[Family]) -> TypeAdapter[Family]:
    return TypeAdapter(family)


def _marked(text: str, file: str) -> object:
    """The content of a YAML file, its containers knowing their lines."""
    try:
        content: object = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = error.problem if isinstance(error, MarkedYAMLError) else str(error)
        raise UsageError(
            f"this is not YAML: {problem}", "mend the file", where=Location(file, mark.line + 1 if mark else None)
        ) from None
    return content


def _what(path: Sequence[int | str], kind: str, message: str) -> str:
    name = ".".join(map(str, path))
    if kind == "unexpected_keyword_argument":
        return f"{name} is not a fact that is known here"
    if kind == "missing":
        return f"{name} is missing"
    return f"{name}: {message.removeprefix('Value error, ')}"


def _place(marked: object, path: Sequence[int | str], file: str) -> Location:
    """The line of the deepest part of `path` that the file has."""
    line = 1
    for key in path:
        if isinstance(marked, Sequence) and not isinstance(marked, str) and isinstance(key, int):
            line = marked.lc.item(key)[0] + 1  # type: ignore[attr-defined]
            marked = marked[key]
            continue
        if not isinstance(marked, Mapping):
            break
        part = next((own for own in marked if str(own) == str(key)), None)
        if part is None:
            break
        line = marked.lc.key(part)[0] + 1  # type: ignore[attr-defined]
        marked = marked[part]
    return Location(file, line)
