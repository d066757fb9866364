"""What flows out of every node of a graph, and everything that is wrong with the graph."""

from __future__ import annotations

import keyword
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING

from nmc.errors import Fault, NmcError, closest
from nmc.node import DType, Node, Shape, ShapeError, Signal, Timing, widest

if TYPE_CHECKING:
    from nmc.graph import Graph

_PLAIN = (bool, int, float, str, type(None))


def infer(graph: Graph) -> tuple[Mapping[str, Signal], list[Fault]]:
    """The signal of every node, or every fault of structure, loops, shapes and timing."""
    shapes, shape_faults = _shapes(graph)
    faults = [*_structural_faults(graph), *_loop_faults(graph), *shape_faults]
    if not faults:
        faults = _mutual_faults(graph, shapes)
    if faults:
        return {}, faults
    timings, faults = _timings(graph)
    if faults:
        return {}, faults
    dtypes = _dtypes(graph)
    return {name: Signal(shapes[name], dtypes[name], timings[name]) for name in graph.order}, []


def _structural_faults(graph: Graph) -> list[Fault]:
    faults = []
    seen: set[str] = set()
    for node in graph.nodes:
        if not (node.name.isidentifier() and node.name.isascii()) or keyword.iskeyword(node.name):
            faults.append(Fault(
                f"{node.name!r} is not a name",
                "use letters from a to z, digits and underscores, starting with a letter", node.name,
            ))
        if node.name in seen:
            faults.append(Fault("this name is used twice", "give each node a name of its own", node.name))
        seen.add(node.name)
    for node in graph.nodes:
        faults += [*_input_faults(node, graph.by_name), *_fact_faults(node)]
    for index, name in enumerate(graph.outputs):
        if name not in seen:
            faults.append(Fault(f"the output {name!r} is not a node", closest(name, seen)))
        elif name in graph.outputs[:index]:
            faults.append(Fault(f"the output {name!r} is named twice", "name each output once"))
    if not graph.outputs:
        faults.append(Fault("the graph has no output", "name the node whose value is the result"))
    if graph.dt_s is not None and not 0 < graph.dt_s < float("inf"):
        faults.append(Fault(f"dt is {graph.dt_s} s", "give the time step as a positive time, as in 'dt: 1 ms'"))
    if graph.lag < 0 or (graph.lag and graph.dt_s is None):
        faults.append(Fault(f"lag is {graph.lag}", "outputs come 0 steps late or, in a graph with a time step, more"))
    return faults


def _input_faults(node: Node, known: Mapping[str, Node]) -> list[Fault]:
    faults = [
        Fault(f"it reads {ref.node!r}, which is not a node", closest(ref.node, known), node.name)
        for ref in node.inputs
        if ref.node not in known
    ]
    if not _enough(node):
        low, high = node.operands
        wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
        noun = "input" if wanted.endswith(" 1") or wanted == "1" else "inputs"
        faults.append(Fault(
            f"{node.kind} takes {wanted} {noun}, got {len(node.inputs)}", "mend what it reads from", node.name
        ))
    return faults


def _enough(node: Node) -> bool:
    low, high = node.operands
    return low <= len(node.inputs) and (high is None or len(node.inputs) <= high)


def _fact_faults(node: Node) -> list[Fault]:
    """A fault for every fact that could not be printed and read back the same."""
    faults = []
    for fact in fields(node):
        value: object = getattr(node, fact.name)
        if fact.name == "inputs":
            continue
        for entry in value if type(value) is tuple else (value,):
            if type(entry) not in _PLAIN:
                faults.append(Fault(
                    f"{fact.name} holds {entry!r} of type {type(entry).__name__}",
                    "give a plain Python number or text, or the name of an array", node.name,
                ))
            elif isinstance(entry, float) and isnan(entry):
                faults.append(Fault(f"{fact.name} is not a number", "give a number", node.name))
    return faults


def _loop_faults(graph: Graph) -> list[Fault]:
    try:
        _ = graph.order
    except NmcError as error:
        return list(error.faults)
    return []


def _shapes(graph: Graph) -> tuple[dict[str, Shape], list[Fault]]:
    """The shapes that can be known, a sum's from any of its inputs; each node is asked once."""
    shapes: dict[str, Shape] = {}
    faults: list[Fault] = []
    queue = deque(graph.by_name)
    queued = set(queue)
    failed: set[str] = set()
    while queue:
        name = queue.popleft()
        queued.remove(name)
        node = graph[name]
        deciding = node.inputs if node.sums else node.inputs[: node.shaped_by]
        known = [shapes[ref.node] for ref in deciding if ref.node in shapes]
        needed = min(len(node.inputs), 1) if node.sums else len(deciding)
        if not _enough(node) or len(known) < needed:
            continue
        try:
            shapes[name] = node.output_shape(*(known[:1] if node.sums else known))
        except ShapeError as error:
            faults.append(_shape_fault(node, error, shapes))
            failed.add(name)
        else:
            known_or_due = (shapes, failed, queued)
            waiting = [n.name for n in graph.consumers[name] if not any(n.name in names for names in known_or_due)]
            queue.extend(waiting)
            queued.update(waiting)
    for node in graph.nodes:
        faults += _sum_faults(node, shapes)
        faults += _operand_faults(node, shapes)
    return shapes, faults


def _shape_fault(node: Node, error: ShapeError, shapes: Mapping[str, Shape]) -> Fault:
    read = " and ".join(f"{r.node} has shape {shapes[r.node]}" for r in node.inputs if r.node in shapes)
    return Fault(str(error), f"change its facts, or what it reads: {read}", node.name)


def _operand_faults(node: Node, shapes: Mapping[str, Shape]) -> list[Fault]:
    """A fault where operands do not fit that the shape of the output does not follow from."""
    known = [shapes[ref.node] for ref in node.inputs if ref.node in shapes]
    if node.shaped_by is None or node.name not in shapes or len(known) < len(node.inputs):
        return []
    try:
        node.output_shape(*known)
    except ShapeError as error:
        return [_shape_fault(node, error, shapes)]
    return []


def _sum_faults(node: Node, shapes: Mapping[str, Shape]) -> list[Fault]:
    """A fault for every input that cannot be added to the node's first one."""
    if not node.sums or not node.inputs or node.inputs[0].node not in shapes:
        return []
    first = node.inputs[0]
    return [
        Fault(
            f"its inputs add up, but {ref.node} has shape {shapes[ref.node]} and {first.node} {shapes[first.node]}",
            "make the shapes equal", node.name,
        )
        for ref in node.inputs[1:]
        if ref.node in shapes and shapes[ref.node] != shapes[first.node]
    ]


def _mutual_faults(graph: Graph, shapes: Mapping[str, Shape]) -> list[Fault]:
    unknown = [name for name in graph.order if name not in shapes]
    if not unknown:
        return []
    shown = unknown if len(unknown) <= 12 else [*unknown[:12], "..."]
    return [Fault(
        f"the shapes of {', '.join(shown)} depend only on one another",
        "let one of them also read a node outside the loop", unknown[0],
    )]


def _timings(graph: Graph) -> tuple[dict[str, Timing], list[Fault]]:
    timings: dict[str, Timing] = {}
    reads: dict[str, set[Timing]] = {}
    for name in graph.order:
        node = graph[name]
        reads[name] = {"stream" if ref.delay else timings[ref.node] for ref in node.inputs}
        joined: Timing = "final" if "final" in reads[name] else "stream" if "stream" in reads[name] else "static"
        timings[name] = node.produces or joined
    faults = [fault for name in graph.order for fault in _timing_faults(graph[name], timings, reads[name])]
    timed = [node for node in graph if node.produces or any(ref.delay for ref in node.inputs)]
    if timed and graph.dt_s is None:
        faults.append(Fault(
            f"{timed[0].kind} works in time, but the graph has no time step",
            "give the model a time step, as in 'dt: 1 ms'", timed[0].name,
        ))
    return timings, faults


def _timing_faults(node: Node, timings: Mapping[str, Timing], reads: set[Timing]) -> Iterable[Fault]:
    if any(timings[ref.node] == "final" for ref in node.inputs) and (node.produces or "stream" in reads):
        yield Fault(
            "it reads the result of a readout, which is known only after the last step",
            "read the node before the readout instead", node.name,
        )
    elif node.produces == "final" and "stream" not in reads:
        yield Fault(
            f"{node.kind} reads out over time, but its input never changes",
            "put it after a node with a state, or remove it", node.name,
        )


def _dtypes(graph: Graph) -> dict[str, DType]:
    """The least solution: every node starts as spikes and is widened until nothing changes."""
    dtypes: dict[str, DType] = dict.fromkeys(graph.order, "spike")
    queue = deque(graph.order)
    queued = set(queue)
    while queue:
        name = queue.popleft()
        queued.remove(name)
        node = graph[name]
        xs = [dtypes[ref.node] for ref in node.inputs]
        if node.sums and len(xs) > 1:
            xs = [widest("integer", *xs)]
        wider = widest(dtypes[name], node.output_dtype(*xs))
        if wider != dtypes[name]:
            dtypes[name] = wider
            waiting = [reader.name for reader in graph.consumers[name] if reader.name not in queued]
            queue.extend(waiting)
            queued.update(waiting)
    return dtypes
