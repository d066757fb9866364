"""Which points a sweep has."""

from __future__ import annotations

import pytest

from nmc import zoo
from nmc.errors import UsageError
from nmc.sweeps.grid import grid, merged_axes, parse_axes

CNN, SNN = zoo.load("digits-cnn"), zoo.load("digits-snn")


def settings(*targets: str, model=CNN, **axes: object) -> list[tuple[str, str]]:
    return [(point.target, point.setting) for point in grid(model, targets, axes)]


def test_axes_are_read_from_text() -> None:
    assert parse_axes(["timesteps=8,16", "weight-bits = 4, 6"]) == {"steps": ("8", "16"), "weight_bits": ("4", "6")}


@pytest.mark.parametrize("texts", [["steps"], ["=8"], ["steps="], ["steps=8", "timesteps=16"]])
def test_axes_that_are_none(texts: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_axes(texts)


def test_the_last_axis_is_the_fastest_and_values_have_their_types() -> None:
    points = grid(CNN, ["loihi-sim"], {"steps": ["8", "16"], "weight_bits": ["4", "6"]})
    assert [point.given for point in points] == [
        {"steps": 8, "weight_bits": 4}, {"steps": 8, "weight_bits": 6},
        {"steps": 16, "weight_bits": 4}, {"steps": 16, "weight_bits": 6},
    ]  # fmt: skip
    assert points[0].options["encoding"] == "rate"


def test_an_option_that_a_target_lacks_is_left_out_there() -> None:
    assert settings("gpu-sim", "loihi-sim", weight_bits=[4, 8], batch=[1, 8]) == [
        ("gpu-sim", "batch=1"), ("gpu-sim", "batch=8"), ("loihi-sim", "weight_bits=4"), ("loihi-sim", "weight_bits=8"),
    ]  # fmt: skip


def test_an_option_that_means_nothing_is_left_out_too() -> None:
    """Steps of a network without time, on a GPU; calibration of a network that spikes already; ranges of fp32."""
    assert settings("cpu", steps=[8, 16]) == [("cpu", "")]
    assert settings("cpu", model=SNN, steps=[8, 16]) == [("cpu", "steps=8"), ("cpu", "steps=16")]
    assert settings("loihi-sim", model=SNN, threshold_scale=[0.8, 1.2]) == [("loihi-sim", "")]
    assert settings("cpu", precision=["fp32", "int8"], ranges=["min-max", "mse"]) == [
        ("cpu", "precision=fp32"), ("cpu", "precision=int8,ranges=min-max"), ("cpu", "precision=int8,ranges=mse"),
    ]  # fmt: skip
    assert settings("loihi2-sim", neurons=["spiking", "sigma-delta"], threshold=[0.0, 0.1]) == [
        ("loihi2-sim", "neurons=spiking"),
        ("loihi2-sim", "neurons=sigma-delta,threshold=0.0"),
        ("loihi2-sim", "neurons=sigma-delta,threshold=0.1"),
    ]


def test_a_value_that_only_another_target_takes_is_left_out() -> None:
    assert settings("cpu", "tpu-sim", precision=["fp32", "int8"]) == [
        ("cpu", "precision=fp32"), ("cpu", "precision=int8"), ("tpu-sim", "precision=int8"),
    ]  # fmt: skip


@pytest.mark.parametrize(("targets", "axes", "said"), [
    (["cpu", "loihi-sim"], {"weight_bit": [4]}, "did you mean 'weight_bits'"),
    (["cpu", "loihi-sim"], {"weight_bits": [4, 9]}, "weight_bits is 9"),
    (["cpu", "tpu-sim"], {"precision": ["fp32"]}, "tpu-sim cannot be used so"),
    (["cpux"], {}, "did you mean 'cpu'"),
])  # fmt: skip
def test_what_nobody_takes_is_refused(targets: list[str], axes: dict[str, list[object]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        grid(CNN, targets, axes)


def test_an_option_is_given_in_one_place() -> None:
    assert merged_axes({"batch": 2}, {"timesteps": [8, 16]}) == {"batch": (2,), "steps": (8, 16)}
    with pytest.raises(UsageError, match="'steps' is given and swept"):
        merged_axes({"steps": 2}, {"timesteps": [8, 16]})
