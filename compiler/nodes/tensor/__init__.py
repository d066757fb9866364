"""Tensor nodes: ONNX's names and semantics, without the batch axis."""

from __future__ import annotations

from nmc.graph import Node
from nmc.nodes.tensor.elementwise import Add, Clip, LeakyRelu, Mul, Relu, Sigmoid, Softmax, Tanh
from nmc.nodes.tensor.moves import Concat, Flatten, Pad, Reshape, Transpose
from nmc.nodes.tensor.pooling import AvgPool1d, AvgPool2d, GlobalAvgPool, MaxPool1d, MaxPool2d, Window
from nmc.nodes.tensor.values import Constant, Input
from nmc.nodes.tensor.weighted import BatchNorm, Conv1d, Conv2d, Linear, SparseLinear

KINDS: tuple[type[Node], ...] = (
    Input, Constant, Linear, SparseLinear, Conv1d, Conv2d, BatchNorm, Relu, LeakyRelu, Sigmoid, Tanh, Clip, Softmax,
    Add, Mul, Concat, MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d, GlobalAvgPool,
    Flatten, Reshape, Transpose, Pad,
)

__all__ = [
    "KINDS", "Add", "AvgPool1d", "AvgPool2d", "BatchNorm", "Clip", "Concat", "Constant", "Conv1d", "Conv2d",
    "Flatten", "GlobalAvgPool", "Input", "LeakyRelu", "Linear", "MaxPool1d", "MaxPool2d", "Mul", "Pad", "Relu",
    "Reshape", "Sigmoid", "Softmax", "SparseLinear", "Tanh", "Transpose", "Window",
]
