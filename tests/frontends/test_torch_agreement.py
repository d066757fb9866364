"""A model of a module is given only where it computes what the module does, on samples that both are run on."""

from __future__ import annotations

import pytest

import nmc
from needs import extra
from nmc.errors import UnsupportedError

torch = extra("torch")
from torch import nn  # noqa: E402

from nmc.frontends.torch.aten import OPERATIONS  # noqa: E402
from nmc.frontends.torch.call import Call  # noqa: E402


def wrong(call: Call) -> str:
    """Another function than the one that is asked for."""
    return call.graph.node("Abs", call.x())


def of_other_shape(call: Call) -> str:
    return call.graph.node("Unsqueeze", call.x(), call.graph.integers(1))


def never_a_number(call: Call) -> str:
    return call.graph.node("Log", call.graph.node("Neg", call.graph.node("Abs", call.x())))


@pytest.mark.parametrize("example", [torch.zeros(1, 4), torch.ones(2, 4), torch.randn(3, 4)])
def test_what_the_import_says_wrongly_is_no_model(monkeypatch: pytest.MonkeyPatch, example: torch.Tensor) -> None:
    """Of whatever example: where it is all alike, as zeros are, noise is taken in its place."""
    monkeypatch.setitem(OPERATIONS, "relu", wrong)
    with pytest.raises(UnsupportedError) as caught:
        nmc.from_torch(nn.ReLU(), example)
    (fault,) = caught.value.faults
    assert fault.what.startswith("the model does not compute what the module does: output 0 differs by ")
    assert "a fault of nmc, not of the module: report it" in fault.remedy


@pytest.mark.parametrize(
    ("said", "message"),
    [(of_other_shape, r"has shape \[2, 1, 4\], of the module \[2, 4\]"), (never_a_number, "is NaN or infinite where")],
)
def test_shapes_and_numbers_that_are_none_are_told(
    monkeypatch: pytest.MonkeyPatch, said: object, message: str
) -> None:
    monkeypatch.setitem(OPERATIONS, "relu", said)
    with pytest.raises(UnsupportedError, match=message):
        nmc.from_torch(nn.ReLU(), torch.randn(2, 4))


def test_a_value_on_a_step_is_no_difference() -> None:
    """The example lies where round and > jump; noise does not."""

    class Steps(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x / 3 * 3).round() + (x / 3 * 3 > 0.5)

    assert nmc.from_torch(Steps(), torch.full((2, 4), 0.5)).graph


def test_a_module_that_runs_on_its_example_alone_is_checked_on_that() -> None:
    class Positive(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not torch.compiler.is_compiling() and bool((x < 0).any()):
                raise ValueError("a length is below 0")
            return x.sqrt()

    assert nmc.from_torch(Positive(), torch.rand(2, 4) + 1).graph


def test_a_module_that_does_not_take_its_example() -> None:
    with pytest.raises(nmc.errors.UsageError, match=r"does not take its example: RuntimeError: .*shapes"):
        nmc.from_torch(nn.Linear(3, 2), torch.zeros(2, 4))
