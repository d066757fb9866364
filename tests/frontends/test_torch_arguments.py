"""Each argument of each operation of ATen that is taken: honoured as PyTorch has it, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import nmc
from needs import extra
from nmc.errors import NmcError

torch = extra("torch")
from torch import nn  # noqa: E402

from frontends.torch_cases import BASES, NOT_DRAWN, REFUSED, ROW, UNREACHED, cases, overload  # noqa: E402
from frontends.torch_trials import Outcome, Trials  # noqa: E402
from nmc.frontends.torch.aten import OPERATIONS  # noqa: E402


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.close()


def gives_tensors(operation: torch._ops.OpOverload) -> bool:
    """Whether an overload stands in exported programs: it gives tensors, and changes none."""
    schema = operation._schema
    given = [str(value.type) for value in schema.returns]
    pure = not schema.is_mutable and not any(argument.is_out for argument in schema.arguments)
    return pure and bool(given) and all("Tensor" in kind for kind in given)


def test_no_overload_is_left_out() -> None:
    """But of sym_size, which gives no tensor: the views here take it."""
    packets = [getattr(torch.ops.aten, name) for name in OPERATIONS]
    found = {f"{packet._qualified_op_name.removeprefix('aten::')}.{kind}" for packet in packets
             for kind in packet.overloads() if gives_tensors(getattr(packet, kind))}  # fmt: skip
    assert found == {*BASES, *NOT_DRAWN}


@pytest.mark.parametrize("key", BASES)
def test_an_argument_is_honoured_or_refused(key: str, trials: Trials) -> None:
    """As it is, every operation is honoured, and PyTorch takes another value for each of its arguments."""
    outcomes = trials.of(key)
    assert [outcome for outcome in outcomes if outcome.verdict == "wrong"] == []
    plain = {outcome.verdict: outcome.said for outcome in outcomes if not outcome.argument}
    assert list(plain) == ["refused" if key in REFUSED else "honoured"], plain
    assert REFUSED.get(key, "") in plain.get("refused", "")
    if key not in REFUSED:
        assert untried(key, outcomes) == {name for where, name in UNREACHED if where == key}


def untried(key: str, outcomes: list[Outcome]) -> set[str]:
    """The arguments of which PyTorch takes no value besides that of the plain case; tensors are no such."""
    taken = {outcome.argument for outcome in outcomes if outcome.verdict != "rejected"}
    base = next(cases(key)).values
    return {
        argument.name for argument in overload(key)._schema.arguments
        if argument.name not in taken and not isinstance(base.get(argument.name), torch.Tensor | list)
        and not callable(base.get(argument.name))
    }  # fmt: skip


DYING = """
for request in iter(input, ""):
    for place in "012":
        if place not in request.split():
            print('["run", "' + place + '"]', flush=True)
            if place == "1":
                raise SystemExit(1)
            print('["", "' + place + '", "honoured", ""]', flush=True)
    print('["end"]', flush=True)
"""


def test_trials_outlive_what_pytorch_dies_of() -> None:
    trials = Trials(["-c", DYING])
    assert trials.of("relu.default") == [Outcome("", place, "honoured", "") for place in "02"]
    trials.close()


def test_trials_fail_where_the_import_dies() -> None:
    trials = Trials(["-c", "input(); print('[\"import\"]')"])
    assert [outcome.verdict for outcome in trials.of("relu.default")] == ["wrong"]


def test_a_refusal_names_the_argument_and_the_line() -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.aten.elu.default(x, 1.0, 2.0)

    with pytest.raises(NmcError, match=r"elu cannot be imported with scale=2.0") as caught:
        nmc.from_torch(Scaled(), ROW)
    assert "test_torch_arguments.py" in str(caught.value.faults[0].where)
