import pytest

from nmc.estimates.workload import Gemm, workload
from nmc.text import parse

MLP = """
x = Input(shape=(64,))
hidden = Linear(x, features=128, weight='w1', bias='b1')
active = Relu(hidden)
scores = Linear(active, features=10, weight='w2', bias='b2')
return scores
"""


def kernels(text, **settings):
    return {kernel.name: kernel for kernel in workload(parse(text), **settings).kernels}


def test_products_and_bytes_of_an_mlp():
    found = kernels(MLP, batch=4)
    hidden, scores = found["hidden"], found["scores"]
    assert hidden.gemm == Gemm(m=4, n=128, k=64)
    assert scores.gemm == Gemm(m=4, n=10, k=128)
    # weights 128 x 64 + 128 of bias, read 4 x 64, write 4 x 128; four bytes each
    assert hidden.bytes("fp32") == 4 * (128 * 64 + 128 + 4 * 64 + 4 * 128)
    assert hidden.bytes("int8") == hidden.bytes("fp32") / 4


def test_macs_of_an_mlp():
    assert workload(parse(MLP)).macs == 64 * 128 + 128 * 10
    assert workload(parse(MLP), batch=3).macs == 3 * (64 * 128 + 128 * 10)


def test_what_enters_and_leaves():
    work = workload(parse(MLP), batch=3)
    assert (work.inputs, work.outputs) == (3 * 64, 3 * 10)


def test_an_activation_joins_the_product_before_it():
    assert kernels(MLP)["hidden"].nodes == ("hidden", "active")


def test_what_two_nodes_read_is_written_and_a_sum_joins_what_only_it_reads():
    shared = """
    x = Input(shape=(4,))
    a = Linear(x, features=4, weight='w')
    b = Relu(a)
    c = Add(a, b)
    return c
    """
    found = kernels(shared.replace("    ", ""))
    assert {name: kernel.nodes for name, kernel in found.items()} == {"a": ("a",), "b": ("b", "c")}
    # b reads a once for itself and once for the sum
    assert found["b"].reads == 4 + 4


def test_quantization_takes_no_kernel_of_its_own():
    text = """
x = Input(shape=(8,))
q = QuantizeLinear(x, scale=0.1)
d = DequantizeLinear(q, scale=0.1)
y = Linear(d, features=8, weight='w')
r = Relu(y)
q2 = QuantizeLinear(r, scale=0.1)
d2 = DequantizeLinear(q2, scale=0.1)
z = Linear(d2, features=8, weight='w2')
return z
"""
    assert [kernel.nodes for kernel in workload(parse(text)).kernels] == [("y", "r"), ("z",)]


def test_a_convolution_is_unfolded():
    text = """
x = Input(shape=(3, 8, 8))
y = Conv2d(x, channels=16, kernel=(3, 3), weight='w')
return y
"""
    # 6 x 6 positions, 16 filters of 3 x 3 x 3
    assert kernels(text)["y"].gemm == Gemm(m=36, n=16, k=27)


def test_a_depthwise_convolution_is_many_small_products():
    text = """
x = Input(shape=(32, 6, 6))
y = Conv2d(x, channels=32, kernel=(3, 3), weight='w', groups=32)
return y
"""
    product = kernels(text)["y"].gemm
    assert product == Gemm(m=16, n=1, k=9, groups=32)
    assert product.macs == 16 * 9 * 32


SPIKING = """
dt = 0.001
x = Input(shape=(64,))
current = Linear(x, features=128, weight='w1')
hidden = LIF(current, decay=0.9)
scores = Linear(hidden, features=10, weight='w2')
out = LI(scores, decay=0.9)
y = Last(out)
return y
"""


def test_nodes_in_time_run_at_every_step_and_others_once():
    found = kernels(SPIKING, steps=20)
    assert found["current"].repeats == 1
    assert found["hidden"].repeats == found["scores"].repeats == 20
    assert workload(parse(SPIKING), steps=20).macs == 64 * 128 + 20 * 128 * 10


def test_state_is_read_and_written_at_every_step():
    hidden = kernels(SPIKING, steps=20)["hidden"]
    assert hidden.states == 128
    assert hidden.bytes("fp32") == 4 * (128 + 128 + 2 * 128)


def test_a_held_sample_enters_once_and_a_stream_at_every_step():
    held = workload(parse(SPIKING), steps=20)
    assert (held.inputs, held.outputs) == (64, 10)
    streamed = workload(parse(SPIKING.replace("shape=(64,)", "shape=(64,), stream=True")), steps=20)
    assert (streamed.inputs, streamed.outputs) == (20 * 64, 10)


@pytest.mark.parametrize(("steps", "loops"), [(1, False), (5, True)])
def test_whether_it_loops(steps, loops):
    assert workload(parse(SPIKING), steps=steps).loops is loops
