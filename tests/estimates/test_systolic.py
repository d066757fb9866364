from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import UsageError
from nmc.estimates.systolic import cycles, layer_times, price_systolic, utilization
from nmc.estimates.workload import Gemm, workload
from nmc.text import parse

EDGE = load_chip("edge-tpu")
V1 = load_chip("tpu-v1")

GOLDEN = {
    (1, 128, 64): 1263, (1, 10, 128): 315, (256, 128, 64): 5343, (100, 300, 50): 6763, (513, 257, 129): 50234,
}  # fmt: skip
"""Cycles of products m, n, k by SCALE-Sim 3.0.0: weight-stationary, 32 rows and 16 columns, no stalls."""


def mlp(width, layers=1):
    lines = [f"x0 = Input(shape=({width},))"]
    lines += [f"x{i + 1} = Linear(x{i}, features={width}, weight='w{i}')" for i in range(layers)]
    return parse("\n".join([*lines, f"return x{layers}"]))


@pytest.mark.parametrize(("product", "expected"), list(GOLDEN.items()))
def test_weight_stationary_cycles_are_those_of_scale_sim_3_0_0(product, expected):
    assert cycles(Gemm(*product), 32, 16, "weight-stationary") == expected


@pytest.mark.parametrize(
    ("dataflow", "expected"),
    [
        # 8 x 8 tiles of 32 + 16 + 64 - 2 cycles, less the one that overlaps
        ("output-stationary", 8 * 8 * 110 - 1),
        # 2 x 8 tiles of 2 x 32 + 16 + 256 - 2 cycles
        ("weight-stationary", 2 * 8 * 334 - 1),
        # 2 x 16 tiles of 2 x 32 + 16 + 128 - 2 cycles
        ("input-stationary", 2 * 16 * 206 - 1),
    ],
)
def test_cycles_by_hand(dataflow, expected):
    assert cycles(Gemm(m=256, n=128, k=64), 32, 16, dataflow) == expected


def test_groups_follow_one_another():
    alone = cycles(Gemm(m=16, n=1, k=9), 64, 64, "weight-stationary")
    assert cycles(Gemm(m=16, n=1, k=9, groups=32), 64, 64, "weight-stationary") == 32 * (alone + 1) - 1


def test_tiles_are_dealt_out_to_several_arrays():
    one = cycles(Gemm(m=100, n=256, k=128), 64, 64, "weight-stationary")
    assert cycles(Gemm(m=100, n=256, k=128), 64, 64, "weight-stationary", arrays=4) == (one + 1) // 4 - 1


sizes = st.integers(1, 600)
flows = st.sampled_from(["output-stationary", "weight-stationary", "input-stationary"])


@given(sizes, sizes, sizes, st.integers(1, 100), flows)
def test_more_work_never_takes_fewer_cycles(m, n, k, more, flow):
    least = cycles(Gemm(m, n, k), 32, 16, flow)
    assert cycles(Gemm(m + more, n, k), 32, 16, flow) >= least
    assert cycles(Gemm(m, n + more, k), 32, 16, flow) >= least
    assert cycles(Gemm(m, n, k + more), 32, 16, flow) >= least


@given(sizes, sizes, sizes, flows)
def test_no_unit_does_two_macs_in_a_cycle(m, n, k, flow):
    assert Gemm(m, n, k).macs <= 32 * 16 * (cycles(Gemm(m, n, k), 32, 16, flow) + 1)


def test_latency_of_one_layer_by_hand():
    work = workload(mlp(64))
    parts = {part.name: part for part in price_systolic(EDGE, work).components}
    # one 64 x 64 tile: 2 x 64 + 64 + 1 - 2 - 1 = 190 cycles at 480 MHz
    assert parts["array"].latency_s.best == pytest.approx(190 / 480e6)
    # the 4 KB of weights stay on the chip
    assert parts["streaming of weights"].latency_s.best == 0
    # 64 bytes in and 64 out at 0.4 GB/s
    assert parts["samples and results"].latency_s.best == pytest.approx(128 / 0.4e9)
    # (2 - 0.5) W above idle while the array works
    assert parts["array"].energy_j.best == pytest.approx(1.5 * 190 / 480e6)


def test_weights_beyond_the_chips_memory_stream_in_every_call():
    fits, exceeds = (price_systolic(EDGE, workload(mlp(1000, layers))) for layers in (7, 9))
    assert {p.name: p for p in fits.components}["streaming of weights"].latency_s.best == 0
    # 9 MB of weights in 8 MB: 1 MB at 0.4 GB/s takes 2.5 ms
    assert {p.name: p for p in exceeds.components}["streaming of weights"].latency_s.best == pytest.approx(2.5e-3)
    assert exceeds.latency_s.best > 2 * fits.latency_s.best


def test_a_batch_shares_the_streaming_of_weights():
    one, many = (price_systolic(V1, workload(mlp(2000, 5), batch=b)) for b in (1, 200))
    assert one.latency_s.best > 100 * many.latency_s.best


def test_bound_by_its_memory_as_published():
    """MLP0 of Jouppi et al. 2017: 5 layers, 20 M weights, batch 200: 12.3 TOPS on the chip."""
    estimate = price_systolic(V1, workload(mlp(2000, 5), batch=200))
    tops = 2 * 20e6 / estimate.latency_s.best / 1e12
    assert tops == pytest.approx(12.3, rel=0.25)


def test_utilization_is_the_share_of_units_at_work():
    times = layer_times(EDGE, workload(mlp(64), batch=1), "int8")
    assert utilization(EDGE.array, times) == pytest.approx(64 * 64 / (190 * 64 * 64))
    assert utilization(EDGE.array, layer_times(EDGE, workload(mlp(64), batch=1000), "int8")) > 0.8


def test_without_a_loop_on_the_chip_a_model_in_time_is_called_every_step():
    spiking = parse("""
dt = 0.001
x = Input(shape=(64,))
c = Linear(x, features=64, weight='w')
v = LIF(c, decay=0.9)
y = Sum(v)
return y
""")
    def calls(chip, steps):
        parts = {p.name: p for p in price_systolic(chip, workload(spiking, steps=steps)).components}
        return parts["calls"].latency_s.best
    assert calls(EDGE, 10) == pytest.approx(10 * calls(EDGE, 1))
    assert calls(replace(EDGE, host_loop=False), 10) == pytest.approx(calls(EDGE, 1))


def test_a_precision_that_the_chip_lacks():
    with pytest.raises(UsageError, match="has no fp32"):
        price_systolic(EDGE, workload(mlp(64)), "fp32")


def test_energy_by_node_is_part_of_the_total():
    estimate = price_systolic(EDGE, workload(mlp(64, 3)))
    assert set(estimate.by_node) == {"x1", "x2", "x3"}
    assert sum(energy.best for energy in estimate.by_node.values()) < estimate.energy_j.best
