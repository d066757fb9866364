"""Networks of Google's data centres: Jouppi et al., ISCA 2017, arXiv:1704.04760, table 1.

The paper gives layers, weights and operations for each byte of weights. What it does not give is taken
to be even: all layers of a network are of one width, chosen for the published number of weights.
"""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def mlp0() -> Graph:
    """5 fully connected layers, 20 million weights."""
    net = Layers(2000)
    x = net.input
    for _ in range(5):
        x = net.linear(x, 2000)
    return net.graph(x)


def lstm0() -> Graph:
    """24 fully connected and 34 element-wise layers, 52 million weights, one step of time."""
    net = Layers(1472)
    x = net.input
    for index in range(24):
        x = net.sigmoid(net.linear(x, 1472, relu=False))
        if index < 10:
            x = net.tanh(x)
    return net.graph(x)


def cnn0() -> Graph:
    """16 convolutions over 19 x 19, 8 million weights.

    At batch 8, 2888 operations for each byte of them are 361 positions: a board of Go. Planes and kernels are
    those of AlphaGo (Silver et al., Nature 529, 2016).
    """
    net = Layers(48, 19, 19)
    x = net.conv(net.input, 247, 5)
    for _ in range(14):
        x = net.conv(x, 247)
    return net.graph(net.conv(x, 1, 1, relu=False))
