"""From fixed-point graphs to Lava's processes, their connections, and what Lava has no means for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent

import numpy as np
import pytest

from nmc.backends.lava.lowering import UNSUPPORTED, lower, lower_program
from nmc.errors import ModelError, UnsupportedError
from nmc.model import Array, Model
from nmc.text import parse

LOOP = """
    dt = 0.001
    input = Input(shape=(2,), stream=True)
    sent = QuantizeLinear(input, scale=1.0)
    into = FixedDense(sent, features=3, weight='into.w', num_message_bits=8)
    around = FixedDense(lif, features=3, weight='around.w')
    lif = FixedLIF(into@1, around@3, du=4095, dv=410, vth=10)
    count = Sum(lif)
    return count
"""


def model(text: str, **weights: Array) -> Model:
    arrays = {name.replace("_", "."): array for name, array in weights.items()}
    return Model("example", parse(dedent(text)), arrays, 8).checked()


def loop(text: str = LOOP, **weights: Array) -> Model:
    return model(text, **{"into_w": np.full((3, 2), 4), "around_w": np.full((3, 3), -2), **weights})


def links(lowered: Model) -> list[str]:
    return [f"{link['source']} -> {link['target']}" for link in lower(lowered).connections]


def test_a_loop_is_processes_that_read_one_another() -> None:
    assert links(loop()) == [
        "sent -> into.s_in",
        "into.a_out -> lif.a_in",
        "lif.s_out -> around_late2.s_in",
        "around_late2.a_out -> lif.a_in",
    ]


def test_what_is_read_late_goes_through_a_synapse_with_delays() -> None:
    graph = lower(loop())
    assert [process.kind for process in graph.processes.values()] == ["LIF", "Dense", "DelayDense"]
    assert graph.arrays["around.delays2"].tolist() == [[2] * 3] * 3  # and one step that every synapse takes


def test_host_and_chip_meet_at_spikes() -> None:
    graph = lower(loop())
    assert graph.inputs == [{"name": "sent", "shape": [2]}]
    assert graph.outputs == [{"name": "lif", "shape": [3], "read": "lif.s_out", "state": False}]


def test_a_voltage_is_a_state_that_is_read() -> None:
    text = LOOP.replace("around@3, ", "").replace("    around = FixedDense(lif, features=3, weight='around.w')\n", "")
    (output,) = lower(model(text.replace("vth=10", "vth=10, emits='voltage'"), into_w=np.full((3, 2), 4))).outputs
    assert (output["read"], output["state"]) == ("lif.v", True)


def test_images_are_turned_to_lavas_order_and_kernels_flipped() -> None:
    weight = np.arange(6).reshape(1, 1, 2, 3)
    graph = lower(model("""
        dt = 0.001
        input = Input(shape=(1, 4, 5), stream=True)
        sent = QuantizeLinear(input, scale=1.0)
        conv = FixedConv2d(sent, channels=1, kernel=(2, 3), weight='conv.w', stride=(1, 2), padding=(0, 1, 0, 1))
        lif = FixedLIF(conv@1, du=0, dv=0, vth=1)
        flat = Flatten(lif)
        dense = FixedDense(flat, features=1, weight='dense.w')
        out = FixedLIF(dense@1, du=0, dv=0, vth=1)
        return out
    """, conv_w=weight, dense_w=np.zeros((1, 9))))  # fmt: skip
    settings = graph.processes["conv"].settings
    assert (settings["input_shape"], settings["stride"], settings["padding"]) == ([5, 4, 1], [2, 1], [1, 0])
    assert graph.arrays["conv.weight"][0, :, :, 0].tolist() == weight[0, 0, ::-1, ::-1].T.tolist()
    (flat,) = [link for link in graph.connections if link["target"] == "dense.s_in"]
    assert flat["via"] == [{"transpose": [2, 1, 0]}, {"reshape": [9]}]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("into@1, ", "into, ", "'lif' reads it in the same step, but a synapse takes one"),
        ("around@3", "around@70", "FixedDense takes at most 64"),
        ("into@1, ", "into@1, lif@1, ", "reads 'lif' 1 steps late, but not through a synapse"),
        ("FixedDense(lif,", "FixedDense(into@1,", "it reads the synapse 'into'"),
        ("vth=10", "vth=10, emits='voltage'", "its voltage is read by another node"),
        ("into@1, ", "into@1, into@1, ", "it reads 'into' twice"),
    ],
)
def test_what_lava_has_no_means_for_is_named(before: str, after: str, said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        lower(loop(LOOP.replace(before, after)))


def test_weights_that_lava_would_change_are_refused() -> None:
    with pytest.raises(ModelError, match=r"Lava would change the weights 'into\.w'"):
        lower(loop(into_w=np.full((3, 2), 5)))  # mixed weights lose their lowest bit


def test_real_numbers_do_not_reach_the_chip() -> None:
    with pytest.raises(ModelError, match="it sends real numbers to the chip"):
        lower(loop(LOOP.replace("FixedDense(sent,", "FixedDense(input,")))


def test_a_program_is_files_that_run_by_themselves() -> None:
    files: Mapping[str, bytes] = lower_program(loop())
    assert sorted(files) == [
        f"lava/{name}"
        for name in ("golden.npz", "graph.json", "netx.txt", "requirements.txt", "run.py", "weights.npz")
    ]
    assert json.loads(files["lava/graph.json"])["name"] == "example"


def test_a_program_without_lava_says_why() -> None:
    files = lower_program(loop(LOOP.replace("around@3", "around@70")))
    assert list(files) == [UNSUPPORTED]
    assert b"'around'" in files[UNSUPPORTED]
