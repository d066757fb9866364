"""ATen's operations along axes that end in one value each, and running sums."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod

import numpy as np

from nmc.frontends.torch.call import Call, Operation, Value

_OVER_SAMPLES = "it runs over all axes, and so over samples"
_APART = "name axes of a sample, as in x.sum(dim=1): a sample must not depend on others"


def _reduce(call: Call, kind: str, at: int = 1) -> str:
    """A reduction; the axes are argument `at`, whether to keep them the one after."""
    x = _counted(call) if kind in ("ReduceSum", "ReduceProd") else call.x()
    return call.graph.node(kind, x, call.graph.integers(*_axes(call, at)), keepdims=_keeps(call, at + 1))


def _counted(call: Call) -> str:
    """The operand, with truth values as whole numbers: sums and products of them are such."""
    from onnx import TensorProto

    x = call.x()
    return call.graph.node("Cast", x, to=TensorProto.INT64) if call.is_truth(call.given(0)) else x


def _axes(call: Call, at: int) -> tuple[int, ...]:
    """The axes of a reduction; all of them where none is named."""
    return call.wholes(at, "dim") or _everywhere(call)


def _everywhere(call: Call) -> tuple[int, ...]:
    """All axes. Raises ValueError where samples are among them."""
    if None in call.shape():
        raise ValueError(_OVER_SAMPLES, _APART)
    return tuple(range(len(call.shape())))


def _keeps(call: Call, at: int) -> int:
    return int(bool(call.given(at, "keepdim", False)))


def _arg_max(call: Call, kind: str = "ArgMax") -> str:
    if call.given(1, "dim") is None:
        raise ValueError(_OVER_SAMPLES, _APART)
    return call.graph.node(kind, call.x(), axis=call.whole(1, "dim"), keepdims=_keeps(call, 2))


def _extreme(call: Call, kind: str) -> Value:
    """The largest or the least: of two tensors, of everything, or along an axis with its place."""
    other = call.given(1)
    if other is not None and not isinstance(other, int):
        return call.graph.node(kind, call.x(), call.x(1))
    value = _reduce(call, f"Reduce{kind}")
    return value if other is None else (value, _arg_max(call, f"Arg{kind}"))


def _norm(call: Call) -> str:
    order = call.number(1, "ord", 2.0)
    if order in (1.0, 2.0):
        return _reduce(call, f"ReduceL{order:.0f}", at=2)
    if order == float("inf"):
        axes = call.graph.integers(*_axes(call, 2))
        return call.graph.node("ReduceMax", call.graph.node("Abs", call.x()), axes, keepdims=_keeps(call, 3))
    raise ValueError(f"it is the norm of order {order:g}: it takes 1, 2 and infinity")


def _variance(call: Call) -> str:
    """The mean of the squares of what is above the mean, times n / (n - correction)."""
    correction = _correction(call) if call.named("unbiased", True) is True else 0.0
    axes = _axes(call, 1) if "dim" in call.declared else _everywhere(call)
    if any(call.shape()[axis] is None for axis in axes):
        raise ValueError("it runs over samples", _APART)
    names = call.graph.integers(*axes)
    above = call.graph.node("Sub", call.x(), call.graph.node("ReduceMean", call.x(), names, keepdims=1))
    mean = call.graph.node(
        "ReduceMean", call.graph.node("Mul", above, above), names, keepdims=int(bool(call.named("keepdim")))
    )
    count = prod(call.shape()[axis] or 0 for axis in axes)
    if count <= correction:
        raise ValueError(f"it divides by {count} - {correction:g}")
    return call.graph.node("Mul", mean, call.graph.constant(count / (count - correction), np.float32))


def _correction(call: Call) -> float:
    given = call.named("correction")
    return float(given) if isinstance(given, int | float) else 1.0


def _running_sum(call: Call) -> str:
    return call.graph.node("CumSum", _counted(call), call.graph.constant(call.whole(1, "dim"), np.int64))


OPERATIONS: Mapping[str, Operation] = {
    "mean": partial(_reduce, kind="ReduceMean"), "sum": partial(_reduce, kind="ReduceSum"),
    "prod": partial(_reduce, kind="ReduceProd"), "amax": partial(_reduce, kind="ReduceMax"),
    "amin": partial(_reduce, kind="ReduceMin"), "argmax": _arg_max, "argmin": partial(_arg_max, kind="ArgMin"),
    "max": partial(_extreme, kind="Max"), "min": partial(_extreme, kind="Min"), "linalg_vector_norm": _norm,
    "var": _variance, "cumsum": _running_sum,
}  # fmt: skip
"""What says each of these operations, by its name in ATen without overload."""
