"""Pipelines as text: what is written reads back the same, for every target; and what is no pipeline is explained."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nmc
from nmc import datasets
from nmc.backends import target_named, targets
from nmc.datasets import calibration
from nmc.errors import UsageError
from nmc.model import FloatArray, Model
from nmc.passes import Pass
from nmc.passes.pipelines import PASSES, Pipeline, parse, pass_named
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.set_steps import SetSteps
from nmc.pipeline import pipeline_of, prepare
from nmc.verification.record import Level

TARGET = pytest.mark.parametrize("target", targets())
VALUES: dict[object, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: st.integers(0, 9),
    float: st.floats(0, 2),
    int | None: st.none() | st.integers(1, 99),
    float | None: st.none() | st.floats(0, 2),
}


def values(hint: object) -> st.SearchStrategy[object] | None:
    """Values of an option; None for names, which no pass has."""
    return st.sampled_from(get_args(hint)) if get_origin(hint) is Literal else VALUES.get(hint)


def drawn(draw: st.DrawFn, kind: type[object]) -> dict[str, object]:
    hints = get_type_hints(kind)
    known = {option.name: values(hints[option.name]) for option in fields(kind)}  # type: ignore[arg-type]
    return {name: draw(found) for name, found in known.items() if found is not None and draw(st.booleans())}


@TARGET
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_targets_pipeline_reads_back_the_same(target: str, data: st.DataObject) -> None:
    chosen = target_named(target)
    given_options = drawn(data.draw, type(chosen.options))
    try:
        options = chosen.configured(given_options)
    except UsageError:
        assume(False)
    pipeline = pipeline_of(chosen, options)
    assert parse(str(pipeline)) == pipeline
    assert hash(parse(str(pipeline))) == hash(pipeline)


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_pass_reads_back_the_same(name: str, data: st.DataObject) -> None:
    kind = pass_named(name)
    try:
        pipeline = Pipeline((kind(**drawn(data.draw, kind)),))
    except UsageError:
        assume(False)
    assert parse(str(pipeline)) == pipeline


@TARGET
def test_pipelines_of_equal_options_are_equal(target: str) -> None:
    chosen = target_named(target)
    one, other = (pipeline_of(chosen, chosen.configured({"steps": steps})) for steps in (4, "4"))
    assert one == other == parse(f"@{target}{{steps=4}}") != pipeline_of(chosen, chosen.configured({"steps": 5}))
    assert len({one, other}) == 1


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_is_called_what_the_table_calls_it(name: str) -> None:
    assert pass_named(name).name == name
    assert name == name.lower().replace("_", "-")


@pytest.mark.parametrize(("text", "passes"), [
    ("set-steps", [SetSteps()]),
    (" set-steps{steps=3} ,\nquantize-int8{ ranges=mse, bias-correction=true }", [
        SetSteps(3), QuantizeInt8("mse", bias_correction=True)
    ]),
    ("quantize-int8{bias_correction=1,},", [QuantizeInt8(bias_correction=True)]),
    ("set-steps{},@tpu-sim{steps=2}", [
        SetSteps(), *pipeline_of(target_named("tpu-sim"), target_named("tpu-sim").configured({"steps": 2}))
    ]),
])  # fmt: skip
def test_what_reads_as_a_pipeline(text: str, passes: list[Pass]) -> None:
    assert parse(text) == Pipeline(tuple(passes))


@pytest.mark.parametrize(("text", "what", "remedy"), [
    ("set-steps,fold-batch-norm", "there is no pass 'fold-batch-norm'", "did you mean 'fold-batchnorm'"),
    ("fuse_synapses", "there is no pass 'fuse_synapses'", "did you mean 'fuse-synapses'"),
    ("loihi-sim", "there is no pass 'loihi-sim'", "'@loihi-sim'"),
    ("@loihi", "'loihi' is not a target", "'loihi-sim'"),
    ("quantize-int8{range=mse}", "the pass quantize-int8 has no option 'range'", "did you mean 'ranges'"),
    ("fuse-synapses{ranges=mse}", "the pass fuse-synapses has no option 'ranges'", "leave it out"),
    ("@cpu{presicion=int8}", "cpu has no option 'presicion'", "did you mean 'precision'"),
    ("quantize-int8{ranges=max}", "cannot be used so: ranges: Input should be 'min-max'", None),
    ("quantize-int8{ranges}", "'ranges' of quantize-int8 is not OPTION=VALUE", "quantize-int8{ranges="),
    ("quantize-fixed-point{weight-bits=9}", "weight_bits is 9", "give 4 to 8"),
    ("to-spiking{charge=1}", "charge is 1", "a fraction"),
    ("set-steps{steps=0}", "steps is 0", "1 step or more"),
    ("replace-max-pools{method=max}", "cannot be used so: method: Input should be 'average' or 'pairwise'", None),
    ("", "the pipeline names no pass", "fold-batchnorm,quantize-int8"),
    (",", "',' is not a pass", "fold-batchnorm,quantize-int8"),
    ("set-steps{steps=3", "'set-steps{steps=3' is not a pass", "fold-batchnorm,quantize-int8"),
    ("set-steps fuse-synapses", "'set-steps fuse-synapses' is not a pass", "separated by commas"),
])  # fmt: skip
def test_what_is_no_pipeline_is_explained(text: str, what: str, remedy: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    (fault,) = caught.value.faults
    assert what in fault.what
    assert remedy is None or remedy in str(fault.remedy)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models whose calibration samples are read, each time that they are."""
    names: list[str] = []

    def counted(model: Model) -> FloatArray | None:
        names.append(model.name)
        return calibration(model)

    monkeypatch.setattr(datasets, "calibration", counted)
    return names


@pytest.mark.parametrize(("target", "verify", "read"), [
    ("cpu", "none", 0), ("cpu", "brief", 1), ("tpu-sim", "brief", 1)
])  # fmt: skip
def test_a_compile_reads_samples_when_first_asked_and_once(
    target: str, verify: Level, read: int, reading: list[str], tmp_path: Path
) -> None:
    nmc.compile("digits-cnn", target, tmp_path / "program", verify=verify)
    assert reading == ["digits-cnn"] * read


def test_passes_that_measure_share_what_was_read(reading: list[str]) -> None:
    """The thresholds of neurons and the scales of integers follow from samples."""
    chosen = target_named("loihi-sim")
    prepare(nmc.load("digits-cnn"), chosen, chosen.configured({}))
    assert reading == ["digits-cnn"]
