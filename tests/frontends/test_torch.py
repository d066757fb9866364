"""PyTorch modules become models that compute the same, or are refused with what cannot be imported and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from needs import extra
from nmc import reference
from nmc.errors import ModelError, UnsupportedError, UsageError

torch = extra("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402


def difference(module: nn.Module, shape: tuple[int, ...], example_batch: int = 2) -> float:
    """The largest difference between a module and the model imported from it, on five samples of a shape."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    model = nmc.from_torch(module, torch.randn(example_batch, *shape))
    x = torch.randn(5, *shape)
    with torch.no_grad():
        expected = module.eval()(x)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = list(reference.run(model, x.numpy()).values())
    assert [y.shape for y in found] == [tuple(y.shape) for y in expected]
    return max(float(np.abs(y - z.numpy()).max()) for y, z in zip(found, expected, strict=True))


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Linear(6, 4), (6,)),
    "linear without bias, over the last axis": (nn.Linear(6, 4, bias=False), (3, 6)),
    "conv1d": (nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (4, 9)),
    "conv2d": (nn.Conv2d(3, 4, (3, 2), dilation=(1, 2), padding="same"), (3, 8, 7)),
    "transposed": (nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), (3, 5, 5)),
    "norms": (nn.Sequential(nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm((5, 5))), (4, 5, 5)),
    "flat norms": (nn.Sequential(nn.BatchNorm1d(4), nn.LayerNorm(4)), (4,)),
    "pools": (nn.Sequential(nn.MaxPool2d(2, padding=1), nn.AvgPool2d(3, 2, padding=1)), (3, 9, 8)),
    "adaptive pools": (nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()), (3, 8, 8)),
    "pools in one dimension": (nn.Sequential(nn.MaxPool1d(2), nn.AvgPool1d(2)), (3, 9)),
    "rectifiers": (nn.Sequential(nn.ReLU6(), nn.LeakyReLU(0.1), nn.PReLU(4), nn.ELU(), nn.SELU()), (4, 3)),
    "smooth": (nn.Sequential(nn.GELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Sigmoid(), nn.Tanh()), (4,)),
    "piecewise": (nn.Sequential(nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(-0.2, 0.4)), (4,)),
    "gelu by tanh": (nn.GELU(approximate="tanh"), (4,)),
    "softmax": (nn.Sequential(nn.Softmax(1), nn.LogSoftmax(2)), (4, 3)),
    "dropout": (nn.Sequential(nn.Dropout(0.9), nn.Dropout2d(0.9)), (2, 3, 3)),
    "upsampling": (nn.Sequential(nn.Upsample(scale_factor=2), nn.PixelShuffle(2)), (4, 3, 3)),
    "padding": (nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), nn.ConstantPad1d(2, 0.5)), (2, 3, 3)),
    "attention": (nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (5, 8)),
    "lstm": (nn.LSTM(3, 4, batch_first=True), (5, 3)),
    "gru": (nn.GRU(3, 4, batch_first=True), (4, 3)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_the_same(name: str) -> None:
    module, shape = LAYERS[name]
    if name in ("lstm", "gru"):
        module = _FirstOf(module)
    assert difference(module, shape) < 1e-5


class _FirstOf(nn.Module):
    """The first of the outputs of a module: the others have their batch on another axis."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x)[0]


class Shapes(nn.Module):
    """What people write in forward: shapes by the input's, parts, sums, and in-place functions."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a, b = x.chunk(2, dim=1)
        y = torch.relu_(a * 2 - b.clamp(-0.5, 0.5)) + x[:, 0:1]
        y = torch.stack([y, y.abs()], 1).permute(0, 2, 1, 3).contiguous().view(x.size(0), -1, 4)
        y = y / (1 + y.pow(2).sum(-1, keepdim=True)).sqrt()
        z = functional.pad(y, (1, 2))[..., ::2].mean((1, 2))
        return y.transpose(1, 2).flatten(1), torch.where(z > 0, z, -z.exp())


def test_forward_code_computes_the_same() -> None:
    assert difference(Shapes(), (6, 4)) < 1e-5


def test_one_sample_is_example_enough() -> None:
    assert difference(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), (3, 4), example_batch=1) < 1e-5


def test_names_are_those_of_the_module() -> None:
    model = nmc.from_torch(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.zeros(1, 4), name="small")
    assert model.name == "small"
    assert str(model.graph) == """\
input = Input(shape=(4,))
linear = Linear(input, features=3, weight='0.weight', bias='0.bias')
relu = Relu(linear)
return relu"""


def test_the_module_stays_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    module[0].eval()
    nmc.from_torch(module, torch.zeros(2, 4))
    assert [part.training for part in module.modules()] == [True, False, True]


def test_several_inputs() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x @ y.transpose(1, 2)

    model = nmc.from_torch(Two(), (torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)))
    x, y = np.ones((2, 3, 4)), np.ones((2, 5, 4))
    (z,) = reference.run(model, {"x": x, "y": y}).values()
    np.testing.assert_array_equal(z, np.full((2, 3, 5), 4.0))


class Branch(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class Sized(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.shape[0] > 3 else -x


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        return x * self.count


class Foreign(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.fft.rfft(x).real
        return torch.sort(y)[0] + torch.linalg.det(x[:, :4].reshape(-1, 2, 2)).unsqueeze(1)


def line_of(text: str) -> int:
    """The line of this file that begins with a text."""
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.strip().startswith(text))


def test_control_flow_that_depends_on_values_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"torch\.export cannot export the module"):
        nmc.from_torch(Branch(), torch.zeros(2, 4))


def test_code_that_depends_on_the_number_of_samples_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="number of samples"):
        nmc.from_torch(Sized(), torch.zeros(2, 4))


def test_state_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="forward changes 'count'"):
        nmc.from_torch(Counting(), torch.zeros(2, 4))


def test_all_that_cannot_be_imported_is_listed_with_its_line() -> None:
    with pytest.raises(UnsupportedError) as refusal:
        nmc.from_torch(Foreign(), torch.zeros(2, 6))
    first = refusal.value.faults[0]
    assert "fft" in first.what
    assert first.where is not None
    assert (Path(first.where.file).name, first.where.line) == ("test_torch.py", line_of("y = torch.fft"))
    assert any("det" in fault.what for fault in refusal.value.faults)


def test_dropout_that_never_ends_is_refused() -> None:
    class Always(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.dropout(x)

    with pytest.raises(UnsupportedError, match="drops at random"):
        nmc.from_torch(Always(), torch.zeros(2, 4))


def test_what_mixes_samples_is_refused() -> None:
    class Mixing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean(0)

    with pytest.raises(ModelError, match="counts samples"):
        nmc.from_torch(Mixing(), torch.zeros(2, 4))


def test_examples_must_be_batches() -> None:
    with pytest.raises(UsageError, match="no batch"):
        nmc.from_torch(nn.ReLU(), torch.zeros(()))
    with pytest.raises(UsageError, match="different sizes"):
        nmc.from_torch(nn.Bilinear(2, 2, 2), (torch.zeros(2, 2), torch.zeros(3, 2)))
