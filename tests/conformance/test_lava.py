"""Lava's own process models, bit for bit: by the reference, by the native emulator, and by Lava's whole runtime."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import nmc
from conformance import networks
from conformance.oracle import Execution, difference, lava_traces, native_trace, reference_trace
from conformance.plastic_networks import plastic_network
from nmc import datasets
from nmc.backends import toolchain
from nmc.backends.lava.lowering import golden, lower, program_files
from nmc.errors import ToolError
from nmc.estimates.events import Events
from nmc.program import write

KINDS = {
    "dense": (networks.dense_network, 300),
    "direct": (networks.direct_network, 120),
    "graded": (networks.graded_network, 300),
    "convolutional": (networks.convolutional_network, 120),
    "plastic": (plastic_network, 120),
}
EXECUTIONS: dict[str, Execution] = {"reference": reference_trace, "native": native_trace}
"""What is compared with Lava."""


def test_random_networks_equal_lavas_models(tmp_path: Path, lava_toolchain: None) -> None:
    cases = [make(seed) for make, count in KINDS.values() for seed in range(count)]
    traces = lava_traces(cases, tmp_path)
    for name, execution in EXECUTIONS.items():
        found = [(case, execution(case), expected) for case, expected in zip(cases, traces, strict=True)]
        wrong = [said for case, trace, expected in found if (said := difference(case, trace, expected))]
        assert not wrong, f"{name}: {len(wrong)} of {len(found)} networks differ; the first:\n{wrong[0]}"


def require_same_events(one: Events, other: Events) -> None:
    assert (one.samples, one.steps, one.nodes.keys()) == (other.samples, other.steps, other.nodes.keys())
    for name, events in one.nodes.items():
        counted = other.nodes[name]
        assert counted.synaptic_operations == pytest.approx(events.synaptic_operations), name
        assert counted.neuron_updates == events.neuron_updates, name
        assert (counted.spikes is None) == (events.spikes is None), name
        if events.spikes is not None:
            np.testing.assert_allclose(counted.spikes, events.spikes, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_programs_equal_lavas_runtime(kind: str, seed: int, tmp_path: Path, lava_toolchain: None) -> None:
    """In what they put out, and in what happened on the way."""
    case = KINDS[kind][0](seed)
    files = program_files(case.model, lower(case.model), *golden(case.model, case.x, case.steps))
    program = write(
        tmp_path / "p", case.model, target="loihi-sim", chip="loihi1", options={}, files=files
    )
    native, lava = nmc.run(program, case.x), nmc.run(program, case.x, engine="lava")
    for name, values in native.outputs.items():
        np.testing.assert_array_equal(lava.outputs[name], values)
    require_same_events(native.events, lava.events)


@pytest.mark.parametrize("samples", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["digits-snn", "vowels-rsnn", "digits-cnn"])
def test_engines_agree_on_the_zoo(name: str, samples: int, tmp_path: Path, lava_toolchain: None) -> None:
    program = nmc.compile(name, "loihi-sim", tmp_path / "program")
    x = datasets.test_data(nmc.load(name)).x[:samples]
    native, lava = nmc.run(program, x), nmc.run(program, x, engine="lava")
    for output, values in native.outputs.items():
        np.testing.assert_array_equal(lava.outputs[output], values)
    require_same_events(native.events, lava.events)


def test_a_program_checks_itself(tmp_path: Path, lava_toolchain: None) -> None:
    program = nmc.compile("digits-snn", "loihi-sim", tmp_path / "program")
    script = program.path / "lava" / "run.py"
    lava = toolchain.toolchain_named("lava")
    assert "380 of 380 values are as expected" in toolchain.run(lava, script, ["--check"])

    golden_file = script.with_name("golden.npz")
    with np.load(golden_file) as file:
        arrays = dict(file)
    arrays["output/membrane_voltage"][1, 5, 3] += 1
    np.savez(golden_file, **arrays)
    with pytest.raises(ToolError, match=r"first difference at sample 1, step 6, element \[3\]"):
        toolchain.run(lava, script, ["--check"])
    with pytest.raises(ToolError, match=r"did not finish within 0\.1 s"):
        toolchain.run(lava, script, ["--check"], timeout_s=0.1)
    assert str(script) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_the_template_for_hardware(tmp_path: Path, lava_toolchain: None) -> None:
    """Without Intel's extension it says so; with a stand-in for it, it puts adapters where they belong.

    The stand-in sends a state that is read a step late, and spikes at once.
    """
    lava, stub = toolchain.toolchain_named("lava"), Path(__file__).with_name("loihi2_without_chip.py")
    program = nmc.compile("digits-snn", "loihi-sim", tmp_path / "program").path / "lava"
    with pytest.raises(ToolError, match="needs Intel's lava-loihi extension") as raised:
        toolchain.run(lava, program / "run.py", ["--check", "--backend", "loihi2"])
    assert "Traceback" not in str(raised.value)
    with pytest.raises(ToolError, match="invalid choice: 'loihi3'"):
        toolchain.run(lava, program / "run.py", ["--check", "--backend", "loihi3"])
    said = toolchain.run(lava, stub, [str(program), "--check", "--backend", "loihi2", "--late", "1"])
    assert "380 of 380 values are as expected" in said

    case = networks.dense_network(4)
    files = program_files(case.model, lower(case.model), *golden(case.model, case.x, case.steps))
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    said = toolchain.run(lava, stub, [str(tmp_path / "lava"), "--check", "--backend", "loihi2"])
    assert re.search(r"(\d+) of \1 values are as expected", said)
