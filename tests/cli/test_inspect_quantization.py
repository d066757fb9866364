"""nmc inspect --quantization, for chips with 8-bit integers."""

from __future__ import annotations

import json


def test_every_layer_and_the_score_before_and_after(nmc):
    """Per channel, the largest error of a weight is half a step of 1/127 of the channel's largest."""
    done = nmc("inspect", "digits-cnn", "-t", "tpu-sim", "--quantization", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [layer["layer"] for layer in facts["layers"]] == ["conv1", "conv2", "conv3", "logits"]
    for layer in facts["layers"]:
        assert 0 < layer["largest"] <= 0.5 / 127 * 1.001
        assert 0 < layer["activation_error"] < 0.05
    scores = facts["scores"]
    assert (scores["metric"], scores["samples"]) == ("accuracy", 360)
    assert abs(scores["after"] - scores["before"]) <= 0.003


def test_a_layer_that_stays_real_is_shown_as_such(nmc):
    done = nmc("inspect", "digits-cnn", "-t", "cpu", "-O", "precision=int8", "-O", "sensitive=1", "--quantization")
    rows = [line.split() for line in done.stdout.splitlines() if "%" in line and line.startswith("  ")]
    assert sorted(row[2] for row in rows) == ["int8", "int8", "int8", "real"]
    assert "% before" in done.stdout


def test_a_target_that_does_not_round_says_so(nmc):
    done = nmc("inspect", "digits-cnn", "-t", "cpu", "--quantization")
    assert done.returncode == 2 and "precision=int8" in done.stderr


def test_chips_of_neurons_say_what_rounding_did_whatever_their_pass_is_called(nmc):
    """Half a step of the grid is at most half of 1/127 of the largest weight, of 1/126 for even ones."""
    for target in ("loihi-sim", "nengo-loihi-sim"):
        done = nmc("inspect", "digits-cnn", "-t", target, "--quantization", "--json")
        facts = json.loads(done.stdout)
        largest = {error["synapse"]: error["largest"] for error in facts["synapses"]}
        assert largest.keys() >= {"conv1", "conv2", "conv3"}
        assert all(0 < largest[name] < 0.005 for name in ("conv1", "conv2", "conv3")), largest
        assert {error["population"] for error in facts["activity"]} >= {"relu1", "relu2", "relu3"}
        assert {error["population"] for error in facts["thresholds"]} == {"relu1", "relu2", "relu3"}
        assert all(abs(error["relative"]) < 0.01 for error in facts["thresholds"])
