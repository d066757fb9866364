"""Writing a network layer by layer."""

from __future__ import annotations

from collections import Counter

from nmc.graph import Graph, Node, Ref, Shape
from nmc.nodes.tensor import (
    Add,
    AvgPool2d,
    BatchNorm,
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


class Layers:
    """Collects layers; each method adds one and gives its name, to be read by the next.

    Convolutions and sums are followed by a rectifier unless told otherwise. `same` padding keeps the size
    but for the stride, as TensorFlow has it.
    """

    def __init__(self, *shape: int) -> None:
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self._counts: Counter[str] = Counter()
        self.input = self._add(Input(name="input", shape=shape))

    def shape(self, name: str) -> Shape:
        """The shape of what a layer puts out."""
        return self._shapes[name]

    def conv(
        self, read: str, channels: int, kernel: int | tuple[int, int] = 3, stride: int = 1, *, groups: int = 1,
        same: bool = True, relu: bool = True,
    ) -> str:  # fmt: skip
        """A convolution with bias over [C, H, W]; `groups` as many as channels make it depthwise."""
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        name = self._name("conv")
        pads = _same(self.shape(read)[1:], size, stride) if same else (0, 0, 0, 0)
        self._add(Conv2d(
            name=name, inputs=(Ref(read),), channels=channels, kernel=size, stride=(stride, stride), padding=pads,
            groups=groups, weight=f"{name}.weight", bias=f"{name}.bias",
        ))  # fmt: skip
        return self.relu(name) if relu else name

    def linear(self, read: str, features: int, *, relu: bool = True) -> str:
        """A dense layer with bias."""
        name = self._name("linear")
        self._add(Linear(
            name=name, inputs=(Ref(read),), features=features, weight=f"{name}.weight", bias=f"{name}.bias"
        ))  # fmt: skip
        return self.relu(name) if relu else name

    def relu(self, read: str) -> str:
        """A rectifier."""
        return self._add(Relu(name=self._name("relu"), inputs=(Ref(read),)))

    def sigmoid(self, read: str) -> str:
        """A logistic function."""
        return self._add(Sigmoid(name=self._name("sigmoid"), inputs=(Ref(read),)))

    def tanh(self, read: str) -> str:
        """A hyperbolic tangent."""
        return self._add(Tanh(name=self._name("tanh"), inputs=(Ref(read),)))

    def normalized(self, read: str) -> str:
        """Batch normalization that cannot be folded into a convolution before it, and a rectifier."""
        name = self._name("norm")
        self._add(BatchNorm(
            name=name, inputs=(Ref(read),), scale=f"{name}.scale", bias=f"{name}.bias", mean=f"{name}.mean",
            variance=f"{name}.variance",
        ))  # fmt: skip
        return self.relu(name)

    def add(self, *reads: str, relu: bool = True) -> str:
        """The sum of layers."""
        name = self._add(Add(name=self._name("add"), inputs=tuple(map(Ref, reads))))
        return self.relu(name) if relu else name

    def concat(self, *reads: str) -> str:
        """Layers one after another along their first axis."""
        return self._add(Concat(name=self._name("concat"), inputs=tuple(map(Ref, reads))))

    def max_pool(self, read: str, kernel: int, stride: int, *, same: bool = False) -> str:
        """The largest of each window."""
        pads = _same(self.shape(read)[1:], (kernel, kernel), stride) if same else (0, 0, 0, 0)
        return self._add(MaxPool2d(
            name=self._name("pool"), inputs=(Ref(read),), kernel=(kernel, kernel), stride=(stride, stride), padding=pads
        ))  # fmt: skip

    def avg_pool(self, read: str, kernel: int, stride: int, *, same: bool = False) -> str:
        """The mean of each window."""
        pads = _same(self.shape(read)[1:], (kernel, kernel), stride) if same else (0, 0, 0, 0)
        return self._add(AvgPool2d(
            name=self._name("pool"), inputs=(Ref(read),), kernel=(kernel, kernel), stride=(stride, stride), padding=pads
        ))  # fmt: skip

    def global_pool(self, read: str) -> str:
        """The mean over all positions."""
        return self._add(GlobalAvgPool(name=self._name("pool"), inputs=(Ref(read),)))

    def flatten(self, read: str) -> str:
        """All elements in one axis."""
        return self._add(Flatten(name=self._name("flat"), inputs=(Ref(read),)))

    def softmax(self, read: str) -> str:
        """Probabilities."""
        return self._add(Softmax(name=self._name("softmax"), inputs=(Ref(read),)))

    def classified(self, read: str, classes: int = 1000) -> Graph:
        """The network, which ends in a mean over all positions, a dense layer and probabilities."""
        return self.graph(self.softmax(self.linear(self.flatten(self.global_pool(read)), classes, relu=False)))

    def graph(self, *outputs: str, dt_s: float | None = None) -> Graph:
        """The network that puts these out."""
        return Graph(tuple(self._nodes), outputs, dt_s)

    def _name(self, kind: str) -> str:
        self._counts[kind] += 1
        return f"{kind}{self._counts[kind]}"

    def _add(self, node: Node) -> str:
        operands = [self._shapes[ref.node] for ref in node.inputs]
        self._nodes.append(node)
        self._shapes[node.name] = node.output_shape(*operands)
        return node.name


def _same(size: Shape, kernel: tuple[int, int], stride: int) -> tuple[int, int, int, int]:
    """The padding (begin of both axes, then end) with which the output has ceil(size / stride) positions."""
    both = [max(0, (-(-n // stride) - 1) * stride + k - n) for n, k in zip(size, kernel, strict=True)]
    return both[0] // 2, both[1] // 2, both[0] - both[0] // 2, both[1] - both[1] // 2
