"""What a module gives by PyTorch, and what its import gives by the reference."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

import nmc
from frontends.torch_cases import SAMPLES, Case, overload
from nmc import reference
from nmc.errors import NmcError
from nmc.nodes.tensor import Input

_ADDEND = torch.ones(SAMPLES, 6)
FAULT = "does not compute what the module does"
"""What the import says where its own check finds it at fault: no refusal that tests may take for one."""


class Applied(nn.Module):
    """An operation of ATen as a module of those of its tensors that have samples; the other arguments are fixed."""

    def __init__(self, key: str, case: Case) -> None:
        super().__init__()
        self.operation, self.case = overload(key), case

    def examples(self) -> tuple[torch.Tensor, ...]:
        """What forward takes; where no tensor has samples, something to add the result to."""
        return self._given() or (_ADDEND,)

    def _given(self) -> tuple[torch.Tensor, ...]:
        return tuple(filter(_has_samples, _tensors(self.case.values)))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The first output, or all of a list of them; more where the case asks for constants."""
        y = self._called(*inputs)
        if not self._given():
            return inputs[0] + y
        if not self.case.also_constants:
            return y
        z = self._called(*(example[:1] for example in self.examples()))
        if isinstance(y, torch.Tensor):
            return y.float() + z.float()
        return tuple(a.float() + b.float() for a, b in zip(y, z, strict=True))

    def _called(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        left = iter(inputs)

        def filled(value: object) -> object:
            if isinstance(value, list):
                return [filled(entry) for entry in value]
            if callable(value):
                return value(inputs[0])
            return next(left) if _has_samples(value) else value

        values = {name: filled(value) for name, value in self.case.values.items()}
        arguments = self.operation._schema.arguments
        placed = [argument.name for argument in arguments if not argument.kwarg_only]
        while placed and placed[-1] not in values:
            placed.pop()
        defaults = {argument.name: argument.default_value for argument in arguments}
        named = {name: value for name, value in values.items() if name not in placed}
        y = self.operation(*(values.get(name, defaults[name]) for name in placed), **named)
        return tuple(y) if isinstance(y, list) else y if isinstance(y, torch.Tensor) else y[0]


def _tensors(values: Mapping[str, object]) -> list[torch.Tensor]:
    entries = [entry for value in values.values() for entry in (value if isinstance(value, list) else [value])]
    return [entry for entry in entries if isinstance(entry, torch.Tensor)]


def _has_samples(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape[0] == SAMPLES


class Together(nn.Module):
    """Several modules as one: an export costs much more than an operation."""

    def __init__(self, modules: Sequence[Applied]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)
        self.inputs = {id(x): x for module in modules for x in module.examples()}
        self.places = [[list(self.inputs).index(id(x)) for x in module.examples()] for module in modules]

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made = [part(*(inputs[i] for i in places)) for part, places in zip(self.parts, self.places, strict=True)]
        return tuple(y for entry in made for y in (entry if isinstance(entry, tuple) else (entry,)))


def outputs(module: nn.Module, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What a module puts out in evaluation. Raises what the module raises."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = module.eval()(*inputs)
    return [given] if isinstance(given, torch.Tensor) else list(given)


def verdicts(modules: Sequence[Applied]) -> list[tuple[str, str]]:
    """The verdict of each, found by halves: of all that are honoured together, each one is."""
    if not modules:
        return []
    together = Together(modules)
    found = verdict(together, tuple(together.inputs.values()))
    if found[0] == "honoured" or len(modules) == 1:
        return [found] * len(modules)
    half = len(modules) // 2
    return [*verdicts(modules[:half]), *verdicts(modules[half:])]


def verdict(module: nn.Module, examples: Sequence[torch.Tensor]) -> tuple[str, str]:
    """ "honoured" where the import computes what the module does, on more samples than the examples have.

    Otherwise "refused" with what is said, or "wrong" with what is. Outputs are the same to 1e-4, those with 16 bits
    along the way to 1e-2.
    """
    try:
        model = nmc.from_torch(module, examples)
    except NmcError as error:
        return "wrong" if FAULT in str(error) else "refused", str(error)
    except Exception as error:
        return "wrong", f"it raises {type(error).__name__}: {error}"
    more = [torch.cat((x, x.flip(0), x[:1])) for x in examples]
    names = sorted((node.name for node in model.graph if isinstance(node, Input)), key=lambda name: (len(name), name))
    with np.errstate(all="ignore"):
        found = reference.run(model, {name: x.numpy() for name, x in zip(names, more, strict=True)})
    expected = outputs(module, more)
    coarse = any("16" in part.case.text for part in module.modules() if isinstance(part, Applied))
    tolerance = 1e-2 if coarse or any(x.dtype == torch.float16 for x in examples) else 1e-4
    for y, z in zip((found[name] for name in model.graph.outputs), (z.double().numpy() for z in expected), strict=True):
        if y.shape != z.shape:
            return "wrong", f"shape {y.shape}, of PyTorch {z.shape}"
        if not np.allclose(y, z, rtol=tolerance, atol=tolerance, equal_nan=True):
            return "wrong", f"differs by {np.nanmax(np.abs(y - z)):.3g}"
    return "honoured", ""
