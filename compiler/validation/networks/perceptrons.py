"""Dense networks."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def perceptron(inputs: int, *features: int) -> Graph:
    """Dense layers one after another, rectifiers between them."""
    net = Layers(inputs)
    last = net.input
    for width in features[:-1]:
        last = net.linear(last, width)
    return net.graph(net.linear(last, features[-1], relu=False))


def kws() -> Graph:
    """Keyword spotting, 390-256-256-29 (Blouw et al. 2019): 172,800 weights."""
    return perceptron(390, 256, 256, 29)


def branched(branches: int, depth: int = 10, width: int = 256) -> Graph:
    """Keyword spotting made larger (Blouw et al. 2019): 390-256, branches of 256-wide layers, 256, 29."""
    net = Layers(390)
    first = net.linear(net.input, width)
    ends = []
    for _ in range(branches):
        last = first
        for _ in range(depth):
            last = net.linear(last, width)
        ends.append(last)
    return net.graph(net.linear(net.linear(net.concat(*ends), width), 29, relu=False))


def kws_2_branches() -> Graph:
    """1,549,056 weights."""
    return branched(2)


def kws_6_branches() -> Graph:
    """4,432,640 weights."""
    return branched(6)
