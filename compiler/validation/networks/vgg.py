"""VGG: Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556, table 1, configurations D and E."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def vgg16() -> Graph:
    """16 layers with weights: 138.4 million of them, 15.5 billion multiply-accumulates."""
    return _vgg((2, 2, 3, 3, 3))


def vgg19() -> Graph:
    """19 layers with weights: 143.7 million of them, 19.6 billion multiply-accumulates."""
    return _vgg((2, 2, 4, 4, 4))


def _vgg(depths: tuple[int, ...]) -> Graph:
    net = Layers(3, 224, 224)
    x = net.input
    for depth, channels in zip(depths, (64, 128, 256, 512, 512), strict=True):
        for _ in range(depth):
            x = net.conv(x, channels)
        x = net.max_pool(x, 2, 2)
    x = net.linear(net.linear(net.flatten(x), 4096), 4096)
    return net.graph(net.linear(x, 1000, relu=False))
