"""Inception: Szegedy et al., CVPR 2015, arXiv:1409.4842 (v1), and AAAI 2017, arXiv:1602.07261 (v4)."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers

_V1 = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip
"""Channels of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool projection of each module: table 1 of the v1 paper."""


def inception_v1() -> Graph:
    """GoogLeNet: 7 million weights, 1.6 billion multiply-accumulates."""
    net = Layers(3, 224, 224)
    x = net.max_pool(net.conv(net.input, 64, 7, 2), 3, 2, same=True)
    x = net.max_pool(net.conv(net.conv(x, 64, 1), 192), 3, 2, same=True)
    for index, (one, narrow3, three, narrow5, five, projected) in enumerate(_V1):
        x = net.concat(
            net.conv(x, one, 1),
            net.conv(net.conv(x, narrow3, 1), three, 3),
            net.conv(net.conv(x, narrow5, 1), five, 5),
            net.conv(net.max_pool(x, 3, 1, same=True), projected, 1),
        )
        if index in (1, 6):
            x = net.max_pool(x, 3, 2, same=True)
    return net.classified(x)


def inception_v4() -> Graph:
    """Inception v4: 42.7 million weights, 12.3 billion multiply-accumulates."""
    net = Layers(3, 299, 299)
    x = stem(net)
    for _ in range(4):
        x = _module_a(net, x)
    x = reduction_a(net, x, 192, 224, 256, 384)
    for _ in range(7):
        x = _module_b(net, x)
    x = _reduction_b(net, x)
    for _ in range(3):
        x = _module_c(net, x)
    return net.classified(x)


def stem(net: Layers) -> str:
    """Figure 3 of the v4 paper: 299 x 299 to 384 channels of 35 x 35."""
    x = net.conv(net.input, 32, 3, 2, same=False)
    x = net.conv(net.conv(x, 32, 3, same=False), 64)
    x = net.concat(net.max_pool(x, 3, 2), net.conv(x, 96, 3, 2, same=False))
    left = net.conv(net.conv(x, 64, 1), 96, 3, same=False)
    right = net.conv(net.conv(net.conv(x, 64, 1), 64, (7, 1)), 64, (1, 7))
    x = net.concat(left, net.conv(right, 96, 3, same=False))
    return net.concat(net.conv(x, 192, 3, 2, same=False), net.max_pool(x, 3, 2))


def reduction_a(net: Layers, x: str, k: int, l: int, m: int, n: int) -> str:  # noqa: E741 - the paper's names
    """Figure 7 of the v4 paper, with its table 1."""
    return net.concat(
        net.max_pool(x, 3, 2),
        net.conv(x, n, 3, 2, same=False),
        net.conv(net.conv(net.conv(x, k, 1), l), m, 3, 2, same=False),
    )


def _module_a(net: Layers, x: str) -> str:
    return net.concat(
        net.conv(net.avg_pool(x, 3, 1, same=True), 96, 1),
        net.conv(x, 96, 1),
        net.conv(net.conv(x, 64, 1), 96),
        net.conv(net.conv(net.conv(x, 64, 1), 96), 96),
    )


def _module_b(net: Layers, x: str) -> str:
    middle = net.conv(net.conv(net.conv(x, 192, 1), 224, (1, 7)), 256, (7, 1))
    long = net.conv(net.conv(net.conv(x, 192, 1), 192, (1, 7)), 224, (7, 1))
    return net.concat(
        net.conv(net.avg_pool(x, 3, 1, same=True), 128, 1),
        net.conv(x, 384, 1),
        middle,
        net.conv(net.conv(long, 224, (1, 7)), 256, (7, 1)),
    )


def _reduction_b(net: Layers, x: str) -> str:
    long = net.conv(net.conv(net.conv(x, 256, 1), 256, (1, 7)), 320, (7, 1))
    return net.concat(
        net.max_pool(x, 3, 2),
        net.conv(net.conv(x, 192, 1), 192, 3, 2, same=False),
        net.conv(long, 320, 3, 2, same=False),
    )


def _module_c(net: Layers, x: str) -> str:
    middle = net.conv(x, 384, 1)
    long = net.conv(net.conv(net.conv(x, 384, 1), 448, (1, 3)), 512, (3, 1))
    return net.concat(
        net.conv(net.avg_pool(x, 3, 1, same=True), 256, 1),
        net.conv(x, 256, 1),
        net.conv(middle, 256, (1, 3)),
        net.conv(middle, 256, (3, 1)),
        net.conv(long, 256, (3, 1)),
        net.conv(long, 256, (1, 3)),
    )
