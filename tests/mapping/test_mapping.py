from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import UnsupportedError
from nmc.mapping.box import Box, grids, split
from nmc.mapping.memory import axon_bits, needed, receptive_field
from nmc.mapping.network import network
from nmc.mapping.partition import partition
from nmc.mapping.place import along_curve, place
from nmc.mapping.route import Hops, hops, routes
from nmc.mapping.slices import Use
from nmc.text import parse
from nmc.units.quantity import Quantity

LIMITS = load_chip("loihi1").limits


def limits(**changed):
    made = {
        name: Quantity(value=n, unit="1", source="of a test", grade="assumed") for name, n in changed.items()
    }
    return replace(LIMITS, **made)


def dense(*widths):
    """A network of dense layers, fed by spikes of the host."""
    lines = ["dt = 0.001", f"h0 = Input(shape=({widths[0]},), stream=True)"]
    for i, width in enumerate(widths[1:], 1):
        lines.append(f"d{i} = FixedDense(h{i - 1}, features={width}, weight='w{i}')")
        lines.append(f"h{i} = FixedLIF(d{i}@1, du=0, dv=0, vth=100)")
    return parse("\n".join([*lines, f"return h{len(widths) - 1}"]))


CONV = parse("""
dt = 0.001
x = Input(shape=(2, 32, 32), stream=True)
c1 = FixedConv2d(x, channels=16, kernel=(3, 3), weight='w1', stride=(2, 2))
h1 = FixedLIF(c1@1, du=0, dv=0, vth=100)
c2 = FixedConv2d(h1, channels=8, kernel=(3, 3), weight='w2', padding=(1, 1, 1, 1))
h2 = FixedLIF(c2@1, du=0, dv=0, vth=100)
f = Flatten(h2)
d = FixedDense(f, features=11, weight='w3')
h3 = FixedLIF(d@1, du=0, dv=0, vth=100)
y = Sum(h3)
return y
""")


def ways(placement):
    """Hops east and west, north and south, and between chips, by source and target."""
    return {
        (int(source), int(target)): tuple(map(int, taken))
        for r in routes(placement)
        for source, target, *taken in zip(
            r.source, r.target, r.hops_east_west, r.hops_north_south, r.hops_between_chips, strict=True
        )
    }


def used(part):
    return {resource: (use.used, use.limit) for resource, use in part.use.items()}


def test_synapse_memory_is_that_of_nengo_loihi():
    """nengo-loihi 1.1.0 reports 73,728 of 1,048,576 bits for 64 inputs onto 128 neurons with 8-bit weights."""
    assert 64 * axon_bits(128, 8, 0) == 73_728
    # by hand: two blocks of 64 weights: 64 x 8 + 10 bits, in 9 words of 64
    assert axon_bits(128, 8, 0) == 2 * 9 * 64


def test_a_short_block_takes_the_words_it_needs():
    # 7 weights of 8 bits and a header of 10 are 66 bits: two words
    assert axon_bits(7, 8, 0) == 128
    assert axon_bits(6, 8, 0) == 64


def test_a_small_layer_takes_one_core():
    (part,) = partition(dense(64, 128), LIMITS).slices
    assert used(part) == {
        "neurons": (128, 1024),
        "input axons": (64, 4096),
        "output axons": (0, 4096),
        "synapse memory words": (73_728 // 64, 16_384),
    }


def test_neurons_split_evenly():
    slices = partition(dense(10, 1500), LIMITS).slices
    assert [part.neurons.size for part in slices] == [750, 750]


def test_synapse_memory_splits_a_wide_layer():
    slices = partition(dense(784, 1000), LIMITS).slices
    # 142 neurons take 64 + 64 + 14 weights: 9 + 9 + 2 words for each of 784 inputs; 143 would take 21
    assert max(part.neurons.size for part in slices) <= 142
    assert len(slices) == 8
    assert all(part.use["synapse memory words"].used <= 16_384 for part in slices)


def test_fan_in_cannot_be_split():
    with pytest.raises(UnsupportedError, match="node 'h1': each neuron needs 5000 input axons, and a core has 4096"):
        partition(dense(5000, 10), LIMITS)


def test_a_chip_without_enough_cores():
    one_tile = limits(mesh_columns=1, mesh_rows=1, chips=1)
    with pytest.raises(UnsupportedError, match="node 'h1': its 1000 neurons need more cores than the 4 there are"):
        partition(dense(784, 1000), one_tile)
    with pytest.raises(UnsupportedError, match=r"needs at least 5 cores \(h1 1, h2 4\), and the chip has 4"):
        partition(dense(10, 1000, 400), one_tile)


def test_output_axons_cut_the_source_finer():
    roomy = partition(dense(10, 1000, 1000), limits(output_axons=2048, synapse_words=10**6))
    assert len(roomy.of("h1")) == len(roomy.of("h2")) == 1
    # with less memory h2 takes several cores, and each neuron of h1 an output axon to each of them
    net = partition(dense(10, 1000, 1000), limits(output_axons=2048, synapse_words=40_000))
    assert len(net.of("h2")) > 2
    assert all(part.use["output axons"].used <= 2048 for part in net.slices)
    assert len(net.of("h1")) == -(-1000 * len(net.of("h2")) // 2048)


def test_every_population_that_does_not_fit_is_named():
    with pytest.raises(UnsupportedError) as caught:
        partition(dense(5000, 5000, 10), LIMITS)
    assert [fault.node for fault in caught.value.faults] == ["h1", "h2"]


@given(st.lists(st.integers(1, 300), min_size=2, max_size=4))
def test_slices_hold_every_neuron_once_and_within_the_limits(widths):
    small = limits(neurons=100, input_axons=300, output_axons=900, synapse_words=4000)
    result = partition(dense(*widths), small)
    for name, width in zip(["h1", "h2", "h3"], widths[1:], strict=False):
        covered = [i for part in result.of(name) for i in range(*part.neurons.ranges[0])]
        assert sorted(covered) == list(range(width))
    assert all(use.used <= use.limit for part in result.slices for use in part.use.values())


def test_the_receptive_field_of_a_slice():
    strided, padded, flat = network(CONV).projections
    # rows 2 and 3 of stride 2 and kernel 3 read rows 4 to 8
    assert receptive_field(strided, Box(((0, 4), (2, 4), (0, 15)))) == Box(((0, 2), (4, 9), (0, 31)))
    assert receptive_field(padded, Box(((0, 8), (0, 1), (0, 15)))) == Box(((0, 16), (0, 2), (0, 15)))
    assert receptive_field(flat, Box(((0, 11),))) == Box(((0, 8 * 15 * 15),))


def test_weights_of_a_convolution_are_stored_once():
    projection = network(CONV).projections[1]
    # 16 inputs; along an axis the tap sets are 3 inside and 2 at each border; 8 targets behind each tap:
    # 24, 16 and 16 weights down, times the same across, with 11 bits of index for 8 x 15 x 15 = 1800 neurons
    whole = Box.whole((8, 15, 15))
    stored = sum(axon_bits(8 * a * b, 8, 11) for a in (3, 2, 2) for b in (3, 2, 2))
    need = needed(projection, whole)
    assert need.synapse_bits == 16 * stored
    assert need.input_axons == 15 * 15
    as_dense = network(dense(16 * 15 * 15, 8 * 15 * 15)).projections[0]
    assert need.synapse_bits < needed(as_dense, Box(((0, 1800),))).synapse_bits / 50


def test_layers_lie_side_by_side_on_the_curve():
    placement = along_curve(partition(dense(10, 20_000), LIMITS), LIMITS)
    tiles = list(dict.fromkeys((p.column, p.row) for p in placement.places))
    assert all(abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a, b in pairwise(tiles))
    assert placement.cores.used == len(placement.places)
    assert placement.tiles.used == len(tiles)


def test_routes_of_two_cores_on_one_tile_have_no_hops():
    placement = place(partition(dense(64, 128, 10), LIMITS), LIMITS)
    host, inner = routes(placement)
    assert (*host.source, *host.target, *host.senders) == (-1, 0, 64)
    assert (*inner.source, *inner.target, *inner.senders) == (0, 1, 128)
    assert hops(routes(placement)) == Hops(0, 0, 0, messages=64 + 128)


def test_hops_are_counted_by_direction():
    # one core on each tile of a mesh of 2 columns: core 1 below core 0, and core 2 beside core 1
    small = limits(cores_per_tile=1, mesh_columns=2, mesh_rows=2)
    found = ways(along_curve(partition(dense(8, 8, 8, 8), small), small))
    assert found == {(-1, 0): (0, 0, 0), (0, 1): (0, 1, 0), (1, 2): (1, 0, 0)}


def test_hops_between_chips_are_counted_apart():
    # chips of one tile with one core, side by side in two rows: 0 1 / 3 2
    single = limits(cores_per_tile=1, mesh_columns=1, mesh_rows=1)
    placement = along_curve(partition(dense(8, 8, 8, 8, 8), single), single)
    assert [p.chip for p in placement.places] == [0, 1, 2, 3]
    assert placement.chips == Use(4, 768)
    assert ways(placement) == {(-1, 0): (0, 0, 0), (0, 1): (0, 0, 1), (1, 2): (0, 0, 1), (2, 3): (0, 0, 1)}


def test_more_cores_than_a_chip_has_take_more_chips():
    one = partition(dense(10, 1000, 400), limits(mesh_columns=1, mesh_rows=1))
    placement = place(one, limits(mesh_columns=1, mesh_rows=1))
    assert placement.cores.used == 5
    assert placement.chips.used == 2
    assert {(p.chip, p.core) for p in placement.places} == {(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)}


def test_spikes_of_a_convolution_go_only_where_they_are_read():
    small = limits(neurons=600)
    placement = place(partition(CONV, small), small)
    slices = placement.partition.slices
    between = next(r for r in routes(placement) if r.projection.synapse.name == "c2")
    first, second = placement.partition.of("h1"), placement.partition.of("h2")
    assert 0 < len(between) < len(first) * len(second)
    for source, target, senders in zip(between.source, between.target, between.senders, strict=True):
        area = receptive_field(between.projection, slices[target].neurons)
        assert senders == (slices[source].neurons & area).size > 0


def test_neurons_that_read_neurons_are_refused():
    graph = parse("""
dt = 0.001
x = Input(shape=(4,), stream=True)
d = FixedDense(x, features=4, weight='w')
a = FixedLIF(d@1, du=0, dv=0, vth=1)
b = FixedLIF(a@1, du=0, dv=0, vth=1)
return b
""")
    with pytest.raises(UnsupportedError, match="node 'b': its neurons read those of 'a' without synapses"):
        partition(graph, LIMITS)


def test_a_recurrent_layer_drives_itself():
    graph = parse("""
dt = 0.001
x = Input(shape=(8,), stream=True)
d = FixedDense(x, features=16, weight='w')
a = FixedLIF(d@1, r, du=0, dv=0, vth=1)
r = FixedDense(a@1, features=16, weight='v')
return a
""")
    placement = place(partition(graph, LIMITS), LIMITS)
    assert used(placement.partition.slices[0])["input axons"][0] == 8 + 16
    assert set(ways(placement)) == {(-1, 0), (0, 0)}


@given(st.tuples(st.integers(1, 30), st.integers(1, 8), st.integers(1, 8)), st.integers(1, 20))
def test_grids_cut_a_shape_into_disjoint_boxes(shape, pieces):
    for grid in grids(shape, pieces):
        boxes = split(shape, grid)
        assert len(boxes) == pieces
        assert sum(box.size for box in boxes) == Box.whole(shape).size
        assert all(box.size for box in boxes)
