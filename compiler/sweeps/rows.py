"""Results as JSON: a list of rows, and back without loss."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import ToolError, UsageError
from nmc.sweeps.result import PointResult

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def dump_rows(results: Sequence[PointResult]) -> bytes:
    """The results as a JSON list, one object each."""
    return _adapter().dump_json(tuple(results), indent=1) + b"\n"


def load_rows(path: Path) -> tuple[PointResult, ...]:
    """The results in a JSON file: a list, or a comparison, whose `rows` they are.

    Raises UsageError where it holds none, ToolError where it cannot be read.
    """
    from pydantic import ValidationError

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}", "give a file of results") from None
    except OSError as error:
        raise ToolError(f"cannot read {path}: {error.strerror or error}", "check the path and the disk") from None
    try:
        facts = json.loads(data)
        return _adapter().validate_python(facts["rows"] if isinstance(facts, dict) and "rows" in facts else facts)
    except (ValueError, RecursionError) as error:
        what = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            what = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        raise UsageError(f"{path} does not hold results: {what}", "measure them again") from None


def _adapter() -> TypeAdapter[tuple[PointResult, ...]]:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[PointResult, ...])
