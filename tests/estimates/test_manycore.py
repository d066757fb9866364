import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.chips import load_chip
from nmc.errors import UnsupportedError, UsageError
from nmc.estimates.events import Events, NodeEvents
from nmc.estimates.manycore import price_manycore
from nmc.text import parse

LOIHI = load_chip("loihi1")

SMALL = parse("""
dt = 0.001
x = Input(shape=(4,), stream=True)
d = FixedDense(x, features=3, weight='w1')
h = FixedLIF(d@1, du=0, dv=0, vth=100)
e = FixedDense(h, features=2, weight='w2')
o = FixedLIF(e@1, du=0, dv=0, vth=100)
y = Sum(o)
return y
""")

# For one sample in 10 steps: 8 spikes from the host reach 3 neurons each, 6 spikes of h reach 2 neurons each.
EVENTS = Events(samples=1, steps=10, nodes={
    "x": NodeEvents(spikes=np.array([2.0, 2.0, 2.0, 2.0])),
    "d": NodeEvents(synaptic_operations=24),
    "h": NodeEvents(neuron_updates=30, spikes=np.array([1.0, 2.0, 3.0])),
    "e": NodeEvents(synaptic_operations=12),
    "o": NodeEvents(neuron_updates=20, spikes=np.array([0.0, 5.0])),
})  # fmt: skip


def parts_of(**choices):
    return {part.name: part for part in price_manycore(LOIHI, SMALL, EVENTS, **choices).components}


def io_of(parts):
    return next(part for name, part in parts.items() if name.startswith("I/O"))


def test_event_energy_by_the_silicon_profile():
    parts = parts_of(prices="sanafe")
    # 36 operations at 35.5 pJ
    assert parts["synaptic operations"].energy_j.best == pytest.approx(36 * 35.5e-12)
    # 50 updates at 51.2 + 21.6 pJ
    assert parts["neuron updates"].energy_j.best == pytest.approx(50 * (51.2 + 21.6) * 1e-12)
    # 6 + 5 spikes at 69.3 pJ; those 6 of h go as messages at 111 pJ
    assert parts["spikes and messages"].energy_j.best == pytest.approx((11 * 69.3 + 6 * 111) * 1e-12)
    # both cores are on the first tile, where the host's spikes enter
    assert parts["hops"].energy_j.best == 0


def test_weight_updates_are_priced_where_a_price_was_published():
    learning = {**EVENTS.nodes, "d": NodeEvents(synaptic_operations=24, weight_updates=10)}
    events = Events(samples=1, steps=10, nodes=learning)
    priced = price_manycore(LOIHI, SMALL, events, prices="davies2018")
    updates = {part.name: part for part in priced.components}["weight updates"]
    assert updates.energy_j.best == pytest.approx(10 * 120e-12)
    slowest = {part.name: part for part in priced.components}["slowest core"].latency_s.best
    assert slowest == pytest.approx(parts_of(prices="davies2018")["slowest core"].latency_s.best + 10 * 6.1e-9)
    unpriced = price_manycore(LOIHI, SMALL, events, prices="sanafe")
    assert "energy and time of weight updates" in unpriced.missing
    assert "weight updates" not in [part.name for part in price_manycore(LOIHI, SMALL, EVENTS).components]


def test_event_energy_by_the_simulated_profile():
    parts = parts_of(prices="davies2018")
    assert parts["synaptic operations"].energy_j.best == pytest.approx(36 * 23.6e-12)
    # 81 pJ for an active update; at least 52 / 1.6 if none was active
    assert parts["neuron updates"].energy_j.best == pytest.approx(50 * 81e-12)
    assert parts["neuron updates"].energy_j.low == pytest.approx(50 * 52e-12 / 1.6)
    # spikes themselves are in no price; 6 messages within a tile at 1.7 pJ
    assert parts["spikes and messages"].energy_j.best == pytest.approx(6 * 1.7e-12)


def test_latency_when_the_chip_sets_the_pace():
    parts = parts_of(prices="sanafe", io="on-chip")
    # the core of h: 24 operations at 3.8 ns, 30 updates at 9.7 ns, 6 spikes at 30 ns, 6 messages out at 5.1 ns
    # and 8 in at 16 ns
    h = 24 * 3.8 + 30 * 9.7 + 6 * 30 + 6 * 5.1 + 8 * 16
    assert parts["slowest core"].latency_s.best == pytest.approx(h * 1e-9)
    # 10 barriers of one tile
    assert parts["barrier"].latency_s.best == pytest.approx(10 * 0.6e-6)
    assert io_of(parts).latency_s.best == 0
    assert price_manycore(LOIHI, SMALL, EVENTS, io="on-chip").latency_s.best == pytest.approx(h * 1e-9 + 6e-6)


def test_a_host_that_takes_part_sets_the_pace():
    mode = LOIHI.io["host-bound"]
    # the host writes to the one core of h, in each of 10 steps
    expected = 10 * (mode.step.base + 1 * mode.core.base)
    assert io_of(parts_of()).latency_s.best == pytest.approx(expected)


def test_a_chip_that_brings_in_spikes_while_it_works_waits_only_for_the_rest():
    alone = price_manycore(LOIHI, SMALL, EVENTS, io="on-chip").latency_s.best
    streaming = price_manycore(LOIHI, SMALL, EVENTS, io="streaming").latency_s.best
    pace = 10 * LOIHI.io["streaming"].step.base
    assert alone < pace
    assert streaming == pytest.approx(pace)


def test_static_power_by_baseline():
    estimate = price_manycore(LOIHI, SMALL, EVENTS)
    seconds = estimate.latency_s.best
    events = estimate.above("active").energy_j.best
    assert estimate.energy_j.best == pytest.approx(0.0961 * seconds + events)
    assert estimate.above("dynamic").energy_j.best == pytest.approx(0.0666 * seconds + events)
    assert events < 0.01 * estimate.energy_j.best


def test_the_total_says_that_it_is_a_lower_bound():
    estimate = price_manycore(LOIHI, SMALL, EVENTS)
    assert estimate.at_least
    assert "barrier synchronization energy" in estimate.missing
    assert estimate.baseline == "total"


def test_spikes_that_were_not_counted_are_said_to_be_missing():
    events = Events(1, 10, {**EVENTS.nodes, "x": NodeEvents()})
    missing = price_manycore(LOIHI, SMALL, events).missing
    assert "spikes of x, which the engine did not count" in missing


def test_energy_by_node():
    by_node = price_manycore(LOIHI, SMALL, EVENTS).by_node
    assert by_node["d"].best == pytest.approx(24 * 35.5e-12)
    assert by_node["h"].best == pytest.approx((30 * 72.8 + 6 * 69.3 + 6 * 111) * 1e-12)
    assert by_node["o"].best == pytest.approx((20 * 72.8 + 5 * 69.3) * 1e-12)
    events = price_manycore(LOIHI, SMALL, EVENTS).above("active").energy_j
    assert sum(energy.best for energy in by_node.values()) == pytest.approx(events.best)


CONV = parse("""
dt = 0.001
x = Input(shape=(2, 34, 34), stream=True)
c = FixedConv2d(x, channels=16, kernel=(3, 3), weight='w')
h = FixedLIF(c@1, du=0, dv=0, vth=100)
return h
""")


def conv_events(spikes):
    arriving = np.zeros((2, 34, 34))
    arriving[:, 16, 16] = spikes / 2
    return Events(1, 10, {
        "x": NodeEvents(spikes=arriving),
        "c": NodeEvents(synaptic_operations=144 * spikes),
        "h": NodeEvents(neuron_updates=10 * 16 * 32 * 32, spikes=np.zeros((16, 32, 32))),
    })  # fmt: skip


def test_convolutions_have_a_price_of_their_own_and_spikes_travel():
    parts = {p.name: p for p in price_manycore(LOIHI, CONV, conv_events(100), prices="sanafe").components}
    assert parts["synaptic operations"].energy_j.best == pytest.approx(14_400 * 24e-12)
    # 16 slices on 4 tiles: some of those that read row 16 lie away from the entrance
    assert parts["hops"].energy_j.best > 0
    # between 0.6 us for 1 tile and 1.4 us for 4
    assert parts["barrier"].latency_s.best == pytest.approx(10 * 1.4e-6)


def test_only_the_cores_that_see_the_spikes_are_busy():
    quiet, busy = (
        next(p for p in price_manycore(LOIHI, CONV, conv_events(n)).components if p.name == "slowest core")
        for n in (0, 1000)
    )
    assert busy.latency_s.best > quiet.latency_s.best


counts = st.floats(0, 1e6, allow_nan=False)


@given(counts, counts, st.sampled_from(["sanafe", "davies2018"]), st.sampled_from(["host-bound", "on-chip"]))
def test_more_events_never_cost_less(few, more, prices, io):
    def price(operations):
        events = Events(1, 10, {**EVENTS.nodes, "d": NodeEvents(synaptic_operations=operations)})
        return price_manycore(LOIHI, SMALL, events, prices=prices, io=io)

    least, most = price(few), price(few + more)
    assert most.energy_j.best >= least.energy_j.best
    assert most.latency_s.best >= least.latency_s.best


def keywords(rate, steps=10):
    """The network of Blouw et al. 2019, every element spiking with this probability in each step."""
    widths = (390, 256, 256, 29)
    lines = ["dt = 0.001", "h0 = Input(shape=(390,), stream=True)"]
    nodes = {"h0": NodeEvents(spikes=np.full(390, rate * steps))}
    for i, width in enumerate(widths[1:], 1):
        lines.append(f"d{i} = FixedDense(h{i - 1}, features={width}, weight='w{i}')")
        lines.append(f"h{i} = FixedLIF(d{i}@1, du=0, dv=0, vth=100)")
        nodes[f"d{i}"] = NodeEvents(synaptic_operations=widths[i - 1] * width * rate * steps)
        nodes[f"h{i}"] = NodeEvents(neuron_updates=width * steps, spikes=np.full(width, rate * steps))
    return parse("\n".join([*lines, "return h3"])), Events(1, steps, nodes)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.3])
def test_keyword_spotting_is_of_the_order_that_boards_measured(rate):
    """Blouw et al. 2019: 372 uJ in total and 271 uJ above boot; the spike rate is not published."""
    graph, events = keywords(rate)
    estimate = price_manycore(LOIHI, graph, events)
    assert 372e-6 in estimate.energy_j
    assert 271e-6 in estimate.above("dynamic").energy_j
    assert estimate.energy_j.best == pytest.approx(372e-6, rel=1.0)


def test_unknown_choices():
    with pytest.raises(UsageError, match="no price profile 'mixed'"):
        price_manycore(LOIHI, SMALL, EVENTS, prices="mixed")
    with pytest.raises(UsageError, match="no way of I/O 'telepathy'"):
        price_manycore(LOIHI, SMALL, EVENTS, io="telepathy")


def test_a_network_that_does_not_fit_has_no_price():
    graph = parse("""
dt = 0.001
x = Input(shape=(5000,), stream=True)
d = FixedDense(x, features=3, weight='w')
h = FixedLIF(d@1, du=0, dv=0, vth=100)
return h
""")
    with pytest.raises(UnsupportedError, match="5000 input axons"):
        price_manycore(LOIHI, graph, Events(1, 10))
