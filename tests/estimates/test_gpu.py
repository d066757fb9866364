from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import UsageError
from nmc.estimates.gpu import price_gpu
from nmc.estimates.workload import workload
from nmc.text import parse
from nmc.units.quantity import Quantity

A100 = load_chip("a100")
ORIN = load_chip("jetson-agx-orin")

KEYWORDS = parse("""
x = Input(shape=(390,))
a = Linear(x, features=256, weight='w1', bias='b1')
b = Relu(a)
c = Linear(b, features=256, weight='w2', bias='b2')
d = Relu(c)
y = Linear(d, features=29, weight='w3', bias='b3')
return y
""")


def wide(width, batch):
    graph = parse(f"x = Input(shape=({width},))\ny = Linear(x, features={width}, weight='w')\nreturn y")
    return workload(graph, batch=batch)


def parts_of(estimate):
    return {part.name: part for part in estimate.components}


def test_a_small_call_by_hand():
    parts = parts_of(price_gpu(A100, workload(KEYWORDS)))
    # three kernels of 5 us each, and a call of 30 us
    assert parts["kernel launches"].latency_s.best == pytest.approx(15e-6)
    assert parts["call"].latency_s.best == pytest.approx(30e-6)
    # 95 W while launching, of which 55 W are idle
    assert parts["kernel launches"].energy_j.best == pytest.approx((95 - 55) * 15e-6)


def test_one_large_product_by_hand():
    # 4096^3 macs: 137.4 GFLOP at half of 312 TFLOP/s in fp16
    parts = parts_of(price_gpu(A100, wide(4096, 4096), "fp16"))
    seconds = 2 * 4096**3 / (0.5 * 312e12)
    assert parts["kernels bound by compute"].latency_s.best * 4096 == pytest.approx(seconds)
    assert parts["kernels bound by memory"].latency_s.best == 0
    # 400 W, of which 55 W are idle
    assert parts["kernels bound by compute"].energy_j.best * 4096 == pytest.approx((400 - 55) * seconds)


def test_a_product_with_one_row_is_bound_by_memory():
    parts = parts_of(price_gpu(A100, wide(4096, 1), "fp16"))
    # 2 bytes for each weight, input and output at three quarters of 2039 GB/s
    seconds = 2 * (4096 * 4096 + 2 * 4096) / (0.75 * 2039e9)
    assert parts["kernels bound by memory"].latency_s.best == pytest.approx(seconds)
    assert parts["kernels bound by compute"].latency_s.best == 0


def test_energy_of_an_inference_falls_tenfold_from_batch_1_to_16():
    one, many = (price_gpu(A100, workload(KEYWORDS, batch=batch)) for batch in (1, 16))
    assert one.energy_j.best > 10 * many.energy_j.best


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_larger_batch_never_costs_an_inference_more(batch, more):
    small, large = (price_gpu(A100, workload(KEYWORDS, batch=b)) for b in (batch, batch + more))
    assert large.energy_j.best <= small.energy_j.best
    assert large.latency_s.best <= small.latency_s.best


@given(st.integers(1, 100), st.integers(1, 50))
def test_more_steps_cost_more(steps, more):
    spiking = parse("""
dt = 0.001
x = Input(shape=(64,))
c = Linear(x, features=64, weight='w')
v = LIF(c, decay=0.9)
y = Sum(v)
return y
""")
    short, long = (price_gpu(A100, workload(spiking, steps=n)) for n in (steps, steps + more))
    assert long.energy_j.best > short.energy_j.best
    assert long.latency_s.best > short.latency_s.best


def test_a_saving_power_mode_is_slower_on_large_products():
    fast, slow = (price_gpu(ORIN, wide(2048, 2048), "int8", mode) for mode in ("maxn", "15w"))
    assert slow.latency_s.best > 4 * fast.latency_s.best


def test_prices_of_operations_and_bytes_replace_busy_power():
    def price(value):
        return Quantity(value=value, unit="pJ", source="made up", grade="assumed")

    chip = replace(A100, energy_per_operation={"fp16": price(0.5)}, energy_per_byte=price(30))
    work = wide(4096, 1)
    parts = parts_of(price_gpu(chip, work, "fp16"))
    kernel = work.kernels[0]
    expected = 0.5e-12 * 2 * 4096**2 + 30e-12 * kernel.bytes("fp16")
    assert parts["kernels bound by memory"].energy_j.best == pytest.approx(expected)


def test_unknown_choices():
    with pytest.raises(UsageError, match="no power mode 'turbo'"):
        price_gpu(A100, workload(KEYWORDS), mode="turbo")
    chip = replace(A100, peak={"fp32": A100.peak["fp32"]})
    with pytest.raises(UsageError, match="has no precision 'int8'"):
        price_gpu(chip, workload(KEYWORDS), "int8")
