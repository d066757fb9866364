"""Running passes: each result is checked, and a fault names the pass and the node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nmc import passes
from nmc.errors import ModelError
from nmc.graph import Ref
from nmc.model import Model
from nmc.nodes import KINDS
from nmc.nodes.tensor import Linear, Tanh
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.text import parse

MODEL = Model(
    "m",
    parse("x = Input(shape=(2,))\ny = Linear(x, features=2, weight='w')\nreturn y", "net.txt"),
    {"w": np.eye(2)},
)


@dataclass(frozen=True)
class Doubled:
    """Doubles the weights."""

    name: str = "doubled"
    stage: passes.Stage = "model"
    keeps: passes.Keeps = "converts"

    def __call__(self, model: Model, samples: passes.Samples) -> Model:
        return model.with_(model.graph, {"w": model.weights["w"] * 2})


@dataclass(frozen=True)
class Swapped:
    """Puts another node in the place of y."""

    node: Linear | Tanh
    stage: passes.Stage = "model"
    name: str = "swapped"
    keeps: passes.Keeps = "converts"

    def __call__(self, model: Model, samples: passes.Samples) -> Model:
        return Model(model.name, model.graph.replace(self.node), model.weights)


def complaint(*steps: passes.Pass) -> str:
    with pytest.raises(ModelError) as caught:
        passes.apply(steps, MODEL)
    (fault,) = caught.value.faults
    return str(fault).split("\n")[0]


def test_passes_run_in_order_and_are_watched() -> None:
    seen: list[tuple[str, float]] = []
    result = passes.apply(
        [Doubled("first"), Doubled("second")],
        MODEL,
        watch=lambda name, model: seen.append((name, model.weights["w"][0, 0])),
    )
    assert seen == [("first", 2.0), ("second", 4.0)]
    assert result.weights["w"][0, 0] == 4.0
    assert MODEL.weights["w"][0, 0] == 1.0


def test_no_passes_change_nothing() -> None:
    assert passes.apply([], MODEL) is MODEL


def test_a_graph_that_a_pass_breaks() -> None:
    step = Swapped(Tanh(name="y", inputs=(Ref("gone"),)))
    assert complaint(Doubled(), step) == (
        "net.txt:2: node 'y': after the pass swapped: it reads 'gone', which is not a node"
    )


def test_an_array_that_a_pass_forgets() -> None:
    step = Swapped(Linear(name="y", inputs=(Ref("x"),), features=3, weight="w"))
    assert complaint(step) == (
        "net.txt:2: node 'y': after the pass swapped: the array 'w' has shape (2, 2), but Linear takes shape (3, 2)"
    )


def test_a_node_that_is_not_legal_at_the_stage() -> None:
    step = Swapped(Tanh(name="y", inputs=(Ref("x"),)), stage="spiking")
    assert complaint(step) == "net.txt:2: node 'y': after the pass swapped: Tanh is not legal at the stage 'spiking'"


def test_a_faulty_result_is_not_watched() -> None:
    seen: list[str] = []
    with pytest.raises(ModelError):
        passes.apply([Doubled(), Swapped(Tanh(name="y"))], MODEL, watch=lambda name, model: seen.append(name))
    assert seen == ["doubled"]


@dataclass(frozen=True)
class Crashing:
    """Looks up what is not there, or has a stage that there is not."""

    stage: passes.Stage = "model"
    name: str = "crashing"
    keeps: passes.Keeps = "exact"

    def __call__(self, model: Model, samples: passes.Samples) -> Model:
        return model if self.stage != "model" else model.with_(model.graph, {"w": model.weights["gone"]})


@pytest.mark.parametrize(("step", "cause"), [
    (Crashing(), "KeyError: 'gone'"),
    (Crashing("spikng"), "KeyError: 'spikng'"),  # type: ignore[arg-type]
])  # fmt: skip
def test_a_pass_that_crashes_is_named_with_those_before_it(step: Crashing, cause: str) -> None:
    with pytest.raises(passes.PassError, match="an error of nmc") as caught:
        passes.apply([Doubled("first"), Doubled("second"), step], MODEL)
    (fault,) = caught.value.faults
    assert fault.what == f"the pass crashing failed, after first, second: {cause}"
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("error", [ModelError("there are none"), ZeroDivisionError("of the user's own function")])
def test_what_reading_samples_raises_is_no_fault_of_the_pass(error: Exception) -> None:
    def unreadable() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        passes.apply([QuantizeInt8()], MODEL, unreadable)
    assert caught.value is error


def test_every_stage_lists_kinds_that_exist_and_every_kind_has_a_stage() -> None:
    assert set().union(*passes.STAGES.values()) == set(KINDS.values())


@pytest.mark.parametrize(
    ("kind", "stages"),
    [
        ("Input", {"model", "quantized", "spiking", "fixed-point", "hosted"}),
        ("Relu", {"model", "quantized"}),
        ("LIF", {"model", "quantized", "spiking", "hosted"}),
        ("QuantizeLinear", {"quantized", "fixed-point", "hosted"}),
        ("FixedLIF", {"fixed-point", "hosted"}),
        ("RateEncode", {"model", "quantized", "spiking", "fixed-point", "hosted"}),
    ],
)
def test_where_a_kind_is_legal(kind: str, stages: set[str]) -> None:
    assert {stage for stage, kinds in passes.STAGES.items() if KINDS[kind] in kinds} == stages
