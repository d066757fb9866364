"""Graphs as text: `str(graph)` writes it, `parse` reads it back, and nothing in it is executed."""

from __future__ import annotations

import ast

from nmc.errors import Fault, Location, ModelError
from nmc.graph import Graph, Node, Ref
from nmc.nodes.build import build, kind_named
from nmc.nodes.facts import require

_FORM = "write one node a line, as 'name = Kind(input, fact=value)'"
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser raises, by what is wrong with the text."""


def parse(text: str, file: str = "<graph>") -> Graph:
    """The graph that `text` says, one node a line as `name = Kind(read, other@1, fact=value)`.

    Raises ModelError with every fault of syntax, kind or fact; `file` is named in it. The graph's
    structure is not checked here: `Graph.check` does that.
    """
    nodes: list[Node] = []
    outputs: tuple[str, ...] | None = None
    dt_s: float | None = None
    lag: int | None = None
    faults: list[Fault] = []
    sources: dict[str, Location] = {}
    for statement in _statements(text, file):
        where = Location(file, statement.lineno)
        try:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    nodes.append(_node(name, call))
                    sources[name] = where
                case ast.Assign(targets=[ast.Name(id="dt")], value=value):
                    require(dt_s is None, "the time step is given twice")
                    dt_s = _seconds(value)
                case ast.Assign(targets=[ast.Name(id="lag")], value=value):
                    require(lag is None, "the lag is given twice")
                    lag = _steps(value)
                case ast.Return(value=ast.expr() as value):
                    require(outputs is None, "the outputs are given twice")
                    outputs = tuple(map(_name, value.elts if isinstance(value, ast.Tuple) else [value]))
                case _:
                    raise ValueError(f"{_short(statement)!r} is not a line of a graph: {_FORM}")
        except ValueError as error:
            faults.append(Fault(str(error), where=where))
    if faults:
        raise ModelError.of(faults)
    return Graph(tuple(nodes), outputs or (), dt_s, sources, lag or 0)


def _statements(text: str, file: str) -> list[ast.stmt]:
    """The text as Python statements. Raises ModelError with each line that is none."""
    try:
        return ast.parse(text).body
    except _UNREADABLE as error:
        whole = _unreadable(error, Location(file, getattr(error, "lineno", None)))
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            ast.parse(line)
        except _UNREADABLE as error:
            faults.append(_unreadable(error, Location(file, number)))
    raise ModelError.of(faults or [whole])


def _unreadable(error: Exception, where: Location) -> Fault:
    return Fault(f"this is not the text of a graph: {getattr(error, 'msg', error)}", _FORM, where=where)


def _node(name: str, call: ast.Call) -> Node:
    facts: dict[str, object] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError(f"'**{_short(keyword.value)}' is not a fact: write 'fact=value'")
        require(keyword.arg not in facts, f"{keyword.arg} is given twice")
        facts[keyword.arg] = _value(keyword.value)
    return build(kind_named(_name(call.func)), name, tuple(map(_ref, call.args)), facts)


def _name(item: ast.expr) -> str:
    if not isinstance(item, ast.Name):
        raise ValueError(f"{_short(item)!r} is not a name")
    return item.id


def _ref(item: ast.expr) -> Ref:
    match item:
        case ast.BinOp(left=ast.Name(id=name), op=ast.MatMult(), right=ast.Constant(value=int(delay))):
            if not isinstance(delay, bool):
                return Ref(name, delay)
        case ast.Name(id=name):
            return Ref(name)
    raise ValueError(f"{_short(item)!r} is not a read: write 'node' or 'node@delay'")


def _seconds(item: ast.expr) -> float:
    value = _value(item)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"dt is {_short(item)}: it takes a number of seconds")
    return float(value)


def _steps(item: ast.expr) -> int:
    value = _value(item)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"lag is {_short(item)}: it takes a whole number of steps")
    return value


def _value(item: ast.expr) -> object:
    """A literal; infinities are written as inf and -inf, as Python prints them."""
    match item:
        case ast.Name(id="inf"):
            return float("inf")
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return float("-inf")
    try:
        value: object = ast.literal_eval(item)
    except (*_UNREADABLE, TypeError):
        raise ValueError(f"{_short(item)!r} is not a plain value") from None
    return value


def _short(item: ast.AST) -> str:
    """The beginning of a piece of text, for messages."""
    try:
        line = ast.unparse(item).split("\n", 1)[0]
    except RecursionError:
        return "..."
    return line if len(line) <= 60 else f"{line[:57]}..."
