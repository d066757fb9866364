"""MobileNets: Howard et al. 2017, arXiv:1704.04861 (v1), and Sandler et al., CVPR 2018, arXiv:1801.04381 (v2)."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers

_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Channels and stride of each separable layer: table 1 of the v1 paper."""

_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repeats and stride of each sequence: table 2 of the v2 paper."""


def mobilenet_v1() -> Graph:
    """MobileNet v1 at full width: 4.2 million weights, 0.57 billion multiply-accumulates."""
    net = Layers(3, 224, 224)
    return net.classified(v1_features(net)[-1])


def mobilenet_v2() -> Graph:
    """MobileNet v2 at full width: 3.5 million weights, 0.30 billion multiply-accumulates."""
    net = Layers(3, 224, 224)
    return net.classified(v2_features(net)[-1])


def v1_features(net: Layers) -> tuple[str, ...]:
    """All layers before the classifier: what each separable layer puts out."""
    x = net.conv(net.input, 32, 3, 2)
    found = []
    for channels, stride in _V1:
        x = net.conv(net.conv(x, net.shape(x)[0], 3, stride, groups=net.shape(x)[0]), channels, 1)
        found.append(x)
    return tuple(found)


def v2_features(net: Layers) -> tuple[str, ...]:
    """All layers before the classifier: what each bottleneck's expansion and the last layer put out."""
    x = net.conv(net.input, 32, 3, 2)
    found = []
    for expansion, channels, repeats, first in _V2:
        for index in range(repeats):
            stride = first if index == 0 else 1
            width = expansion * net.shape(x)[0]
            wide = net.conv(x, width, 1) if expansion > 1 else x
            found.append(wide)
            y = net.conv(net.conv(wide, width, 3, stride, groups=width), channels, 1, relu=False)
            x = net.add(x, y, relu=False) if stride == 1 and net.shape(x)[0] == channels else y
    return (*found, net.conv(x, 1280, 1))
