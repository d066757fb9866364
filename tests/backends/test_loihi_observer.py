"""Watching a run: recordings on disk and strict warnings, on networks whose numbers fit in a comment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nmc
from conformance import networks
from conformance.networks import Case
from conformance.oracle import reference_trace
from nmc import reference
from nmc.backends.loihi import observer
from nmc.backends.loihi.engine import observe_model, run_model
from nmc.errors import UsageError
from nmc.model import Model
from nmc.recording import Recording
from nmc.text import parse


def network(text: str, **weights: object) -> Model:
    return Model("m", parse(f"dt = 0.001\n{text}"), {name: np.array(w) for name, w in weights.items()}).checked()


RECURRENT = network(
    """x = Input(shape=(5,), stream=True)
f = FixedDense(x, features=4, weight='f')
r = FixedDense(n@1, features=4, weight='r')
n = FixedLIF(f@1, r, du=1000, dv=300, vth=90)
return n""",
    f=np.random.default_rng(0).integers(-20, 60, (4, 5)) * 2, r=np.random.default_rng(1).integers(-20, 20, (4, 4)) * 2,
)
X = (np.random.default_rng(2).random((30, 25, 5)) < 0.4) * 1.0


@pytest.mark.parametrize("window_bytes", [1, 5000, 1 << 24])
def test_a_recording_holds_every_spike_u_and_v(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window_bytes: int
) -> None:
    """Whatever the length of the windows that go to the disk; watching changes no output."""
    monkeypatch.setattr(observer, "_WINDOW_BYTES", window_bytes)
    result = observe_model(RECURRENT, X, record=tmp_path / "r")
    assert np.array_equal(result.outputs["n"], run_model(RECURRENT, X).outputs["n"])
    recording = Recording.load(tmp_path / "r")
    spikes, u, v = (recording.read("n", signal) for signal in ("spikes", "u", "v"))
    assert (spikes.dtype, u.dtype, v.dtype) == (np.uint8, np.int32, np.int32)
    assert spikes.shape == u.shape == v.shape == (30, 25, 4)
    assert spikes.any() and np.array_equal(spikes, reference.run(RECURRENT, X, record=["n"])["n"])
    assert not v[spikes == 1].any()
    moved = np.sign(v[:, :-1]) * (np.abs(v[:, :-1].astype(np.int64)) * (4096 - 300) >> 12) + u[:, 1:]
    assert np.array_equal(np.where(moved > 90 << 6, 0, moved), v[:, 1:])


@pytest.mark.parametrize("make", [networks.graded_network, networks.dense_network, networks.convolutional_network])
def test_a_recording_holds_what_neurons_of_any_kind_send_and_carry(tmp_path: Path, make: Callable[[int], Case]) -> None:
    """Random networks, step by step as in the reference; what carries no number at all has its messages."""
    recorded: set[str] = set()
    for seed in range(20):
        case = make(seed)
        observe_model(case.model, case.x, record=tmp_path / f"{seed}")
        recording = Recording.load(tmp_path / f"{seed}")
        expected = reference_trace(case)
        for population in recording.populations:
            for signal in population.signals:
                if population.name != "sent":
                    sends = signal in ("spikes", "messages")
                    want = expected[f"{population.name}/{'s_out' if sends else signal}"]
                    np.testing.assert_array_equal(recording.read(population.name, signal), want)
                    recorded.add(f"{case.model.graph[population.name].kind}.{signal}")
    if make is networks.graded_network:
        assert recorded >= {
            "FixedDelta.act", "FixedDelta.residue", "FixedDelta.error", "FixedDelta.messages", "FixedSigma.sigma",
            "FixedSigmaDelta.sigma", "FixedResonator.real", "FixedResonator.imag", "FixedResonator.spikes",
            "FixedNormDelay.v", "FixedProduct.messages", "FixedGraded.messages",
        }  # fmt: skip
    else:
        assert recorded >= {"FixedLIF.u", "FixedLIF.v", "FixedLIF.spikes", "FixedTernaryLIF.u", "FixedTernaryLIF.v"}


def test_a_failed_run_leaves_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(observer.Recorder, "write", fail)
    with pytest.raises(RuntimeError):
        observe_model(RECURRENT, X, record=tmp_path / "r")
    assert not list(tmp_path.iterdir())


def test_only_a_recording_is_replaced(tmp_path: Path) -> None:
    observe_model(RECURRENT, X, record=tmp_path / "r")
    observe_model(RECURRENT, X[:2], record=tmp_path / "r")
    assert Recording.load(tmp_path / "r").samples == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    with pytest.raises(UsageError, match="holds no recording"):
        observe_model(RECURRENT, X, record=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "words"


def warned(facts: str, activations: list[int], **weights: object) -> list[tuple[str, int | None, int | None]]:
    """(zone, step, sample) of one neuron; sample 0 is silent, sample 1 gets these activations."""
    model = network(f"x = Input(shape=(1,), stream=True)\nn = FixedLIF(x, {facts})\nreturn n", **weights)
    x = np.stack([np.zeros(len(activations)), activations])[:, :, None]
    return [(w.zone, w.step, w.sample) for w in observe_model(model, x, strict=True).warnings]


QUIET = "du=4095, dv=4096, vth=131071"


def test_strict_names_where_numbers_leave_their_bits() -> None:
    """2^15 does not fit in 16 bits; shifted by 6, 2^17 is 2^23 and stays, one more wraps; 4 (2^21 + 2^19) > 2^23."""
    assert warned(QUIET, [2**15 - 1, -(2**15)]) == []
    assert warned(QUIET, [1, 2**15]) == [("activation", 1, 1)]
    assert warned(QUIET, [1, 1, 2**17 + 1])[1:] == [("current", 2, 1)]
    assert warned("du=4095, dv=0, vth=131071, bias_mant=-4096, bias_exp=7", [-(2**15)] * 4) == [("voltage", 3, 1)]


def test_strict_names_biases_beyond_the_chip() -> None:
    assert warned(QUIET + ", bias_mant=4095, bias_exp=7", [0]) == []
    assert warned(QUIET + ", bias_mant=4096", [0]) == [("bias", None, None)]
    assert warned(QUIET + ", bias_mant=1, bias_exp=8", [0]) == [("bias", None, None)]


def test_strict_names_a_spike_that_what_is_left_of_the_last_would_decide() -> None:
    """The threshold is 64 (vth 1): after a spike 128 is left on the chip, and 64 more is a spike only there."""
    assert warned("du=4095, dv=0, vth=1", [2, 1]) == [("reset", 1, 1)]
    assert warned("du=4095, dv=4096, vth=1", [2, 1]) == []
    assert warned("du=4095, dv=0, vth=4", [5, -1]) == []


def test_strict_names_sums_and_weights_of_convolutions() -> None:
    """300 * 40000 = 12,000,000 is above 2^23; 300 is above 255."""
    model = network(
        "x = Input(shape=(1, 1, 2), stream=True)\n"
        "c = FixedConv2d(x, channels=1, kernel=(1, 1), weight='w', num_message_bits=24)\nreturn c",
        w=[[[[300]]]],
    )
    x = np.array([0, 0, 0, 40000]).reshape(1, 2, 1, 1, 2) * 1.0
    weight, total = observe_model(model, x, strict=True).warnings
    assert (weight.zone, weight.node, weight.step) == ("weight", "c", None)
    assert (total.zone, total.step, total.sample, total.neuron) == ("sum", 1, 0, (0, 0, 1))


def test_other_engines_and_targets_say_that_they_cannot(tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "cpu", tmp_path / "p")
    for asked in ({"record": tmp_path / "r"}, {"strict": True}):
        with pytest.raises(UsageError, match="neither record nor check"):
            nmc.run(program, np.zeros((1, 1, 8, 8)), **asked)


def test_a_raster_shows_every_population_in_light_and_dark(tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "loihi-sim", tmp_path / "p")
    x = np.random.default_rng(0).random((3, 1, 8, 8))
    nmc.run(program, x, record=tmp_path / "r")
    recording = Recording.load(tmp_path / "r")
    for name in ("a.svg", "a.html"):
        nmc.raster(program, x, tmp_path / name, sample=2)
        text = (tmp_path / name).read_text()
        assert "prefers-color-scheme: dark" in text and ">time step<" in text
        for population in recording.populations:
            if "spikes" in population.signals:
                spikes = int(recording.read(population.name, "spikes")[2].sum())
                assert f">{population.name}<" in text and f">{spikes} spikes" in text
    for wrong in ({"path": tmp_path / "a.png"}, {"path": tmp_path / "b.svg", "sample": 3}):
        with pytest.raises(UsageError):
            nmc.raster(program, x, **wrong)
