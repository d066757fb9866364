"""Each command on a model of the zoo, as text and as JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_help_names_every_command(nmc: Nmc) -> None:
    text = ok(nmc("--help"))
    for command in ("compile", "run", "compare", "inspect", "targets", "models"):
        assert f"\n  {command} " in text


def test_version(nmc: Nmc) -> None:
    assert ok(nmc("--version")).startswith("nmc 0.")


def test_models(nmc: Nmc) -> None:
    assert "vowels-rsnn" in ok(nmc("models"))
    facts = json.loads(ok(nmc("models", "--json")))
    assert {"digits-cnn", "digits-snn", "vowels-rsnn"} <= {fact["name"] for fact in facts}


def test_targets(nmc: Nmc) -> None:
    assert "loihi-sim" in ok(nmc("targets"))
    facts = {fact["name"]: fact for fact in json.loads(ok(nmc("targets", "--json")))}
    assert facts["loihi-sim"]["engines"][0] == "native"
    assert facts["gpu-sim"]["options"]["precision"] == "fp32"


def test_compile_and_run(nmc: Nmc, tmp_path: Path) -> None:
    """The program goes where it is asked to, and gives the classes of its samples."""
    assert "program: p" in ok(nmc("compile", "digits-cnn", "--target", "loihi-sim", "-o", "p", "--dump", "stages"))
    stages = sorted(path.name for path in (tmp_path / "stages").iterdir())
    assert stages[0] == "00-model.txt" and len(stages) > 2
    test = Path(__file__).parents[2] / "models" / "digits_cnn" / "test.npz"
    facts = json.loads(ok(nmc("run", "p", "--input", test, "--output", "y.npz", "--json")))
    with np.load(test) as data, np.load(tmp_path / "y.npz") as out:
        (logits,) = (out[name] for name in out.files)
        assert facts["classes"] == logits.argmax(axis=-1).tolist()
        assert np.mean(logits.argmax(axis=-1) == data["y"]) > 0.97
    assert facts["estimate"]["energy_j"]["low"] <= facts["estimate"]["energy_j"]["high"]
    assert "one inference: energy" in ok(nmc("run", "p", "--input", test))


def test_compile_tells_its_program_in_json(nmc: Nmc, tmp_path: Path) -> None:
    facts = json.loads(ok(nmc("compile", "digits-snn", "-t", "cpu", "--json")))
    assert (tmp_path / facts["program"] / "manifest.json").is_file()
    assert facts["target"] == "cpu"
    assert "model.onnx" in facts["files"]


def test_inspect_in_terms_of_neurobench(nmc: Nmc) -> None:
    found = json.loads(ok(nmc("inspect", "digits-snn", "--target", "loihi-sim", "--neurobench", "--json")))
    assert list(found) == ["model", "quantize-fixed-point"]
    assert found["model"]["effective_acs"] > 0
    assert "effective acs" in ok(nmc("inspect", "digits-snn", "--neurobench"))


def test_inspect_takes_the_names_of_passes_that_it_prints(nmc: Nmc) -> None:
    whole = ok(nmc("inspect", "digits-cnn", "--target", "loihi-sim"))
    names = [line.removeprefix("--- ") for line in whole.splitlines() if line.startswith("--- ")]
    assert names == [
        "model", "spike-logic", "dequantize", "factors-as-norms", "to-spiking", "fuse-synapses", "quantize-fixed-point"
    ]  # fmt: skip
    assert ok(nmc("inspect", "digits-cnn", "--target", "loihi-sim", "--after", names[-1])).splitlines()[0] == (
        "--- quantize-fixed-point"
    )
    missed = nmc("inspect", "digits-cnn", "--target", "loihi-sim", "--after", "fuse_synapses")
    assert missed.returncode == 2 and "did you mean 'fuse-synapses'" in missed.stderr
    aimless = nmc("inspect", "digits-cnn", "--after", "fuse-synapses")
    assert aimless.returncode == 2 and "--after needs a target" in aimless.stderr


def test_inspect_a_model_by_stage_and_a_program(nmc: Nmc) -> None:
    assert "conv1 = Conv2d(" in ok(nmc("inspect", "digits-cnn"))
    assert "FixedLIF(" in ok(nmc("inspect", "digits-cnn", "--target", "loihi-sim"))
    ok(nmc("compile", "digits-snn", "-t", "loihi-sim", "-o", "p"))
    assert "FixedLIF(" in ok(nmc("inspect", "p"))
    assert "FixedLIF" in {node["kind"] for node in json.loads(ok(nmc("inspect", "p", "--json")))["graph"].values()}


def test_compare_has_a_row_for_each_target(nmc: Nmc) -> None:
    text = ok(nmc("compare", "digits-snn", "--samples", 20, "--targets", "cpu,loihi-sim"))
    assert "cpu" in text and "loihi-sim" in text and "program for" in text
    facts = json.loads(ok(nmc("compare", "digits-snn", "--samples", 20, "--targets", "cpu,loihi-sim", "--json")))
    assert [row["target"] for row in facts["rows"]] == ["cpu", "loihi-sim"]
    assert facts["samples"] == 20


def test_estimate_a_network_by_its_layers(nmc: Nmc, tmp_path: Path) -> None:
    assert "one inference: energy at least" in ok(nmc("estimate", "kws", "--chip", "loihi1", "--steps", 10))
    (tmp_path / "own.graph").write_text("x = Input(shape=(4,))\ny = Linear(x, features=2, weight='w')\nreturn y\n")
    facts = json.loads(ok(nmc("estimate", "own.graph", "--chip", "h100", "--baseline", "dynamic", "--json")))
    assert facts["baseline"] == "dynamic"
    assert "one inference" in ok(nmc("estimate", "digits-snn", "--chip", "spinnaker1", "--rate", 0.05))
    refused = nmc("estimate", "kws", "--chip", "h100", "--mode", "turbo")
    assert refused.returncode == 2 and "no power mode 'turbo'" in refused.stderr


def test_validate_prints_predicted_beside_measured(nmc: Nmc) -> None:
    text = ok(nmc("validate", "--chip", "quadro-k4000"))
    assert "quadro-k4000, batch 16" in text and "worst error" in text
    facts = json.loads(ok(nmc("validate", "--json")))
    assert facts["broken"] == []
    assert {row["use"] for row in facts["rows"]} == {"calibration", "held-out"}


def test_loihi_takes_prices_and_io_by_name(nmc: Nmc) -> None:
    ok(nmc("compile", "digits-snn", "-t", "loihi-sim", "-o", "p", "-O", "io=on-chip", "-O", "prices=davies2018"))
    refused = nmc("compile", "digits-snn", "-t", "loihi-sim", "-o", "q", "-O", "io=telepathy")
    assert refused.returncode == 2 and "no way of I/O 'telepathy'" in refused.stderr
