"""The names in an ONNX program that its writer and its runners agree on."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.nodes.tensor import Input

MODEL = "model.onnx"
STEP = "step.onnx"
STEP_RECORD = "step.json"

STEPS = "nmc.steps"
"""The input of a whole run that says how many steps to run, where no streamed input does."""
COUNT = "nmc.t"
"""The state of a single step that says how many steps have been."""


def weights_name(node: str) -> str:
    """What the output is called that has a connection's weights as a sample leaves them, where it learns."""
    return f"{node}.weights"


def output_name(graph: Graph, name: str) -> str:
    """What an output is called: its node, unless an input has that name already."""
    return f"{name}.output" if isinstance(graph[name], Input) else name
