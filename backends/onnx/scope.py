"""Emits the nodes of a model into one ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from nmc.backends.onnx import arithmetic, coding, line, plasticity, spiking, tensor
from nmc.backends.onnx.emit import Emitter
from nmc.backends.onnx.plan import PAST
from nmc.backends.onnx.site import Emission, Site, with_state
from nmc.errors import UnsupportedError
from nmc.graph import Node, Ref
from nmc.model import Model

EMISSIONS: Mapping[type[Node], Emission] = {
    **tensor.EMISSIONS, **arithmetic.EMISSIONS, **spiking.EMISSIONS, **plasticity.EMISSIONS,
    **coding.EMISSIONS
}


@dataclass
class Scope:
    """One ONNX graph in the making: names of values by node, of states before and after the step.

    `batch` names [N], `t` the step from 1, and `root` is the outermost graph.
    """

    model: Model
    out: Emitter
    root: Emitter
    batch: str
    t: str = ""
    values: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def emit(self, names: Iterable[str]) -> None:
        """Emit nodes, each after those it reads in the same step."""
        for name in names:
            node = self.model.graph[name]
            if type(node) not in EMISSIONS:
                raise UnsupportedError(
                    f"{node.kind} has no form in ONNX", "compile for a target that takes such nodes", node=name
                )
            self.out.label = name
            emitted = with_state(EMISSIONS[type(node)](node, self._site(node)))
            self.values[name] = emitted.y
            self.after |= {f"{name}.{state}": value for state, value in emitted.state.items()}
        self.out.label = ""

    def emit_results(self, names: Iterable[str]) -> None:
        """Emit what readouts give, from the states they ended with."""
        for name in names:
            node = self.model.graph[name]
            self.out.label = name
            self.values[name] = coding.RESULTS[type(node)](self._site(node, operands=()))
        self.out.label = ""

    def emit_pasts(self, pasts: Mapping[str, int]) -> None:
        """Put this step's values on the delay lines."""
        for name in pasts:
            self.out.label = name
            label = f"{name}.{PAST}"
            self.after[label] = line.aged(self.out, line.pushed(self.out, self.values[name], self.states[label]))
        self.out.label = ""

    def _site(self, node: Node, operands: tuple[str, ...] | None = None) -> Site:
        prefix = f"{node.name}."
        return Site(
            out=self.out,
            root=self.root,
            model=self.model,
            operands=self._operands(node) if operands is None else operands,
            shapes=self.model.graph.operand_shapes(node),
            state={key.removeprefix(prefix): value for key, value in self.states.items() if key.startswith(prefix)},
            batch=self.batch,
            t=self.t,
        )

    def _operands(self, node: Node) -> tuple[str, ...]:
        reads = [self._read(ref) for ref in node.inputs]
        if node.sums and reads:
            return (reduce(lambda total, value: self.out.op("Add", total, value), reads),)
        return tuple(reads)

    def _read(self, ref: Ref) -> str:
        if not ref.delay:
            return self.values[ref.node]
        return line.read(self.out, self.states[f"{ref.node}.{PAST}"], ref.delay - 1)

