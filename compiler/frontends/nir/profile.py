"""A choice of conventions: of one profile for a file, and of others for single nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nmc.errors import UsageError, closest
from nmc.frontends.nir.conventions import PROFILES, Conventions
from nmc.nodes.names import identifier


@dataclass(frozen=True)
class Profile:
    """The profile of a file by name, and of those nodes whose neurons were set otherwise in the same tool."""

    name: str
    nodes: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Profile:
        """The choice that a text says, as in 'snntorch,readout=snntorch-none'. Raises UsageError."""
        name, *others = (part.strip() for part in text.split(","))
        pairs = [part.partition("=") for part in others]
        if wrong := [before or after for before, equals, after in pairs if not (before and equals and after)]:
            raise UsageError(
                f"the profile {text!r} has {wrong[0]!r}, which is not NODE=PROFILE",
                "write it as in --profile snntorch,readout=snntorch-none",
            )
        nodes = {identifier(node.strip(), ()): profile.strip() for node, _, profile in pairs}
        for chosen in (name, *nodes.values()):
            if chosen not in PROFILES:
                raise UsageError(f"{chosen!r} is not a profile of conventions", closest(chosen, PROFILES))
        whole = PROFILES[name]
        for node, profile in nodes.items():
            other = PROFILES[profile]
            if (other.tool, other.time, other.late) != (whole.tool, whole.time, whole.late):
                same = [key for key, entry in PROFILES.items() if entry.tool == whole.tool and key != name]
                raise UsageError(
                    f"{node} has the profile {profile}, and the file {name}, of another tool or another time",
                    f"give one of {', '.join(same)}" if same else f"leave {node} out",
                )
        return cls(name, nodes)

    def require_nodes(self, known: Collection[str]) -> None:
        """Raise UsageError where a node that has a profile of its own is not there."""
        for node in self.nodes:
            if node not in known:
                raise UsageError(f"the profile names {node}, which is no node of the graph", closest(node, known))

    def of_node(self, node: str) -> Conventions:
        """The conventions of a node."""
        return PROFILES[self.nodes.get(node, self.name)]

    def note(self) -> str:
        """What is taken for granted of the settings that no file states, for the file and for single nodes."""
        found = [PROFILES[self.name].granted]
        found += [f"of {node}, {PROFILES[profile].granted}" for node, profile in self.nodes.items()]
        return f"No file states, and it is taken for granted: {'. And '.join(found)}."

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{node}={profile}" for node, profile in self.nodes.items())])
