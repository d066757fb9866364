"""Writing a network down layer by layer, as its paper does."""

from __future__ import annotations

from typing import Literal

from nmc.graph import Graph, Node, Ref, Shape
from nmc.nodes.tensor import (
    Add,
    AvgPool2d,
    BatchNorm,
    Clip,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Input,
    Linear,
    MaxPool2d,
    Relu,
    Sigmoid,
    Softmax,
    Tanh,
)

Activation = Literal["relu", "relu6", "sigmoid", "tanh", "none"]
Padding = Literal["same", "valid"]
Kernel = int | tuple[int, int]


class Layers:
    """A network under construction. Every method appends a layer that reads another, and gives its name.

    Normalization is taken to be folded into the convolution before it, so each has a bias. Padding is as
    in TensorFlow: "same" gives ceil(size / stride) positions, "valid" pads nothing.
    """

    def __init__(self, shape: Shape) -> None:
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self.input = self._add(Input(name="input", shape=shape))

    def channels(self, x: str) -> int:
        """How many channels a layer puts out."""
        return self._shapes[x][0]

    def conv(
        self,
        x: str,
        channels: int,
        kernel: Kernel = 3,
        stride: int = 1,
        *,
        padding: Padding = "same",
        groups: int = 1,
        activation: Activation = "relu",
    ) -> str:
        """A convolution with bias and activation."""
        window = _pair(kernel)
        name = self._name("conv")
        made = self._add(Conv2d(
            name=name, inputs=(Ref(x),), channels=channels, kernel=window, stride=(stride, stride),
            padding=self._pads(x, window, stride, padding), groups=groups, weight=f"{name}.weight", bias=f"{name}.bias",
        ))  # fmt: skip
        return self.activate(made, activation)

    def depthwise(
        self, x: str, kernel: Kernel = 3, stride: int = 1, *, activation: Activation = "relu6"
    ) -> str:
        """A convolution of each channel by itself."""
        width = self.channels(x)
        return self.conv(x, width, kernel, stride, groups=width, activation=activation)

    def linear(self, x: str, features: int, *, activation: Activation = "relu") -> str:
        """A fully connected layer with bias and activation."""
        name = self._name("fc")
        weight, bias = f"{name}.weight", f"{name}.bias"
        made = self._add(Linear(name=name, inputs=(Ref(x),), features=features, weight=weight, bias=bias))
        return self.activate(made, activation)

    def activate(self, x: str, activation: Activation) -> str:
        """A nonlinearity of each element."""
        name, read = self._name(activation), (Ref(x),)
        match activation:
            case "relu":
                return self._add(Relu(name=name, inputs=read))
            case "relu6":
                return self._add(Clip(name=name, inputs=read, minimum=0.0, maximum=6.0))
            case "sigmoid":
                return self._add(Sigmoid(name=name, inputs=read))
            case "tanh":
                return self._add(Tanh(name=name, inputs=read))
        return x

    def normalize(self, x: str) -> str:
        """A normalization that no convolution comes before, with its rectifier."""
        name = self._name("norm")
        parts = {part: f"{name}.{part}" for part in ("scale", "bias", "mean", "variance")}
        return self.activate(self._add(BatchNorm(name=name, inputs=(Ref(x),), **parts)), "relu")

    def max_pool(self, x: str, kernel: int = 3, stride: int = 2, *, padding: Padding = "same") -> str:
        """The largest of each window."""
        window = _pair(kernel)
        return self._add(MaxPool2d(
            name=self._name("pool"), inputs=(Ref(x),), kernel=window, stride=(stride, stride),
            padding=self._pads(x, window, stride, padding),
        ))  # fmt: skip

    def avg_pool(self, x: str, kernel: int = 3, stride: int = 1, *, padding: Padding = "same") -> str:
        """The mean of each window."""
        window = _pair(kernel)
        return self._add(AvgPool2d(
            name=self._name("pool"), inputs=(Ref(x),), kernel=window, stride=(stride, stride),
            padding=self._pads(x, window, stride, padding),
        ))  # fmt: skip

    def add(self, *xs: str) -> str:
        """The sum of layers."""
        return self._add(Add(name=self._name("add"), inputs=tuple(map(Ref, xs))))

    def concat(self, *xs: str) -> str:
        """Layers beside one another, by channels."""
        return self._add(Concat(name=self._name("concat"), inputs=tuple(map(Ref, xs))))

    def flatten(self, x: str) -> str:
        """All elements in one axis."""
        return self._add(Flatten(name=self._name("flatten"), inputs=(Ref(x),)))

    def classify(self, x: str, classes: int = 1000) -> Graph:
        """The whole network, with a global mean, a linear classifier and softmax at its end."""
        pooled = self._add(GlobalAvgPool(name="mean", inputs=(Ref(x),)))
        logits = self.linear(self.flatten(pooled), classes, activation="none")
        return self.end(self._add(Softmax(name="softmax", inputs=(Ref(logits),))))

    def end(self, *outputs: str) -> Graph:
        """The whole network, which puts these out."""
        return Graph(tuple(self._nodes), outputs)

    def _pads(self, x: str, window: tuple[int, int], stride: int, padding: Padding) -> tuple[int, ...]:
        if padding == "valid":
            return (0, 0, 0, 0)
        begins, ends = [], []
        for size, kernel in zip(self._shapes[x][1:], window, strict=True):
            whole = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            begins.append(whole // 2)
            ends.append(whole - whole // 2)
        return (*begins, *ends)

    def _name(self, what: str) -> str:
        return f"{what}{len(self._nodes)}"

    def _add(self, node: Node) -> str:
        shapes = tuple(self._shapes[ref.node] for ref in node.inputs)
        self._shapes[node.name] = node.output_shape(*shapes)
        self._nodes.append(node)
        return node.name


def _pair(kernel: Kernel) -> tuple[int, int]:
    return (kernel, kernel) if isinstance(kernel, int) else kernel
