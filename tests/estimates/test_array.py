"""Closed forms of systolic arrays, held against SCALE-Sim 3.0.0 and against what cannot be otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.estimates.array import buffer_accesses, cycles
from nmc.estimates.workload import Gemm
from nmc.nodes.tensor import Conv2d, Linear
from nmc.validation.networks.residual import resnet_50

OUTPUT, WEIGHT, INPUT = "output-stationary", "weight-stationary", "input-stationary"

SCALE_SIM = {
    (1, 128, 64): {OUTPUT: (879, 512, 8192), WEIGHT: (1263, 512, 8192, 256), INPUT: (411, 64, 8192, 256)},
    (1, 10, 128): {OUTPUT: (173, 128, 1280), WEIGHT: (315, 128, 1280, 40), INPUT: (351, 128, 1280, 40)},
    (256, 128, 64): {
        OUTPUT: (7039, 131072, 65536), WEIGHT: (5343, 131072, 8192, 65536), INPUT: (6591, 16384, 131072, 65536),
    },
    (100, 300, 50): {
        OUTPUT: (7295, 95000, 60000), WEIGHT: (6763, 95000, 15000, 60000), INPUT: (5291, 5000, 105000, 60000),
    },
    (513, 257, 129): {
        OUTPUT: (50574, 1125009, 563601), WEIGHT: (50234, 1125009, 33153, 659205),
        INPUT: (55274, 66177, 1094049, 659205),
    },
}  # fmt: skip
"""By products m, n, k, on 32 rows and 16 columns: cycles without stalls, and elements of inputs, weights and sums
that pass the buffers. Printed by tests/oracles/run_scalesim.py on NumPy 2.2.6; its sums of output-stationary arrays
count idle cycles, too."""

PRODUCTS = [(product, flow) for product, flows in SCALE_SIM.items() for flow in flows]


@pytest.mark.parametrize(("product", "flow"), PRODUCTS)
def test_cycles_are_those_of_scale_sim(product, flow):
    assert cycles(Gemm(*product), 32, 16, flow) == SCALE_SIM[product][flow][0]


@pytest.mark.parametrize(("product", "flow"), PRODUCTS)
def test_buffer_accesses_are_those_of_scale_sim(product, flow):
    found = buffer_accesses(Gemm(*product), 32, 16, flow)
    inputs, weights, *sums = SCALE_SIM[product][flow][1:]
    assert (found.inputs, found.weights) == (inputs, weights)
    assert not sums or found.sums == sums[0]


def test_resnet_50_takes_the_cycles_that_scale_sim_counts():
    """54 layers, 256 x 256, output-stationary: 328,708 cycles. SCALE-Sim pads nothing and rounds its own way."""
    graph = resnet_50(224, stride_in_3x3=False)
    products = []
    for node in graph:
        if isinstance(node, Conv2d):
            channels, size, _ = graph.operand_shapes(node)[0]
            positions = -(-(size - node.kernel[0] + node.stride[0]) // node.stride[0])
            products.append(Gemm(positions**2, node.channels, channels * node.kernel[0] * node.kernel[1]))
        elif isinstance(node, Linear):
            products.append(Gemm(1, node.features, 2048))
    assert len(products) == 54
    assert sum(cycles(product, 256, 256, OUTPUT) for product in products) == 328_708


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        # 8 x 8 tiles of 32 + 16 + 64 - 2 cycles, less one
        (OUTPUT, 8 * 8 * 110 - 1),
        # 2 x 8 tiles of 2 x 32 + 16 + 256 - 2 cycles
        (WEIGHT, 2 * 8 * 334 - 1),
        # 2 x 16 tiles of 2 x 32 + 16 + 128 - 2 cycles
        (INPUT, 2 * 16 * 206 - 1),
    ],
)
def test_cycles_by_hand(flow, expected):
    assert cycles(Gemm(m=256, n=128, k=64), 32, 16, flow) == expected


def test_with_two_buffers_only_the_last_tile_fills_and_drains():
    # 15 tiles stream 256 rows, the last one takes 334 cycles
    assert cycles(Gemm(m=256, n=128, k=64), 32, 16, WEIGHT, double_buffered=True) == 15 * 256 + 334 - 1
    # 8 rows stream faster than the 32 of the next tile shift in
    assert cycles(Gemm(m=8, n=128, k=64), 32, 16, WEIGHT, double_buffered=True) == 15 * 32 + 86 - 1


def test_groups_lie_side_by_side_in_a_tile():
    depthwise = Gemm(m=16, n=1, k=9, groups=32)
    # 7 times 9 inputs in 64 rows: 5 tiles for 32 groups
    assert cycles(depthwise, 64, 64, WEIGHT) == 5 * (2 * 64 + 64 + 16 - 2) - 1
    # groups that fill the rows follow one another
    assert cycles(Gemm(m=16, n=1, k=40, groups=32), 64, 64, WEIGHT) == 32 * (2 * 64 + 64 + 16 - 2) - 1


def test_tiles_are_dealt_out_to_several_arrays():
    # 2 x 4 tiles, 2 for each of 4 arrays
    assert cycles(Gemm(m=100, n=256, k=128), 64, 64, WEIGHT, arrays=4) == 2 * (2 * 64 + 64 + 100 - 2) - 1


def test_where_tiles_are_few_each_streams_through_several_arrays():
    # one tile in 4 arrays: 25 rows through each
    assert cycles(Gemm(m=100, n=64, k=64), 64, 64, WEIGHT, arrays=4) == 2 * 64 + 64 + 25 - 2 - 1
    assert cycles(Gemm(m=64, n=64, k=100), 64, 64, OUTPUT, arrays=4) == 64 + 64 + 100 - 2 - 1


sizes = st.integers(1, 600)
flows = st.sampled_from([OUTPUT, WEIGHT, INPUT])
buffers = st.booleans()
arrays = st.integers(1, 8)


@given(sizes, sizes, sizes, st.integers(1, 100), flows, buffers, arrays)
def test_more_work_never_takes_fewer_cycles(m, n, k, more, flow, double, count):
    def taken(*product):
        return cycles(Gemm(*product), 32, 16, flow, arrays=count, double_buffered=double)

    least = taken(m, n, k)
    assert taken(m + more, n, k) >= least
    assert taken(m, n + more, k) >= least
    assert taken(m, n, k + more) >= least
    assert taken(m, n, k, 1 + more) >= least


@given(sizes, sizes, sizes, st.integers(1, 40), flows, buffers, arrays)
def test_no_unit_does_two_macs_in_a_cycle(m, n, k, groups, flow, double, count):
    product = Gemm(m, n, k, groups)
    taken = cycles(product, 32, 16, flow, arrays=count, double_buffered=double)
    assert product.macs <= count * 32 * 16 * (taken + 1)


@given(sizes, sizes, sizes, st.integers(1, 40), flows)
def test_a_second_buffer_never_makes_it_slower(m, n, k, groups, flow):
    product = Gemm(m, n, k, groups)
    assert cycles(product, 32, 16, flow, double_buffered=True) <= cycles(product, 32, 16, flow)
