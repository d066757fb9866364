"""Programs as targets hand them over."""

import numpy as np
import pytest

from nmc.backends import target_named
from nmc.backends.target import RunResult
from nmc.errors import ProgramError, UsageError
from nmc.estimates.estimate import Measurement
from nmc.estimates.events import Events
from nmc.model import Model
from nmc.pipeline import estimate_run
from nmc.program import write
from nmc.report.terminal import estimate_lines
from nmc.text import parse

TENSOR = parse("x = Input(shape=(64,))\ny = Linear(x, features=10, weight='w')\nreturn y")
INT8 = parse(str(TENSOR).replace("weight='w'", "weight='w', weight_scale='s'"))
MIXED = parse("""
x = Input(shape=(64,))
y = Linear(x, features=10, weight='w', weight_scale='s')
z = Linear(x, features=10, weight='w')
return y, z""")
SPIKING = parse("""
dt = 0.001
x = Input(shape=(64,), stream=True)
d = FixedDense(x, features=10, weight='w')
h = FixedLIF(d@1, du=0, dv=0, vth=100)
y = Sum(h)
return y
""")


@pytest.fixture
def program(tmp_path):
    def compiled(target, graph=TENSOR, **options):
        weights = {"w": np.ones((10, 64), np.float32), "s": np.ones(10, np.float32)}
        model = Model("test", graph, weights, steps=10)
        return write(tmp_path / "program", model, target=target, chip="any", options=options, files={})

    return compiled


def ran(samples=8, steps=1, seconds=0.004, **more):
    return RunResult({}, Events(samples, steps), seconds, **more)


def test_a_cpu_is_measured_per_sample(program):
    assert estimate_run(program("cpu"), ran()).latency_s.best == pytest.approx(0.0005)


def test_a_metered_cpu_is_metered_per_sample(program):
    assert estimate_run(program("cpu"), ran(energy_j=0.08)).energy_j.best == pytest.approx(0.01)


def test_a_gpu_heeds_precision_batch_and_mode(program):
    plain = estimate_run(program("jetson-orin-sim"), ran())
    assert estimate_run(program("jetson-orin-sim", batch=16), ran()).energy_j.best < plain.energy_j.best / 10
    rounded = estimate_run(program("jetson-orin-sim", INT8, precision="int8"), ran())
    assert rounded.energy_j.best < plain.energy_j.best
    assert estimate_run(program("jetson-orin-sim", mode="15w"), ran()).energy_j.best < plain.energy_j.best


def test_a_layer_that_keeps_real_weights_is_priced_as_fp32(program):
    """A quarter of the memory traffic of fp32 with int8 alone; here one of two equal layers has it."""
    whole, mixed = (program("jetson-orin-sim", graph, precision="int8") for graph in (INT8, MIXED))
    plain = estimate_run(program("jetson-orin-sim"), ran()).by_node["y"]
    of_whole, of_mixed = (estimate_run(compiled, ran()).by_node for compiled in (whole, mixed))
    assert (of_mixed["y"], of_mixed["z"]) == (of_whole["y"], plain)
    assert of_mixed["y"].best < of_mixed["z"].best


def test_what_a_gpu_took_stands_beside_its_estimate(program):
    plain = estimate_run(program("h100-sim"), ran())
    beside = estimate_run(program("h100-sim"), ran(device="NVIDIA H100", energy_j=0.08))
    assert plain.measured is None
    assert (beside.energy_j, beside.latency_s) == (plain.energy_j, plain.latency_s)
    # 8 samples in 4 ms, for 80 mJ
    assert beside.measured == Measurement("NVIDIA H100", pytest.approx(0.0005), pytest.approx(0.01))
    assert estimate_lines(beside)[-1] == "measured on NVIDIA H100: energy 10 mJ, latency 500 us"


@pytest.mark.parametrize(("target", "options", "fault"), [
    ("tpu-sim", {"precision": "bf16"}, "precision"),
    ("quadro-k4000-sim", {"precision": "fp16"}, "has no precision 'fp16'"),
    ("gpu-sim", {"mode": "15w"}, "has no power mode '15w'"),
    ("loihi-sim", {"prices": "mine"}, "has no price profile 'mine'"),
    ("loihi-sim", {"io": "by-hand"}, "has no way of I/O 'by-hand'"),
    ("loihi-sim", {"baseline": "none"}, "baseline"),
])  # fmt: skip
def test_what_a_chip_lacks_is_refused_before_anything_is_compiled(target, options, fault):
    with pytest.raises(UsageError, match=fault):
        target_named(target).configured(options)


def test_options_of_a_program_that_its_target_has_not_are_refused(program):
    with pytest.raises(ProgramError, match=r"has no option 'bits'[\s\S]*compile the model again"):
        _ = program("gpu-sim", bits=8).options


def test_a_many_core_chip_heeds_prices_io_and_baseline(program):
    def energy(**options):
        return estimate_run(program("loihi-sim", SPIKING, **options), ran(steps=10)).energy_j.best

    assert energy() == energy(prices="sanafe", io="host-bound", baseline="total")
    assert energy(io="on-chip") < energy()
    assert energy(baseline="active") < energy(baseline="dynamic") < energy()
