"""Whether a model computes what the module does that it was made of: run on both, before it is given out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from nmc import reference
from nmc.errors import UnsupportedError
from nmc.model import FloatArray, Model

if TYPE_CHECKING:
    from torch import Tensor, fx, nn

_TRIES = 3
"""So many kinds of noise must differ: where a value lies on a step, rounding alone may do that once."""


def require_agreement(
    model: Model, inputs: Sequence[str], module: nn.Module, examples: Sequence[Tensor], graph: fx.Graph
) -> None:
    """Raise UnsupportedError where model and module differ on noise, or on the examples where the module takes none.

    `inputs` are the model's nodes for what `module`, in evaluation, takes. `graph` has its operations: the
    coarsest floats among these, and at least 32-bit floats, say how far apart outputs may lie, in parts of the
    largest (three times the square root of their precision).
    """
    tolerance = 3 * sqrt(max(_precisions(graph)))
    runs = _runs(module, _noise(examples)) or _runs(module, [_ends(examples)])
    said = "it cannot be run on two samples of its example"
    for given, wanted in runs:
        said = _difference(_found(model, inputs, given), wanted, tolerance)
        if not said:
            return
    remedy = "this is a fault of nmc, not of the module: report it, and say what it does in other operations meanwhile"
    raise UnsupportedError(f"the model does not compute what the module does: {said}", remedy)


def _precisions(graph: fx.Graph) -> Iterator[float]:
    """The precision of 32-bit floats, and those of the coarser ones among the operations."""
    torch = import_module("torch")
    yield float(np.finfo(np.float32).eps)
    for node in graph.nodes:
        dtype = getattr(node.meta.get("val"), "dtype", None)
        if dtype is not None and dtype.is_floating_point:
            yield float(torch.finfo(dtype).eps)


def _noise(examples: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Two samples each time: one of the example beside noise, or noise alone where the example is all alike.

    Whole numbers may be places in a table: those of the example are taken.
    """
    torch = import_module("torch")
    alike = all(bool((tensor == tensor.reshape(-1)[0]).all()) for tensor in examples if tensor.numel())
    for seed in range(_TRIES):
        source = torch.Generator().manual_seed(seed)
        given = []
        for tensor in examples:
            first, last = tensor[seed % len(tensor)], tensor[-1 - seed % len(tensor)]
            if tensor.dtype.is_floating_point:
                last = torch.randn(last.shape, generator=source).to(tensor)
                first = torch.randn(first.shape, generator=source).to(tensor) if alike else first
            given.append(torch.stack((first, last)))
        yield given


def _ends(examples: Sequence[Tensor]) -> list[Tensor]:
    """The first and the last sample."""
    torch = import_module("torch")
    return [torch.stack((tensor[0], tensor[-1])) for tensor in examples]


def _runs(module: nn.Module, tries: Iterable[list[Tensor]]) -> list[tuple[list[Tensor], list[FloatArray]]]:
    """Those of some inputs that the module runs on, and what it puts out."""
    made = ((given, _outputs(module, given)) for given in tries)
    return [(given, wanted) for given, wanted in made if wanted is not None]


def _outputs(module: nn.Module, inputs: Sequence[Tensor]) -> list[FloatArray] | None:
    """What the module puts out, as far as it is tensors; nothing where it raises."""
    torch = import_module("torch")
    try:
        with torch.no_grad():
            given = module(*(tensor.clone() for tensor in inputs))
    except Exception:  # of the module's own code: it may hold noise for what it never gets
        return None
    leaves = import_module("torch.utils._pytree").tree_leaves(given)
    return [_array(leaf) for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().cpu().to(import_module("torch").float64).numpy()
    return array


def _found(model: Model, inputs: Sequence[str], given: Sequence[Tensor]) -> list[FloatArray]:
    """What the model puts out."""
    with np.errstate(all="ignore"):
        found = reference.run(model, {name: _array(tensor) for name, tensor in zip(inputs, given, strict=True)})
    return [found[name] for name in model.graph.outputs]


def _difference(found: Sequence[FloatArray], wanted: Sequence[FloatArray], tolerance: float) -> str:
    """What differs first; nothing where all lies within the tolerance."""
    if len(found) != len(wanted):
        return f"it has {len(found)} outputs, the module {len(wanted)}"
    for index, (y, z) in enumerate(zip(found, wanted, strict=True)):
        if y.shape != z.shape:
            return f"output {index} of two samples has shape {list(y.shape)}, of the module {list(z.shape)}"
        number = np.isfinite(y) & np.isfinite(z)
        if not np.array_equal(y[~number], z[~number], equal_nan=True):
            return f"output {index} is NaN or infinite where that of the module is not, or the other way round"
        largest = float(np.abs(z[number]).max(initial=0.0))
        if not np.allclose(y[number], z[number], rtol=tolerance, atol=max(tolerance * largest, 1e-6)):
            apart = float(np.abs(y[number] - z[number]).max())
            return f"output {index} differs by {apart:.3g}, where the module's largest is {largest:.3g}"
    return ""
