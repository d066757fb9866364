"""Where two runs part, as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from nmc.differences.result import Difference, Explanation, LayerDifference, Place
from nmc.report.terminal import table_text

_HEADER = ("layer", "kind", "values that differ", "of its own doing", "alike", "first at", "verdict")
_FEW = 4
"""How many equal layers in a row are shown one by one."""
_VERDICTS = {"equal": "equal", "follows": "differs as its inputs do", "parts": "PARTS"}


def difference_text(found: Difference) -> str:
    """The table of the layers, and what there is to say of the first that parts."""
    of = "" if found.steps is None else f" of {_count(found.steps, 'step')}"
    lines = [f"a: {found.a}", f"b: {found.b}", f"{_count(found.samples, 'sample')}{of}"]
    lines += [f"note: {note}" for note in found.notes]
    table = table_text(_HEADER, _rows(found.layers)).rstrip("\n")
    return "\n".join([*lines, table, "", *_conclusion(found)])


def _rows(layers: tuple[LayerDifference, ...]) -> Iterator[tuple[str, ...]]:
    """A row for each layer, and one for many equal ones that follow one another."""
    for equal, some in groupby(layers, key=lambda layer: layer.verdict == "equal"):
        row = tuple(some)
        if equal and len(row) > _FEW:
            yield f"{row[0].name} .. {row[-1].name}", f"{len(row)} layers", "-", "-", "100 %", "-", _VERDICTS["equal"]
        else:
            yield from map(_cells, row)


def _cells(layer: LayerDifference) -> tuple[str, ...]:
    name = layer.name if layer.name == layer.other else f"{layer.name} ({layer.other})"
    of_all = f"{layer.differ} of {layer.elements}" if layer.differ else "-"
    alike = "-" if layer.agreement is None else f"{100 * layer.agreement:.3g} %"
    return name, layer.kind, of_all, str(layer.own or "-"), alike, _at(layer.first), _VERDICTS[layer.verdict]


def _at(place: Place | None) -> str:
    if place is None:
        return "-"
    step = "" if place.step is None else f"step {place.step}, "
    return f"{step}sample {place.sample}, {_element(place.index)}"


def _element(index: tuple[int, ...]) -> str:
    return f"neuron {index[0]}" if len(index) == 1 else f"element {index}"


def _conclusion(found: Difference) -> list[str]:
    if found.first is None:
        if found.same:
            return ["equal: every value is the same, as far as the arithmetic of both allows"]
        return ["equal but for rounding: each layer does what it should for what it reads, as near as numbers allow"]
    named = {layer.name: layer for layer in found.layers}
    lines = [f"{found.blamed} parts at {found.first!r}{_where(named.get(found.first))}"]
    return [*lines, *_explained(found.explanation, found.first)]


def _where(layer: LayerDifference | None) -> str:
    if layer is None or layer.first is None:
        return ""
    place = layer.first
    after = f"; {_count(layer.own, 'value')} of {layer.elements} are not what it should put out for what it read"
    return f", {_at(place)}: {place.found:.6g}, where {place.expected:.6g} is right{after if layer.own else ''}"


def _explained(rule: Explanation | None, first: str) -> list[str]:
    if rule is None:
        return ["no known rule explains it"]
    where = "it" if rule.node == first else f"{rule.node!r}, which leads to it,"
    share = "all of it" if rule.whole else f"{rule.wrong - rule.left} of {rule.wrong} wrong values"
    lines = [f"rule: {rule.rule}: {where} {rule.sentence} (this explains {share})"]
    return lines + [f"   or: {other.rule}: {other.node!r} {other.sentence}" for other in rule.others]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
