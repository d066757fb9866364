"""The graph after every pass, kept as text and written out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nmc.errors import ToolError
from nmc.model import Model


@dataclass
class Dump:
    """Collects the graph after each pass. Pass `add` as the `watch` of a compilation."""

    stages: list[tuple[str, Model]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.stages)

    def add(self, name: str, model: Model) -> None:
        """Keep a stage."""
        self.stages.append((name, model))

    def write(self, directory: Path) -> None:
        """Write each stage as `NN-name.txt`, with the shape of every node. Raises ToolError."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for number, (name, model) in enumerate(self.stages):
                (directory / f"{number:02}-{name}.txt").write_text(f"{annotated(model)}\n")
        except OSError as error:
            raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path") from None


def annotated(model: Model) -> str:
    """The text of a model's graph, each node with the shape, element kind and timing of its output."""
    signals = model.graph.signals
    lines = str(model.graph).splitlines()
    nodes = {str(node): signals[node.name] for node in model.graph}
    width = max((len(line) for line in lines if len(line) <= 100), default=0)
    noted = []
    for line in lines:
        signal = nodes.get(line)
        shape = "x".join(map(str, signal.shape)) or "scalar" if signal else ""
        noted.append(f"{line:{width}}  # {shape} {signal.dtype}, {signal.timing}" if signal else line)
    return "\n".join(noted)
