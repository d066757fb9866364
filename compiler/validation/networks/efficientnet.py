"""EfficientNet-EdgeTPU: Gupta and Tan, Google AI blog, August 2019; EfficientNet: Tan and Le, ICML 2019.

No squeeze and excitation; rectifiers; early blocks expand by a full convolution, and have the stride
in the projection after it.
"""

from __future__ import annotations

from math import ceil

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers

_STAGES = (
    (True, 3, 1, 4, 24, 24, 1), (True, 3, 2, 8, 24, 32, 2), (True, 3, 2, 8, 32, 48, 4),
    (False, 5, 2, 8, 48, 96, 5), (False, 5, 1, 8, 96, 144, 4), (False, 5, 2, 8, 144, 192, 2),
)  # fmt: skip
"""Whether fused, kernel, stride, expansion, the channels it counts from, channels and repeats of each stage of
the small network. The first stage counts from 24 channels, though its input has 32."""


def efficientnet_edgetpu_s() -> Graph:
    """The small one, images of 224 x 224: 5.4 million weights."""
    return _network(1.0, 1.0, 224)


def efficientnet_edgetpu_m() -> Graph:
    """The medium one, images of 240 x 240: 6.9 million weights."""
    return _network(1.0, 1.1, 240)


def efficientnet_edgetpu_l() -> Graph:
    """The large one, images of 300 x 300: 10.6 million weights."""
    return _network(1.2, 1.4, 300)


def _network(width: float, depth: float, size: int) -> Graph:
    net = Layers(3, size, size)
    x = net.conv(net.input, _rounded(32 * width), 3, 2)
    for fused, kernel, stride, expansion, counted, channels, repeats in _STAGES:
        narrow = _rounded(channels * width)
        x = _block(net, x, fused, kernel, stride, expansion * _rounded(counted * width), narrow)
        for _ in range(ceil(depth * repeats) - 1):
            x = net.add(x, _block(net, x, fused, kernel, 1, expansion * narrow, narrow), relu=False)
    return net.classified(net.conv(x, _rounded(1280 * width), 1))


def _block(net: Layers, x: str, fused: bool, kernel: int, stride: int, wide: int, channels: int) -> str:
    if fused:
        return net.conv(net.conv(x, wide, kernel), channels, 1, stride, relu=False)
    y = net.conv(net.conv(x, wide, 1), wide, kernel, stride, groups=wide)
    return net.conv(y, channels, 1, relu=False)


def _rounded(channels: float) -> int:
    """To the nearest multiple of 8, but not below nine tenths, as the paper's code does."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
