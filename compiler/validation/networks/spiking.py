"""Networks that were published for spiking chips. Rectifiers stand for the neurons, whatever these were.

Few of these were published layer by layer; a docstring says what is assumed.
"""

from __future__ import annotations

from nmc.graph import Graph
from nmc.text import parse
from nmc.validation.networks.layers import Layers
from nmc.validation.networks.perceptrons import perceptron


def convolutional(shape: tuple[int, int, int], channels: tuple[int, ...], classes: int) -> Graph:
    """Convolutions of 3 x 3 that halve the size, and a dense layer."""
    net = Layers(*shape)
    last = net.input
    for count in channels:
        last = net.conv(last, count, 3, 2)
    return net.graph(net.linear(net.flatten(last), classes))


def mnist_cnn() -> Graph:
    """Four layers on MNIST (Rueckauer et al. 2021); their sizes are assumed."""
    return convolutional((1, 28, 28), (16, 32, 64), 10)


def nmnist_cnn() -> Graph:
    """N-MNIST, 34 x 34 pixels of both polarities (arXiv:2304.06793); layers are assumed."""
    return convolutional((2, 34, 34), (16, 32, 64), 10)


def gesture_cnn() -> Graph:
    """DVS gestures, 128 x 128 pixels of both polarities (Yao et al. 2024); layers are assumed."""
    return convolutional((2, 128, 128), (16, 32, 32, 32, 32), 11)


def mnist_dbn() -> Graph:
    """The deep belief network 784-500-500-10 (Stromatias et al. 2015)."""
    return perceptron(784, 500, 500, 10)


def xylo_kws() -> Graph:
    """Three layers behind 16 channels of sound (Bos and Muir 2024); their widths are assumed."""
    return perceptron(16, 63, 63, 1)


def shd() -> Graph:
    """Two layers on spoken digits of 700 channels (Meszaros et al. 2025); their width is assumed."""
    return perceptron(700, 256, 256, 20)


def olfactory_bulb() -> Graph:
    """Mitral and granule cells (Imam and Cleland 2020); their number, and that a fifth is connected, is assumed."""
    return parse("""
dt = 0.001
odour = Input(shape=(72,), stream=True)
excited = Linear(odour, features=72, weight='w')
inhibited = FixedSparse(granule@1, features=72, synapses=66355, weight='i', column='ic', row_start='ir')
mitral = IF(excited, inhibited)
driven = FixedSparse(mitral, features=4608, synapses=66355, weight='d', column='dc', row_start='dr')
granule = IF(driven)
return mitral
""")


def random_recurrent(neurons: int, synapses: int) -> Graph:
    """Neurons, each with the same number of synapses from others at random."""
    return parse(f"""
dt = 0.001
noise = Input(shape=(1,), stream=True)
driven = Linear(noise, features={neurons}, weight='n')
recurrent = FixedSparse(neurons@1, features={neurons}, synapses={neurons * synapses}, weight='w', column='c',
    row_start='r')
neurons = LIF(driven, recurrent, decay=0.9)
return neurons
""")


def truenorth_recurrent() -> Graph:
    """A million neurons with 128 synapses each (Merolla et al. 2014)."""
    return random_recurrent(1 << 20, 128)


def spinnaker_random() -> Graph:
    """A quarter of a million neurons with 720 synapses each (Stromatias et al. 2013)."""
    return random_recurrent(250_000, 720)
