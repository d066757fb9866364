from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import ModelError, UnsupportedError
from nmc.mapping.links import projection_links, spikes_along
from nmc.mapping.memory import axon_bits
from nmc.mapping.partition import partition
from nmc.mapping.place import along_curve, improved, place
from nmc.mapping.route import hops, routes
from nmc.text import parse
from nmc.units.quantity import Quantity

LIMITS = load_chip("loihi1").limits


def limits(**changed):
    return replace(LIMITS, **{
        name: Quantity(value=n, unit="1", source="of a test", grade="assumed") for name, n in changed.items()
    })


def recurrent(reads, inputs=4):
    """Neurons that each read all of the host's inputs, and each other as `reads` (0 or 1, [to, from]) says."""
    reads = np.asarray(reads, dtype=bool)
    neurons = len(reads)
    graph = parse(f"""
dt = 0.001
x = Input(shape=({inputs},), stream=True)
d = FixedDense(x, features={neurons}, weight='v')
n = FixedLIF(d@1, s@1, du=0, dv=0, vth=100)
s = FixedSparse(n, features={neurons}, synapses={reads.sum()}, weight='w', column='c', row_start='p')
return n
""")
    rows, columns = np.nonzero(reads)
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=neurons))))
    return graph, {"c": columns.astype(np.int32), "p": starts, "w": np.ones(len(rows), np.int8)}


def random_reads(neurons, share, seed):
    return np.random.default_rng(seed).random((neurons, neurons)) < share


def test_an_axon_costs_a_word_wherever_it_has_a_synapse():
    # neurons 0 and 1 read neuron 2: one axon with two weights of 8 + 10 bits and a header of 10, in one word;
    # besides, 4 axons of the host with three weights each
    graph, weights = recurrent([[0, 0, 1], [0, 0, 1], [0, 0, 0]])
    (part,) = partition(graph, LIMITS, weights).slices
    assert part.use["input axons"].used == 4 + 1
    assert part.use["synapse memory words"].used == 4 * axon_bits(3, 8, 0) // 64 + 1
    assert part.use["output axons"].used == 1


@settings(deadline=None)  # the first call compiles kernels
@given(st.integers(1, 60), st.floats(0, 1), st.integers(0, 99))
def test_slices_hold_every_neuron_once_and_within_the_limits(neurons, share, seed):
    small = limits(neurons=8, input_axons=70, output_axons=600, synapse_words=200)
    graph, weights = recurrent(random_reads(neurons, share, seed))
    cut = partition(graph, small, weights)
    assert [i for part in cut.slices for i in range(*part.neurons.ranges[0])] == list(range(neurons))
    assert all(use.used <= use.limit for part in cut.slices for use in part.use.values())


@settings(deadline=None)  # the first call compiles kernels
@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 99))
def test_spikes_go_to_each_slice_that_reads_them_once(neurons, share, seed):
    reads = random_reads(neurons, share, seed)
    graph, weights = recurrent(reads)
    cut = partition(graph, limits(neurons=7), weights)
    projection = next(p for p in cut.network.projections if p.pattern is not None)
    link = projection_links(cut, projection)
    spikes = np.arange(neurons) ** 2.0
    carried = spikes_along(cut, projection, spikes)
    boxes = [part.neurons.slices[0] for part in cut.slices]
    wanted = {}
    for target, rows in enumerate(boxes):
        for source, columns in enumerate(boxes):
            sending = reads[rows, columns].any(axis=0)
            if sending.any():
                wanted[source, target] = (sending.sum(), spikes[columns][sending].sum())
    found = zip(link.source.tolist(), link.target.tolist(), link.senders, carried, strict=True)
    assert {(s, t): (n, c) for s, t, n, c in found} == wanted


def test_output_axons_cut_a_recurrent_layer_finer():
    # each neuron reads itself and its neighbours: 20 neurons drive their own core, and 2 at the ends another
    graph, weights = recurrent(np.eye(60) + np.eye(60, k=1) + np.eye(60, k=-1))
    few, many = (partition(graph, limits(neurons=20, output_axons=n), weights) for n in (22, 15))
    assert [part.use["output axons"].used for part in few.slices] == [21, 22, 21]
    assert len(many.slices) > 3
    assert all(part.use["output axons"].used <= 15 for part in many.slices)


def test_a_neuron_that_reads_too_much():
    with pytest.raises(UnsupportedError, match="'n': its neuron 0 needs 54 input axons, and a core has 50"):
        graph, weights = recurrent(np.ones((50, 50)))
        partition(graph, limits(input_axons=50), weights)


def test_a_neuron_that_drives_too_many_cores():
    graph, weights = recurrent(np.ones((50, 50)))
    with pytest.raises(UnsupportedError, match=r"'n': its neurons need 50 output axons on a core, which has 9"):
        partition(graph, limits(output_axons=9, neurons=5), weights)


def test_rows_that_do_not_rise():
    graph, weights = recurrent(np.ones((3, 3)))
    with pytest.raises(ModelError, match="'s': the array 'p' must rise from 0 to 9"):
        partition(graph, LIMITS, {**weights, "p": np.array([0, 5, 3, 9])})


def test_a_graph_without_its_patterns():
    with pytest.raises(ModelError, match="its pattern is not known"):
        partition(recurrent(np.ones((3, 3)))[0], LIMITS)


@pytest.mark.parametrize("neurons", [40, 700])
def test_swaps_bring_together_what_was_scattered(neurons):
    """A ring whose neighbours were shuffled: on few cores every swap is tried, on many only nearby ones."""
    one_each = limits(neurons=1)
    order = np.random.default_rng(1).permutation(neurons)
    reads = np.zeros((neurons, neurons))
    reads[order, np.roll(order, 1)] = 1
    graph, weights = recurrent(reads, inputs=1)
    start = along_curve(partition(graph, one_each, weights), one_each)
    better = improved(start, one_each)

    def along_ring(placement):
        return hops(tuple(r for r in routes(placement) if r.projection.on_chip)).per_message

    assert along_ring(better) < 0.7 * along_ring(start)
    assert len({(p.chip, p.core) for p in better.places}) == neurons
    assert {(p.column, p.row) for p in better.places} == {(p.column, p.row) for p in start.places}


@settings(deadline=None)  # the first call compiles kernels
@given(st.integers(2, 40), st.floats(0, 1), st.integers(0, 99))
def test_swaps_never_lengthen_the_ways(neurons, share, seed):
    small = limits(neurons=2, cores_per_tile=1, mesh_columns=3, mesh_rows=2)
    graph, weights = recurrent(random_reads(neurons, share, seed))
    cut = partition(graph, small, weights)

    def cost(placement):
        taken = hops(routes(placement))
        return taken.east_west + taken.north_south + 11 * taken.between_chips

    assert cost(place(cut, small)) <= cost(along_curve(cut, small))


IMAGE = """
dt = 0.001
x = Input(shape=(8,), stream=True)
d = FixedSparse(x, features=64, synapses=64, weight='w', column='c', row_start='p')
r = Reshape(d, shape=(1, 8, 8))
n = FixedLIF(r@1, du=0, dv=0, vth=100)
k = FixedConv2d(n, channels=2, kernel=3, weight='k')
m = FixedLIF(k@1, du=0, dv=0, vth=100)
return m
"""
IMAGE_ARRAYS = {
    "c": np.repeat(np.arange(8), 8).astype(np.int32), "p": np.arange(65), "w": np.ones(64, np.int8),
    "k": np.ones((2, 1, 3, 3)),
}  # fmt: skip


def test_neurons_with_a_shape_lie_in_one_row_where_sparse_synapses_end():
    """Cut into runs of 16, two lines of the picture each; the convolution reads what it would of boxes."""
    found = partition(parse(IMAGE), limits(neurons=16), IMAGE_ARRAYS)
    assert [str(part.neurons) for part in found.slices if part.population == "n"] == [
        "[0:16]", "[16:32]", "[32:48]", "[48:64]"
    ]
    (read,) = (p for p in found.network.projections if p.population == "m")
    held = (np.arange(64) // 16).reshape(8, 8)
    expected = []
    for target, part in enumerate(p for p in found.slices if p.population == "m"):
        (_, rows, columns) = part.neurons.ranges
        area = held[rows[0] : rows[1] + 2, columns[0] : columns[1] + 2].ravel()
        expected += [(source, target, count) for source, count in enumerate(np.bincount(area)) if count]
    links = projection_links(found, read)
    first = found.first
    got = list(zip(links.source - first["n"], links.target - first["m"], links.senders, strict=True))
    assert got == expected
    spikes = np.random.default_rng(0).integers(0, 9, (1, 8, 8)).astype(float)
    sent = spikes_along(found, read, spikes)
    assert len(sent) == len(links)
    np.testing.assert_array_equal(spikes_along(found, read, np.ones((1, 8, 8))), links.senders)


def test_a_convolution_beside_sparse_synapses_is_refused():
    beside = "e = FixedConv2d(n, channels=1, kernel=3, padding=1, weight='e')\nn = FixedLIF(e@1, r@1,"
    text = IMAGE.replace("n = FixedLIF(r@1,", beside)
    with pytest.raises(UnsupportedError, match="the convolution 'e' and sparse synapses end on the same neurons"):
        partition(parse(text), LIMITS, {**IMAGE_ARRAYS, "e": np.ones((1, 1, 3, 3))})
