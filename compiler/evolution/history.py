"""What a search has heard so far, in a file that appears whole or not at all.

Losses are all there is to keep: with the same seed the search asks the same again, and with the same losses it
goes on as it would have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from nmc.errors import ToolError, UsageError
from nmc.system.files import write_text

FORMAT = "nmc-evolution"
_AGAIN = "remove it, or give another output"


@dataclass(frozen=True)
class History:
    """The losses of each generation's candidates, in the order in which they were asked; `key` says of which search."""

    key: str
    losses: tuple[tuple[float, ...], ...] = ()

    def after(self, losses: tuple[float, ...]) -> History:
        """With one generation more."""
        return replace(self, losses=(*self.losses, losses))

    def save(self, path: Path) -> None:
        """Write it in place of an older one. Raises ToolError where the disk fails."""
        write_text(path, json.dumps({"format": FORMAT, "key": self.key, "losses": self.losses}) + "\n")

    @classmethod
    def load(cls, path: Path, key: str, population: int) -> History:
        """That in a file, or an empty one where there is none. Raises UsageError for that of another search."""
        try:
            facts = json.loads(path.read_bytes()) if path.exists() else {"format": FORMAT, "key": key, "losses": []}
        except OSError as error:
            raise ToolError(f"cannot read {path}: {error.strerror or error}", "check the path and the disk") from None
        except ValueError:
            facts = None
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise UsageError(f"{path} is not the history of a search", _AGAIN)
        if facts.get("key") != key:
            raise UsageError(f"{path} is of another search: of another model, other data or other settings", _AGAIN)
        losses = facts.get("losses")
        if not isinstance(losses, list) or not all(_is_generation(each, population) for each in losses):
            raise UsageError(f"{path} is damaged", _AGAIN)
        return cls(key, tuple(tuple(map(float, each)) for each in losses))


def _is_generation(losses: object, population: int) -> bool:
    return (
        isinstance(losses, list) and len(losses) == population and all(isinstance(each, int | float) for each in losses)
    )
