"""Einsum: each pair of operands is one product, between transpositions and sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from string import ascii_letters

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.ops.layers import matrix_product
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.nodes import reduction, tensor


@dataclass(frozen=True, eq=False)
class _Term:
    """A value with a letter for each axis; axes of an ellipsis have numbers."""

    value: Value
    letters: tuple[str, ...]

    @property
    def sizes(self) -> Mapping[str, int]:
        """The size of each letter."""
        return dict(zip(self.letters, self.value.dims, strict=True))


def _einsum(call: Call) -> Value:
    values = [call.value(index) for index in range(len(call.inputs))]
    terms, result = _parsed(call.text("equation", ""), [value.dims for value in values])
    waiting = [_Term(value, letters) for value, letters in zip(values, terms, strict=True)]
    writer = call.writer
    waiting = [_diagonal(writer, term) for term in waiting]
    sizes = _sizes(waiting)
    waiting = [_without_ones(writer, term, sizes) for term in waiting]
    while len(waiting) > 1:
        kept = {letter for term in waiting[2:] for letter in term.letters} | set(result)
        waiting[:2] = [_product(writer, waiting[0], waiting[1], kept)]
    (last,) = waiting
    last = _summed(writer, last, set(result))
    y = writer.signal(last.value)
    here = [letter for letter in result if letter in last.letters]
    y = writer.transpose(y, [last.letters.index(letter) for letter in here])
    if len(here) < len(result):  # axes of size one in every operand that has them
        y = writer.reshape(y, tuple(sizes[letter] for letter in result))
    return y


def _parsed(equation: str, dims: Sequence[Shape]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The letters of each operand and of the result, those of an ellipsis counted from its last axis."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(dims) or any(set(part.replace("...", "", 1)) - set(ascii_letters) for part in (*parts, right)):
        raise Refusal(f"its equation {equation!r} does not fit its {len(dims)} operands", "mend the equation")
    terms = []
    for part, shape in zip(parts, dims, strict=True):
        hidden = len(shape) - len(part.replace("...", "")) if "..." in part else 0
        terms.append(_expanded(part, hidden))
        if hidden < 0 or len(terms[-1]) != len(shape):
            raise Refusal(f"its equation {equation!r} does not fit an operand with {len(shape)} axes", "mend it")
    most = max(sum(letter.isdigit() for letter in term) for term in terms)
    if arrow:
        result = _expanded(right, most)
    else:
        counts = Counter(letter for term in terms for letter in term)
        once = sorted(letter for letter, count in counts.items() if count == 1 and letter.isalpha())
        result = (*_expanded("...", most), *once)
    if len(set(result)) < len(result) or set(result) - {letter for term in terms for letter in term}:
        raise Refusal(f"its equation {equation!r} has a result that does not follow", "mend the equation")
    return terms, result


def _expanded(part: str, hidden: int) -> tuple[str, ...]:
    before, dots, after = part.partition("...")
    return (*before, *(str(place) for place in range(hidden - 1, -1, -1) if dots), *after)


def _sizes(terms: Sequence[_Term]) -> Mapping[str, int]:
    """The size of each letter; axes of size one repeat."""
    found: dict[str, int] = {}
    for term in terms:
        for letter, size in term.sizes.items():
            if found.get(letter, 1) != 1 and size not in (1, found[letter]):
                raise Refusal(f"its axis {letter} has sizes {found[letter]} and {size}", "mend the shapes in the file")
            found[letter] = max(size, found.get(letter, 1)) if size else 0
    return found


def _diagonal(writer: Writer, term: _Term) -> _Term:
    """A term in which each letter stands once: where it stood twice, both places move together."""
    for letter in dict.fromkeys(term.letters):
        while term.letters.count(letter) > 1:
            first = term.letters.index(letter)
            second = term.letters.index(letter, first + 1)
            x = writer.signal(term.value)
            n, rest = x.dims[first], [axis for axis in range(len(x.dims)) if axis not in (first, second)]
            if x.dims[second] != n:
                raise Refusal(f"its axis {letter} has sizes {n} and {x.dims[second]}", "mend the shapes in the file")
            for axis in (first, second):
                x.axis(axis)
            x = writer.transpose(x, [*rest, first, second])
            x = writer.reshape(x, (*x.dims[:-2], n * n))
            x = writer.gather(x, -1, range(0, n * n, n + 1))
            term = _Term(x, (*(term.letters[axis] for axis in rest), letter))
    return term


def _without_ones(writer: Writer, term: _Term, sizes: Mapping[str, int]) -> _Term:
    """A term without the axes of size one, which multiply by the same number all along the axes of others."""
    gone = [axis for axis, size in enumerate(term.value.dims) if size == 1]
    if not gone:
        return term
    letters = tuple(letter for axis, letter in enumerate(term.letters) if axis not in gone)
    if isinstance(term.value, Signal):
        return _Term(writer.squeeze(term.value, gone), letters)
    return _Term(Known(real(term.value).array.squeeze(tuple(gone)), term.value.name), letters)


def _summed(writer: Writer, term: _Term, kept: set[str]) -> _Term:
    """A term summed over the letters that nothing else has."""
    gone = [axis for axis, letter in enumerate(term.letters) if letter not in kept]
    if not gone:
        return term
    letters = tuple(letter for letter in term.letters if letter in kept)
    if isinstance(term.value, Known) and term.value.other is None:
        return _Term(Known(real(term.value).array.sum(axis=tuple(gone))), letters)
    return _Term(writer.reduce(reduction.ReduceSum, term.value, gone, keep=False), letters)


def _product(writer: Writer, left: _Term, right: _Term, kept: set[str]) -> _Term:
    """The product of two terms, summed over the letters that are not kept."""
    left = _summed(writer, left, kept | set(right.letters))
    right = _summed(writer, right, kept | set(left.letters))
    if isinstance(left.value, Known) and isinstance(right.value, Signal):
        left, right = right, left
    shared = [letter for letter in left.letters if letter in right.letters]
    summed = [letter for letter in shared if letter not in kept]
    both = [letter for letter in shared if letter in kept]
    mine = [letter for letter in left.letters if letter not in shared]
    theirs = [letter for letter in right.letters if letter not in shared]
    if not summed:
        letters = (*both, *mine, *theirs)
        sides = [_spread(writer, term, letters) for term in (left, right)]
        return _Term(writer.broadcast(tensor.Mul, *sides), letters)
    if isinstance(right.value, Known) and not both:
        x = _grouped(writer, left, [[letter] for letter in mine] + [summed])
        weight = _grouped(writer, right, [summed, theirs])
        y = matrix_product(writer, x, weight)
        return _Term(_ungrouped(writer, y, (left, right), [[m] for m in mine] + [theirs]), (*mine, *theirs))
    samples = [letter for letter in mine if isinstance(left.value, Signal) and left.value.batch is not None
               and left.value.batch == left.letters.index(letter)]  # fmt: skip
    theirs_too = [letter for letter in theirs if isinstance(right.value, Signal) and right.value.batch is not None
                  and right.value.batch == right.letters.index(letter)]  # fmt: skip
    alone = [*samples, *theirs_too]
    lead = [[letter] for letter in (*both, *alone)]
    mine, theirs = [m for m in mine if m not in alone], [t for t in theirs if t not in alone]
    x = _grouped(writer, left, [*lead, mine, summed])
    z = _grouped(writer, right, [*lead, summed, theirs])
    y = writer.matmul(x, z)
    groups = [*lead, mine, theirs]
    return _Term(_ungrouped(writer, y, (left, right), groups), tuple(letter for group in groups for letter in group))


def _spread(writer: Writer, term: _Term, letters: Sequence[str]) -> Value:
    """A term with an axis for each of the letters, of size one where it has none."""
    return _grouped(writer, term, [[letter] for letter in letters])


def _grouped(writer: Writer, term: _Term, groups: Sequence[Sequence[str]]) -> Value:
    """A term with one axis for each group of letters, of which it need not have all."""
    own = [[letter for letter in group if letter in term.letters] for group in groups]
    order = [term.letters.index(letter) for group in own for letter in group]
    dims = tuple(prod(term.sizes[letter] for letter in group) for group in own)
    if isinstance(term.value, Signal):
        return writer.reshape(writer.transpose(term.value, order), dims)
    if term.value.other is not None:
        return writer.reshape(writer.transpose(writer.signal(term.value), order), dims)
    name = term.value.name if order == sorted(order) and dims == term.value.dims else ""
    return Known(np.transpose(real(term.value).array, order).reshape(dims), name)


def _ungrouped(writer: Writer, y: Signal, terms: Sequence[_Term], groups: Sequence[Sequence[str]]) -> Signal:
    """A product with an axis for each letter again."""
    sizes = {**terms[0].sizes, **terms[1].sizes}
    return writer.reshape(y, tuple(sizes[letter] for group in groups for letter in group))


OPERATIONS: Mapping[str, Operation] = {"Einsum": _einsum}
