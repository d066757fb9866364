"""Modules as people write them: blocks of known architectures, recurrent layers, attention, and audio."""

from __future__ import annotations

import numpy as np
import pytest

import nmc
from needs import extra
from nmc import reference
from nmc.errors import UnsupportedError

torch = extra("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402


def assert_computes_the_same(module: nn.Module, example: torch.Tensor) -> None:
    """The model has the module's outputs, on more samples than the example has."""
    model = nmc.from_torch(module, example)
    x = torch.cat((example, example.flip(0), example[:1]))
    with torch.no_grad():
        expected = module.eval()(x)
    found = reference.run(model, x.numpy()).values()
    wanted = expected if isinstance(expected, tuple) else (expected,)
    for y, z in zip(found, wanted, strict=True):
        np.testing.assert_allclose(y, z.numpy(), rtol=1e-4, atol=1e-4)


class Residual(nn.Module):
    """A block of ResNet, with its sum in place."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.down = nn.Sequential(nn.Conv2d(channels, out, 1, 2, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)), inplace=True)))
        y += self.down(x)
        return functional.relu(y, inplace=True)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool, self.down, self.up = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * functional.hardsigmoid(self.up(functional.relu(self.down(self.pool(x)))), inplace=True)


def inverted(channels: int) -> nn.Module:
    """A block of MobileNet: expansion, a convolution of each channel, attention to channels, projection."""
    wide = 4 * channels
    return nn.Sequential(
        nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True),
        nn.Conv2d(wide, wide, 3, 2, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.Hardswish(inplace=True),
        SqueezeExcite(wide), nn.Conv2d(wide, channels, 1),
    )  # fmt: skip


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU(inplace=True))
        self.middle, self.up = nn.Conv2d(4, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.down(x)
        b = self.up(functional.relu(self.middle(functional.max_pool2d(a, 2))))
        b = functional.pad(b, (0, a.size(3) - b.size(3), 0, a.size(2) - b.size(2)))
        y = self.out(torch.cat([a, b], 1))
        return functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)


class Causal(nn.Module):
    """A block of a temporal convolutional network: it pads both ends, and cuts the later one off."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        conv = nn.Conv1d(3, 3, 3, padding=2 * dilation, dilation=dilation)
        self.conv = nn.utils.parametrizations.weight_norm(conv)
        self.cut = 2 * dilation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.conv(x)[:, :, : -self.cut].contiguous() + x)


class Recurrent(nn.Module):
    """Two layers of LSTM both ways, a GRU with positions first, and an RNN of which the last state is read."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 16, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)
        self.gru, self.rnn = nn.GRU(32, 6), nn.RNN(6, 4, batch_first=True, nonlinearity="relu", bias=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, (h, _) = self.lstm(x)
        z, _ = self.gru(y.transpose(0, 1))
        _, last = self.rnn(z.transpose(0, 1))
        return h[-1], last.squeeze(0)


class Cells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(3, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(x.size(0), 5)
        c = torch.zeros_like(h)
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
        return self.head(h)


class Classifier(nn.Module):
    """A transformer with a class token, learnt positions, and attention that also gives its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 4, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.position
        y, weights = self.attention(*(self.encoder(x),) * 3)
        return self.head(y[:, 0]), weights


class Language(nn.Module):
    """Tokens, positions, and a causal mask of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions, self.qkv = nn.Embedding(20, 8), nn.Embedding(5, 8), nn.Linear(8, 24)
        self.register_buffer("mask", torch.tril(torch.ones(5, 5)).view(1, 5, 5))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.size(1)))
        q, k, v = self.qkv(x).split(8, dim=2)
        scores = (q @ k.transpose(-2, -1) / 8**0.5).masked_fill(self.mask == 0, float("-inf"))
        return functional.softmax(scores, dim=-1) @ v


class Statistics(nn.Module):
    """What feature code computes."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            x.std(1), torch.var(x, 2, correction=0), functional.normalize(x, dim=1), x.norm(1, dim=2), x.max(1)[0],
            x.min(dim=2).values, x.cumsum(2), x.flip(1), x.roll(1, 2), x[:, torch.tensor([2, 0])], x.prod(1), x % 0.7,
            torch.fmod(x, 0.7), torch.log1p(x.abs()), torch.expm1(x), functional.softplus(x, beta=2.0),
            torch.full_like(x, 2.0) * (x > 0), functional.instance_norm(x), torch.einsum("bij,bkj->bik", x, x),
        )  # fmt: skip


class Resizing(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            functional.interpolate(x, size=(7, 9), mode="bilinear"), functional.interpolate(x, scale_factor=1.5),
            functional.interpolate(x, size=(10, 3), mode="nearest-exact"), functional.adaptive_avg_pool2d(x, (3, 4)),
            functional.interpolate(x, scale_factor=2, mode="bicubic"),
            functional.interpolate(x[:, :, 0], scale_factor=2, mode="linear"),
        )  # fmt: skip


AUDIO = nn.Sequential(
    nn.Conv1d(1, 4, 16, 8), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(4, 6, 3), nn.AdaptiveAvgPool1d(1),
    nn.Flatten(), nn.LogSoftmax(1),
)  # fmt: skip
MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "residual": (nn.Sequential(Residual(3, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten()), (3, 8, 8)),
    "mobile": (inverted(3), (3, 6, 6)),
    "u-net": (UNet(), (1, 7, 6)),
    "temporal convolutions": (nn.Sequential(Causal(1), Causal(2)), (3, 10)),
    "audio": (AUDIO, (1, 200)),
    "recurrent": (Recurrent(), (3, 3)),
    "cells in a loop": (Cells(), (3, 3)),
    "transformer": (Classifier(), (3, 8)),
    "statistics": (Statistics(), (4, 5)),
    "resizing": (Resizing(), (2, 5, 5)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_modules_compute_the_same(name: str) -> None:
    module, shape = MODULES[name]
    torch.manual_seed(0)
    assert_computes_the_same(module, torch.randn(2, *shape))


def test_tokens() -> None:
    assert_computes_the_same(Language(), torch.arange(10).reshape(2, 5))


def test_a_wide_recurrent_layer_takes_no_memory_for_its_first_state() -> None:
    """The state before the first step is the same for all samples, however many there may be."""
    model = nmc.from_torch(nn.Sequential(nn.GRU(4, 256, batch_first=True), First()), torch.zeros(2, 2, 4))
    assert sum(array.size for array in model.weights.values()) < 2 * 3 * 256 * (256 + 4 + 4)


class First(nn.Module):
    def forward(self, outputs: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return outputs[0]


class Refused(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.sort(x, 1)[0], torch.atan(x) + x.gather(1, torch.zeros_like(x, dtype=torch.long))


def test_outputs_of_what_is_refused_are_no_faults_of_their_own() -> None:
    with pytest.raises(UnsupportedError) as refusal:
        nmc.from_torch(Refused(), torch.zeros(2, 4))
    assert [fault.what for fault in refusal.value.faults] == [
        "sort cannot be imported", "atan cannot be imported", "gather cannot be imported"
    ]  # fmt: skip
    line = Refused.forward.__code__.co_firstlineno + 1
    assert {fault.where.line for fault in refusal.value.faults if fault.where} == {line}
