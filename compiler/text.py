"""Graphs as text: `str(graph)` writes it, `parse` reads it back, and nothing in it is executed."""

from __future__ import annotations

import ast

from nmc.errors import Fault, Location, ModelError
from nmc.graph import Graph, Node, Ref
from nmc.nodes.build import build, kind_named


def parse(text: str, file: str = "<graph>") -> Graph:
    """The graph that `text` says, one node a line as `name = Kind(read, other@1, fact=value)`.

    Raises ModelError with every fault of syntax, kind or fact; `file` is named in it. The graph's
    structure is not checked here: `Graph.check` does that.
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ModelError(
            f"this is not the text of a graph: {getattr(error, 'msg', error)}",
            "write one node a line, as 'name = Kind(input, fact=value)'",
            where=Location(file, getattr(error, "lineno", None)),
        ) from None
    nodes: list[Node] = []
    outputs: tuple[str, ...] = ()
    dt_s: float | None = None
    lag = 0
    faults: list[Fault] = []
    sources: dict[str, Location] = {}
    for statement in body:
        where = Location(file, statement.lineno)
        try:
            match statement:
                case ast.Assign(targets=[ast.Name(id="dt")], value=ast.Constant(value=float(seconds))):
                    dt_s = seconds
                case ast.Assign(targets=[ast.Name(id="lag")], value=ast.Constant(value=int(steps))):
                    lag = steps
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    nodes.append(_node(name, call))
                    sources[name] = where
                case ast.Return(value=ast.Tuple(elts=names)):
                    outputs = tuple(_name(item) for item in names)
                case ast.Return(value=ast.Name(id=name)):
                    outputs = (name,)
                case _:
                    raise ValueError(f"{ast.unparse(statement)!r} is not a line of a graph")
        except (ValueError, TypeError) as error:
            faults.append(Fault(str(error), where=where))
    if faults:
        raise ModelError.of(faults)
    return Graph(tuple(nodes), outputs, dt_s, sources, lag)


def _node(name: str, call: ast.Call) -> Node:
    facts = {keyword.arg: _value(keyword.value) for keyword in call.keywords if keyword.arg}
    return build(kind_named(_name(call.func)), name, tuple(_ref(argument) for argument in call.args), facts)


def _name(item: ast.expr) -> str:
    if not isinstance(item, ast.Name):
        raise ValueError(f"{ast.unparse(item)!r} is not a name")
    return item.id


def _ref(item: ast.expr) -> Ref:
    match item:
        case ast.BinOp(left=ast.Name(id=name), op=ast.MatMult(), right=ast.Constant(value=int(delay))):
            return Ref(name, delay)
        case ast.Name(id=name):
            return Ref(name)
    raise ValueError(f"{ast.unparse(item)!r} is not a read: write 'node' or 'node@delay'")


def _value(item: ast.expr) -> object:
    """A literal; infinities are written as inf and -inf, as Python prints them."""
    match item:
        case ast.Name(id="inf"):
            return float("inf")
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return float("-inf")
    value: object = ast.literal_eval(item)
    return value
