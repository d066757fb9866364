"""Watching a run: recordings on disk and strict warnings, on networks whose numbers fit in a comment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmc import reference
from nmc.backends.loihi import observer
from nmc.backends.loihi.engine import observe_model, run_model
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
