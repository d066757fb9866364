from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import UsageError
from nmc.estimates.systolic import kernel_works, price_systolic, utilization
from nmc.estimates.workload import Gemm, Kernel, Workload, workload
from nmc.text import parse
from nmc.validation.networks import network_named

EDGE = load_chip("edge-tpu")
V1 = load_chip("tpu-v1")
SYSTOLIC = ["edge-tpu", "edge-tpu-dev-board", "tpu-v1", "tpu-v4", "tpu-v5e"]


def mlp(width, layers=1):
    lines = [f"x0 = Input(shape=({width},))"]
    lines += [f"x{i + 1} = Linear(x{i}, features={width}, weight='w{i}')" for i in range(layers)]
    return parse("\n".join([*lines, f"return x{layers}"]))


def parts_of(chip, work):
    return {part.name: part for part in price_systolic(chip, work).components}


def test_latency_and_energy_of_one_layer_by_hand():
    parts = parts_of(EDGE, workload(mlp(64)))
    # one 64 x 64 tile: 2 x 64 + 64 + 1 - 2 - 1 = 190 cycles at 480 MHz; 128 bytes move meanwhile
    array = parts["array and its buffers"]
    assert array.latency_s.best == pytest.approx(190 / 480e6)
    # 4096 multiply-accumulates, and 64 inputs, 4096 weights and 64 sums through the buffers
    prices = EDGE.prices
    assert array.energy_j.best == pytest.approx(4096 * prices.mac["int8"].base + 4224 * prices.buffer_byte.base)
    # the 4 KB of weights stay on the chip
    streaming = parts["streaming from beyond the chip"]
    assert (streaming.latency_s.best, streaming.energy_j.best) == (0, 0)
    # 64 bytes in and 64 out
    crossing = parts["samples and results"]
    assert crossing.latency_s.best == pytest.approx(128 / EDGE.host_bandwidth.base)
    assert crossing.energy_j.best == pytest.approx(128 * EDGE.prices.host_byte.base)
    assert parts["results read by the host"].latency_s.best == pytest.approx(64 * EDGE.result_time.base)


@pytest.mark.parametrize(
    ("kernel", "bound"),
    [
        # a product of its own weights' size streams nothing and moves little
        (Kernel(("a",), Gemm(4096, 64, 64), 0, 64 * 64, 64 * 64, 64 * 64, 0, 1), "array"),
        # a copy
        (Kernel(("a",), None, 0, 0, 10**6, 10**6, 0, 1), "activations"),
        # 100 operations for each byte
        (Kernel(("a",), None, 10**8, 0, 10**6, 10**6, 0, 1), "vector"),
        # 20 MB of weights, each used once
        (Kernel(("a",), Gemm(1, 4000, 5000), 0, 20 * 10**6, 5000, 4000, 0, 1), "streaming"),
    ],
)
def test_the_slowest_part_sets_the_pace(kernel, bound):
    (found,) = kernel_works(EDGE, Workload((kernel,), 1, 1, 0, 0), "int8")
    assert found.bound == bound
    assert found.seconds.best == max(
        part.best for part in (found.array_s, found.streaming_s, found.activations_s, found.vector_s)
    )


def test_weights_beyond_the_chips_memory_stream_in_every_call():
    fits, exceeds = (price_systolic(EDGE, workload(mlp(1000, layers))) for layers in (7, 9))
    by_name = [{part.name: part for part in estimate.components} for estimate in (fits, exceeds)]
    streaming = [parts["streaming from beyond the chip"] for parts in by_name]
    assert streaming[0].latency_s.best == 0
    # 9 MB of weights in 8 MB: 1 MB streams
    assert streaming[1].latency_s.best == pytest.approx(1e6 / EDGE.stream_bandwidth.base)
    assert streaming[1].energy_j.best == pytest.approx(1e6 * EDGE.prices.stream_byte.base)
    assert exceeds.latency_s.best > 2 * fits.latency_s.best


def test_activations_beyond_the_chips_memory_stream_too():
    # 20,000 samples of 1000 bytes in and out: 40 MB, where 24 MiB fit
    work = workload(mlp(1000), batch=20_000)
    (found,) = kernel_works(replace(V1, weight_memory=EDGE.weight_memory), work, "int8")
    beyond = 40e6 - 24 * 2**20
    assert found.streaming_s.best == pytest.approx(beyond / 34e9)


def test_a_batch_shares_the_streaming_of_weights():
    one, many = (price_systolic(V1, workload(mlp(2000, 5), batch=b)) for b in (1, 200))
    assert one.latency_s.best > 100 * many.latency_s.best


def test_a_precision_may_be_faster_than_another():
    chip = load_chip("tpu-v5e")
    work = workload(mlp(4096), batch=4096)
    half, whole = (kernel_works(chip, work, precision)[0].array_s.best for precision in ("int8", "bf16"))
    assert whole == pytest.approx(2 * half)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("edge-tpu", 1.7, 2.3),  # coral.ai: 2 W at 4 TOPS
        ("tpu-v1", 37, 43),  # Jouppi et al. 2017: 40 W busy
        ("tpu-v4", 121, 192),  # Jouppi et al. 2023: least and most in production
    ],
)
def test_power_at_peak_is_what_was_published(name, least, most):
    chip = load_chip(name)
    array = chip.array
    wide = Kernel(
        ("a",), Gemm(10**6, array.columns.count, array.rows.count * array.count.count * 8), 0, 0, 0, 0, 0, 1
    )  # fmt: skip
    (found,) = kernel_works(chip, Workload((wide,), 1, 1, 0, 0), chip.precisions[0])
    assert least < chip.idle_power.base + found.joules.best / found.array_s.best < most


def test_utilization_is_the_share_of_units_at_work():
    works = kernel_works(EDGE, workload(mlp(64), batch=1), "int8")
    assert utilization(EDGE.array, works) == pytest.approx(64 * 64 / (190 * 64 * 64))
    assert utilization(EDGE.array, kernel_works(EDGE, workload(mlp(64), batch=1000), "int8")) > 0.8


def test_depthwise_and_shallow_layers_leave_most_of_the_array_idle():
    works = kernel_works(EDGE, workload(network_named("mobilenet-v1")), "int8")
    products = [work for work in works if work.kernel.gemm]
    depthwise = tuple(work for work in products if work.kernel.gemm.groups > 1)
    others = tuple(work for work in products if work.kernel.gemm.groups == 1)
    assert utilization(EDGE.array, depthwise) < 0.02 < 0.3 < utilization(EDGE.array, others)
    # 27 of 64 rows, 32 of 64 columns
    assert utilization(EDGE.array, works[:1]) == pytest.approx(27 * 32 / 64**2, rel=0.02)


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
        return parts_of(chip, workload(spiking, steps=steps))["calls"].latency_s.best

    assert calls(EDGE, 10) == pytest.approx(10 * calls(EDGE, 1))
    assert calls(replace(EDGE, host_loop=False), 10) == pytest.approx(calls(EDGE, 1))


def test_a_precision_that_the_chip_lacks():
    with pytest.raises(UsageError, match="has no precision 'fp32'"):
        price_systolic(EDGE, workload(mlp(64)), "fp32")


def test_energy_by_node_is_what_is_above_idle_on_the_chip():
    estimate = price_systolic(EDGE, workload(mlp(64, 3)))
    assert set(estimate.by_node) == {"x1", "x2", "x3"}
    parts = {part.name: part for part in estimate.components}
    elsewhere = sum(parts[name].energy_j.best for name in ("idle power", "samples and results"))
    assert sum(energy.best for energy in estimate.by_node.values()) + elsewhere == pytest.approx(estimate.energy_j.best)


kernels = st.builds(
    lambda m, n, k, operations: Kernel(("a",), Gemm(m, n, k), operations, n * k, m * k, m * n, 0, 1),
    *[st.integers(1, 3000)] * 3,
    st.integers(0, 10**7),
)


@given(st.sampled_from(SYSTOLIC), st.lists(kernels, min_size=1, max_size=4), kernels, st.integers(0, 10**6))
def test_more_layers_and_more_bytes_never_cost_less(name, layers, layer, elements):
    chip = load_chip(name)
    least = price_systolic(chip, Workload(tuple(layers), 1, 1, 10, 10))
    more = price_systolic(chip, Workload((*layers, layer), 1, 1, 10 + elements, 10 + elements))
    for bound in ("low", "best", "high"):
        assert getattr(more.latency_s, bound) >= getattr(least.latency_s, bound)
        assert getattr(more.energy_j, bound) >= getattr(least.energy_j, bound)


@given(st.sampled_from(SYSTOLIC), *[st.integers(1, 2000)] * 4)
def test_a_larger_product_never_costs_less(name, m, n, k, more):
    chip = load_chip(name)

    def cost(m, n, k):
        kernel = Kernel(("a",), Gemm(m, n, k), m * n, n * k, m * k, m * n, 0, 1)
        return price_systolic(chip, Workload((kernel,), 1, 1, m * k, m * n))

    least = cost(m, n, k)
    for larger in (cost(m + more, n, k), cost(m, n + more, k), cost(m, n, k + more)):
        assert larger.latency_s.best >= least.latency_s.best
        assert larger.energy_j.best >= least.energy_j.best


@pytest.mark.parametrize("name", SYSTOLIC)
def test_resnet_50_is_estimated_at_once(name):
    from time import perf_counter

    started = perf_counter()
    estimate = price_systolic(load_chip(name), workload(network_named("resnet-50")))
    assert perf_counter() - started < 1
    assert estimate.latency_s.best > 0
    parts = [part.latency_s.best for part in estimate.components if part.latency_s]
    assert sum(parts) == pytest.approx(estimate.latency_s.best)
