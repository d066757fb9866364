"""What a user is told when something is wrong: what, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

from nmc.cleaning import clean


@dataclass(frozen=True)
class Location:
    """A place in a file. Lines and columns count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what it is, at which node and place, and the remedy."""

    what: str
    remedy: str | None = None
    node: str | None = None
    where: Location | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        node = f"node {self.node!r}: " if self.node else ""
        remedy = f"\n    -> {self.remedy}" if self.remedy else ""
        return clean(f"{place}{node}{self.what}{remedy}")


def closest(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the names nearest to it, or else what there is."""
    names = sorted(known)
    near = get_close_matches(name[:60], names[:1000], n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"there are: {', '.join(names[:20]) or 'none'}{more}"


def _joined(faults: Sequence[Fault]) -> Fault:
    """One fault for some that differ only in their node and place."""
    first = faults[0]
    nodes = [fault.node for fault in faults if fault.node]
    if len(faults) == 1 or not nodes:
        return first
    return Fault(f"{len(nodes)} nodes: {first.what}: {', '.join(nodes)}", first.remedy, None, first.where)


class NmcError(Exception):
    """A problem nmc can explain. Carries every fault found, not only the first."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        remedy: str | None = None,
        *,
        node: str | None = None,
        where: Location | None = None,
    ) -> None:
        self.faults: tuple[Fault, ...] = (Fault(what, remedy, node, where),)
        super().__init__(str(self.faults[0]))

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> NmcError:
        """One error for a list of faults (at least one)."""
        faults = tuple(faults)
        error = cls(faults[0].what)
        error.faults = faults
        error.args = ("\n".join(str(fault) for fault in faults),)
        return error

    def summary(self) -> str:
        """All faults, those that differ only in their node and place said once, with the nodes that have them."""
        alike: dict[tuple[str, str | None], list[Fault]] = {}
        for fault in self.faults:
            alike.setdefault((fault.what, fault.remedy), []).append(fault)
        return "\n".join(str(_joined(faults)) for faults in alike.values())


class ModelError(NmcError):
    """The user's model, data or budget is at fault."""


class UnsupportedError(ModelError):
    """The model is sound, but the chosen target cannot mean what it says."""


class ProgramError(ModelError):
    """A compiled program is damaged, foreign, or of another version."""


class UsageError(NmcError):
    """The command or call itself is wrong: an unknown target, a missing file, a bad option."""

    exit_code = 2


class ToolError(NmcError):
    """A tool or the machine failed: an engine crashed, a toolchain is missing, the disk is full."""

    exit_code = 3
