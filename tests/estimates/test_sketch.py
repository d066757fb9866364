"""The load that is worked out from layers and rates, beside that of the same events laid over a real mapping."""

import numpy as np
import pytest

from nmc.chips import load_chip
from nmc.estimates.events import Events, NodeEvents
from nmc.estimates.layers import populations
from nmc.estimates.load import load_of
from nmc.estimates.sketch import load, sketched
from nmc.estimates.traffic import traffic
from nmc.mapping.partition import partition
from nmc.mapping.place import place
from nmc.mapping.route import routes
from nmc.text import parse

LIMITS = load_chip("loihi1").limits
STEPS, RATE = 10, 0.1

DENSE = """
dt = 0.001
x = Input(shape=(700,), stream=True)
d = FixedDense(x, features=1500, weight='w')
h = FixedLIF(d@1, du=0, dv=0, vth=100)
e = FixedDense(h, features=300, weight='v')
o = FixedLIF(e@1, du=0, dv=0, vth=100)
return o
"""
CONV = """
dt = 0.001
x = Input(shape=(2, 64, 64), stream=True)
c = FixedConv2d(x, channels=16, kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), weight='w')
h = FixedLIF(c@1, du=0, dv=0, vth=100)
k = FixedConv2d(h, channels=16, kernel=(3, 3), padding=(1, 1, 1, 1), weight='v')
o = FixedLIF(k@1, du=0, dv=0, vth=100)
return o
"""


def mapped(graph, sketch):
    """The load of the real mapping, with the events that the rates make."""
    nodes = {name: NodeEvents(spikes=np.full(graph.signals[name].shape, RATE * STEPS)) for name in ("x",)}
    for population in sketch.populations:
        spikes = np.full(population.shape, RATE * STEPS)
        nodes[population.name] = NodeEvents(neuron_updates=population.neurons * STEPS, spikes=spikes)
        (layer,) = population.layers
        synapse = graph[population.name].inputs[0].node
        nodes[synapse] = NodeEvents(synaptic_operations=layer.elements * RATE * STEPS * layer.fan_out)
    placement = place(partition(graph, LIMITS), LIMITS)
    return load_of(traffic(placement, routes(placement), Events(1, STEPS, nodes)), STEPS)


@pytest.mark.parametrize("text", [DENSE, CONV], ids=["dense", "convolutions"])
def test_a_sketch_is_close_to_the_mapping(text):
    graph = parse(text)
    sketch = sketched(populations(graph), LIMITS)
    drawn = load(sketch, steps=STEPS, spikes=dict.fromkeys(sketch.senders, RATE * STEPS))
    real = mapped(graph, sketch)
    # equal by what they are
    assert drawn.synaptic_operations == pytest.approx(real.synaptic_operations)
    assert drawn.updates.sum() == pytest.approx(real.updates.sum())
    assert drawn.spikes.sum() == pytest.approx(real.spikes.sum())
    # close: cores, messages, and the busiest core
    assert drawn.cores.sum() == pytest.approx(real.cores.sum(), rel=0.25)
    assert drawn.arrived.sum() == pytest.approx(real.arrived.sum(), rel=0.5)
    work = (drawn.dense_operations + drawn.conv_operations) / drawn.cores
    assert work.max() == pytest.approx((real.dense_operations + real.conv_operations).max(), rel=0.5)


def test_messages_go_to_every_core_that_reads_them():
    """1500 neurons on cores by their synapses: each of 700 inputs goes to all of them."""
    sketch = sketched(populations(parse(DENSE)), LIMITS)
    drawn = load(sketch, steps=STEPS, spikes=dict.fromkeys(sketch.senders, 1.0))
    first, second = (sketch.cores[name] for name in ("h", "o"))
    # 700 x 1500 synapses of 8 bits and a header of 10 for 64, in cores of 2^20 bits
    assert first == -(-700 * 1500 * (8 + 10 / 64) // 2**20)
    assert drawn.arrived.tolist() == [700 * first, 1500 * second]
    assert drawn.sent.tolist() == [1500 * second, 0]
    assert drawn.input_cores == first
