"""Modules of PyTorch with options that are not their defaults compute the same, or are refused for what they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from needs import extra

torch = extra("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from frontends.torch_oracle import verdict  # noqa: E402


class Of(nn.Module):
    """A function of tensors, and perhaps of modules, as a module."""

    def __init__(self, function: Callable[..., object], *modules: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(modules)

    def forward(self, *inputs: torch.Tensor) -> object:
        return self.function(*self.parts, *inputs)


def recurrent(module: nn.Module) -> nn.Module:
    """A recurrent layer that is given samples first: all it puts out, with samples first again."""

    def run(layer: nn.RNNBase, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y, state = layer(x if layer.batch_first else x.transpose(0, 1))
        states = state if isinstance(state, tuple) else (state,)
        return (y if layer.batch_first else y.transpose(0, 1), *(part.transpose(0, 1) for part in states))

    return Of(run, module)


def attended(width: int = 8, heads: int = 2, options: dict[str, object] | None = None, **call: object) -> nn.Module:
    """Attention of what it is given to itself, with arguments of its forward."""

    def run(layer: nn.MultiheadAttention, x: torch.Tensor) -> object:
        y, weights = layer(x, x, x, **call)
        return y if weights is None else (y, weights)

    return Of(run, nn.MultiheadAttention(width, heads, batch_first=True, **(options or {})))


def attended_among_samples() -> nn.Module:
    """Attention that takes samples for steps: its default is to have steps first."""
    return Of(lambda layer, x: layer(x, x, x, need_weights=False)[0], nn.MultiheadAttention(8, 2))


def statistics(layer: nn.Module) -> nn.Module:
    """The layer with running statistics that are not 0 and 1."""
    torch.manual_seed(1)
    layer.running_mean.uniform_(-1, 1)
    layer.running_var.uniform_(0.5, 2)
    return layer


CAUSAL = torch.full((5, 5), float("-inf")).triu(1)
PADDED = torch.tensor([[False, False, False, True, True]])
MAP, LINE, ROW = (4, 9, 7), (4, 9), (6,)
SEQUENCE = (5, 8)
HONOURED: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    **{f"Conv2d padded by {mode}": (nn.Conv2d(4, 3, 3, padding=(2, 1), padding_mode=mode), MAP)
       for mode in ("zeros", "reflect", "replicate", "circular")},
    **{f"Conv1d padded by {mode}": (nn.Conv1d(4, 6, 3, padding=2, padding_mode=mode, groups=2, dilation=2), LINE)
       for mode in ("zeros", "reflect", "replicate", "circular")},
    "Conv2d, same, even kernel": (nn.Conv2d(4, 4, (2, 4), padding="same", dilation=(2, 1), groups=4), MAP),
    "Conv2d, same, circular": (nn.Conv2d(4, 4, (2, 3), padding="same", padding_mode="circular", bias=False), MAP),
    "Conv2d, valid": (nn.Conv2d(4, 4, 3, padding="valid", stride=(2, 1)), MAP),
    "ConvTranspose1d": (nn.ConvTranspose1d(4, 6, 3, 3, 2, output_padding=2, groups=2, dilation=2, bias=False), LINE),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 0), (1, 2), groups=2, dilation=(1, 2)), MAP),
    "MaxPool2d, ceil": (nn.MaxPool2d(3, (2, 4), 1, dilation=(2, 1), ceil_mode=True), MAP),
    "MaxPool1d, ceil": (nn.MaxPool1d(2, 3, ceil_mode=True), LINE),
    "AvgPool2d, ceil": (nn.AvgPool2d(3, (2, 4), 1, ceil_mode=True), MAP),
    "AvgPool2d, ceil, padding not counted": (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), MAP),
    "AvgPool1d, ceil": (nn.AvgPool1d(2, 3, 1, ceil_mode=True, count_include_pad=False), LINE),
    "LPPool2d": (nn.LPPool2d(2, 3, 2), MAP), "LPPool1d, ceil": (nn.LPPool1d(1, 3, ceil_mode=True), LINE),
    "AdaptiveAvgPool2d, one size": (nn.AdaptiveAvgPool2d((None, 3)), MAP),
    "AdaptiveMaxPool2d": (nn.AdaptiveMaxPool2d((3, 1)), MAP),
    "AdaptiveAvgPool1d, uneven": (nn.AdaptiveAvgPool1d(4), LINE),
    "BatchNorm2d": (statistics(nn.BatchNorm2d(4, eps=0.5, momentum=None, affine=False)), MAP),
    "BatchNorm1d": (statistics(nn.BatchNorm1d(4, eps=0.1)), LINE),
    "InstanceNorm2d": (nn.InstanceNorm2d(4, eps=0.1), MAP), "InstanceNorm1d": (nn.InstanceNorm1d(4, affine=True), LINE),
    "LayerNorm without parameters": (nn.LayerNorm((9, 7), eps=0.1, elementwise_affine=False), MAP),
    "LayerNorm without bias": (nn.LayerNorm(7, bias=False), MAP), "RMSNorm": (nn.RMSNorm(7, eps=0.1), MAP),
    "GroupNorm": (nn.GroupNorm(2, 4, eps=0.1, affine=False), MAP),
    "LSTM, two layers, both ways": (
        recurrent(nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True, dropout=0.5, bias=False)), (5, 4)),
    "LSTM, steps first": (recurrent(nn.LSTM(4, 3)), (5, 4)),
    "GRU, two layers, steps first": (recurrent(nn.GRU(4, 3, 2, bidirectional=True)), (5, 4)),
    "RNN, rectified": (recurrent(nn.RNN(4, 3, nonlinearity="relu", batch_first=True, bias=False)), (5, 4)),
    "GELU": (nn.GELU("tanh"), ROW), "ELU": (nn.Sequential(nn.Tanh(), nn.ELU(0.5, inplace=True)), ROW),
    "CELU": (nn.CELU(2.0), ROW),
    "LeakyReLU": (nn.LeakyReLU(0.3), ROW), "Hardtanh": (nn.Hardtanh(-0.2, 0.7), ROW),
    "Threshold": (nn.Threshold(.1, 3), ROW),
    "Softplus": (nn.Softplus(3.0), ROW), "Softshrink": (nn.Softshrink(0.3), ROW),
    "Hardshrink": (nn.Hardshrink(0.3), ROW),
    "Tanhshrink": (nn.Tanhshrink(), ROW), "Softsign": (nn.Softsign(), ROW), "LogSigmoid": (nn.LogSigmoid(), ROW),
    "GLU": (nn.GLU(1), ROW), "PReLU": (nn.PReLU(4, 0.4), MAP), "Softmin": (nn.Softmin(2), MAP),
    "Mish": (nn.Mish(), ROW),
    "Softmax2d": (nn.Softmax2d(), MAP), "Softmax, first axis": (nn.Softmax(-3), MAP),
    "LogSoftmax": (nn.LogSoftmax(-1), MAP),
    "Upsample, corners": (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), MAP),
    "Upsample, size": (nn.Upsample((5, 13), mode="bicubic", align_corners=True), MAP),
    "Upsample, two scales": (nn.Upsample(scale_factor=(2.0, 3.0), mode="nearest"), MAP),
    "PixelUnshuffle": (nn.PixelUnshuffle(3), (2, 6, 3)), "PixelShuffle": (nn.PixelShuffle(2), (8, 3, 2)),
    "ChannelShuffle": (nn.ChannelShuffle(2), MAP),
    "ReflectionPad2d": (nn.ReflectionPad2d((1, 2, 3, 0)), MAP), "ReflectionPad1d": (nn.ReflectionPad1d((1, 2)), LINE),
    "ReplicationPad2d": (nn.ReplicationPad2d((1, 2, 3, 0)), MAP), "CircularPad1d": (nn.CircularPad1d((1, 2)), LINE),
    "ConstantPad2d, cut": (nn.ConstantPad2d((-1, 2, 0, -2), 0.5), MAP), "ZeroPad1d": (nn.ZeroPad1d((0, 3)), LINE),
    "Flatten": (nn.Flatten(2), MAP), "Flatten, middle": (nn.Flatten(1, 2), MAP),
    "Unflatten": (nn.Unflatten(1, (2, -1)), MAP), "Identity": (Of(lambda x: nn.Identity(3)(x) + 0), ROW),
    "Dropout": (nn.Dropout(0.9), ROW), "AlphaDropout": (nn.AlphaDropout(0.9), ROW),
    "Dropout1d": (nn.Dropout1d(0.9), LINE),
    "CosineSimilarity": (Of(lambda x: nn.CosineSimilarity(1, eps=0.1)(x, 1 - x)), ROW),
    "PairwiseDistance": (Of(lambda x: nn.PairwiseDistance(2, eps=0.1, keepdim=True)(x, 1 - x)), ROW),
    "MultiheadAttention": (attended(), SEQUENCE),
    "MultiheadAttention, no weights": (attended(need_weights=False), SEQUENCE),
    "MultiheadAttention, weights of heads": (attended(average_attn_weights=False), SEQUENCE),
    "MultiheadAttention, causal": (attended(attn_mask=CAUSAL, is_causal=True, need_weights=False), SEQUENCE),
    "MultiheadAttention, masked": (attended(attn_mask=CAUSAL), SEQUENCE),
    "MultiheadAttention, masked by truths": (attended(attn_mask=CAUSAL < 0), SEQUENCE),
    "MultiheadAttention, own bias": (attended(options={"add_bias_kv": True, "bias": False}), SEQUENCE),
    "MultiheadAttention, zero": (attended(options={"add_zero_attn": True}), SEQUENCE),
    "MultiheadAttention, padded": (
        Of(lambda f, x: f(x, x, x, key_padding_mask=PADDED.expand(x.shape[0], -1))[0],
           nn.MultiheadAttention(8, 2, batch_first=True)), SEQUENCE),
    "MultiheadAttention, other widths": (
        Of(lambda f, x: f(x, x[..., :3], x[..., 3:7])[0],
           nn.MultiheadAttention(8, 2, kdim=3, vdim=4, batch_first=True)), SEQUENCE),
    "MultiheadAttention, steps first": (
        Of(lambda f, x: f(*3 * (x.transpose(0, 1),))[0].transpose(0, 1), nn.MultiheadAttention(8, 2)), SEQUENCE),
    "TransformerEncoderLayer": (
        nn.TransformerEncoderLayer(8, 2, 12, activation="gelu", norm_first=True, batch_first=True, bias=False,
                                   layer_norm_eps=0.1), SEQUENCE),
    "TransformerEncoderLayer, causal": (
        Of(lambda f, x: f(x, src_mask=CAUSAL, is_causal=True),
           nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)), SEQUENCE),
    "TransformerDecoderLayer": (
        Of(lambda f, x: f(x, x.flip(1), tgt_mask=CAUSAL), nn.TransformerDecoderLayer(8, 2, 12, batch_first=True)),
        SEQUENCE),
    "Transformer": (
        Of(lambda f, x: f(x, x.flip(1), tgt_mask=CAUSAL, tgt_is_causal=True),
           nn.Transformer(8, 2, 1, 1, 12, batch_first=True, norm_first=True, activation="gelu")), SEQUENCE),
    "normalize": (Of(lambda x: functional.normalize(x, p=1.0, dim=2, eps=0.1)), LINE),
    "attention, scaled": (Of(lambda x: functional.scaled_dot_product_attention(x, x, x, scale=0.3)), SEQUENCE),
    "attention, causal": (Of(lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True)), SEQUENCE),
    "triu": (Of(lambda x: x.triu(1)), SEQUENCE), "tril": (Of(lambda x: x.tril(-1)), SEQUENCE),
    "triu of truths": (Of(lambda x: (x > 0).triu(1)), SEQUENCE), "tril of truths": (Of(lambda x: (x > 0).tril()), MAP),
    "full_like of some": (Of(lambda x: torch.full_like(x[:, :2], 2, dtype=torch.int64) + x[:, 2:]), (4, 6)),
    "new_full": (Of(lambda x: x.new_full((x.shape[0], 3), 2.5) + x[:, :3]), ROW),
    "a number for each sample": (Of(lambda x: x.sum(1)), ROW),
    "the largest, its place": (Of(lambda x: x.argmax(1)), ROW),
    "an output twice": (Of(lambda x: (x.relu(), x.relu(), x)), ROW),
}  # fmt: skip
"""Modules, and the shape of a sample of theirs."""

REFUSED: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "MaxPool2d with places": (nn.MaxPool2d(2, return_indices=True), MAP),
    "MaxPool1d with places": (nn.MaxPool1d(2, return_indices=True), LINE),
    "AdaptiveMaxPool1d with places": (nn.AdaptiveMaxPool1d(3, return_indices=True), LINE),
    "AdaptiveMaxPool2d, uneven": (nn.AdaptiveMaxPool2d(4), MAP),
    "AvgPool2d, divisor": (nn.AvgPool2d(2, divisor_override=3), MAP),
    "MaxUnpool2d": (Of(lambda x: nn.MaxUnpool2d(2)(*functional.max_pool2d(x, 2, return_indices=True))), (2, 4, 4)),
    "LSTM, projected": (recurrent(nn.LSTM(4, 3, proj_size=2, batch_first=True)), (5, 4)),
    "LSTM, states as they are": (nn.LSTM(4, 3, batch_first=True), (5, 4)),
    "Unfold": (nn.Unfold(3), MAP), "Fold": (nn.Fold((4, 4), 2, stride=2), (8, 4)),
    "Upsample, antialias": (Of(lambda x: functional.interpolate(x, size=(4, 3), mode="bilinear", antialias=True)), MAP),
    "Softplus, low threshold": (nn.Softplus(1.0, 2.0), ROW), "RReLU": (nn.RReLU(0.1, 0.5), ROW),
    "LocalResponseNorm": (nn.LocalResponseNorm(3), MAP), "Conv3d": (nn.Conv3d(4, 2, 2), (4, 3, 3, 3)),
    "Bilinear": (Of(lambda f, x: f(x, 2 - x), nn.Bilinear(6, 6, 3)), ROW),
    "a changed input": (nn.ReLU(inplace=True), ROW),
    "InstanceNorm2d, tracked": (nn.InstanceNorm2d(4, track_running_stats=True), MAP),
    "BatchNorm2d, statistics of the batch": (nn.BatchNorm2d(4, track_running_stats=False), MAP),
    "batch_norm, training": (
        Of(lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4), training=True)), MAP),
    "dropout, training": (Of(lambda x: functional.dropout(x, 0.5)), ROW),
    "randn": (Of(lambda x: x + torch.randn_like(x)), ROW),
    "a number, no tensor": (Of(lambda x: (x, 3)), ROW), "a constant": (Of(lambda x: (x, torch.ones(3, 6))), ROW),
    "one number": (Of(lambda x: x.sum()), ROW), "transposed": (Of(lambda x: x.t()), ROW),
    "flattened": (Of(lambda x: x.view(-1)), ROW), "mean": (Of(lambda x: x.mean(0)), ROW),
    "mean kept": (Of(lambda x: x - x.mean(0, keepdim=True)), ROW), "all": (Of(lambda x: x / x.sum()), ROW),
    "maximum": (Of(lambda x: x - x.max(0)[0]), ROW), "argmax": (Of(lambda x: x + x.argmax(0)), ROW),
    "variance": (Of(lambda x: x / x.var(0)), ROW), "flip": (Of(lambda x: x.flip(0)), ROW),
    "softmax": (Of(lambda x: x.softmax(0)), ROW), "Softmax": (nn.Softmax(0), ROW),
    "cumsum": (Of(lambda x: x.cumsum(0)), ROW),
    "cat": (Of(lambda x: torch.cat((x, x), 0)), ROW), "every second": (Of(lambda x: x[::2]), ROW),
    "first": (Of(lambda x: x[0]), ROW), "all but one": (Of(lambda x: x[1:] - x[:-1]), ROW),
    "roll": (Of(lambda x: x.roll(1, 0)), ROW), "product": (Of(lambda x: x @ x.t()), ROW),
    "einsum": (Of(lambda x: x + torch.einsum("bi,bi->i", x, x)), ROW), "sorted": (Of(lambda x: x.sort(0)[0]), ROW),
    "against the first": (Of(lambda x: x - x[:1]), ROW), "norm": (Of(lambda x: x / x.norm()), ROW),
    "of three samples": (Of(lambda x: x.view(3, 2, 3)), ROW), "pairs": (Of(lambda x: x[:, None] - x[None]), ROW),
    "attention among samples": (attended_among_samples(), SEQUENCE),
    "stacked": (Of(lambda x: torch.stack((x, x))), ROW),
    "convolution over samples": (Of(lambda f, x: f(x.t()).t(), nn.Conv1d(6, 6, 3, padding=1)), ROW),
    "the number of samples": (Of(lambda x: x * x.shape[0]), ROW), "permuted": (Of(lambda x: x[torch.randperm(3)]), ROW),
    "LayerNorm over samples": (Of(lambda x: functional.layer_norm(x.t(), (3,)).t()), ROW),
}  # fmt: skip
"""The same; most of them mix samples."""


def sampled(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HONOURED)
def test_options_are_honoured(name: str) -> None:
    module, shape = HONOURED[name]
    assert verdict(module, [sampled(shape)]) == ("honoured", "")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_is_refused(name: str) -> None:
    """With what to do instead, and never because the import finds itself at fault."""
    module, shape = REFUSED[name]
    found, said = verdict(module, [sampled(shape)])
    assert found == "refused", said
    assert "    -> " in said


TOKENS = torch.tensor([[0, 3, 3], [5, 1, 0], [2, 2, 4]])


def test_embeddings() -> None:
    """What padding_idx, sparse and scale_grad_by_freq say is of gradients alone; max_norm changes the table."""
    for options in ({"padding_idx": 3}, {"padding_idx": 0, "sparse": True}, {"scale_grad_by_freq": True}):
        assert verdict(nn.Embedding(6, 4, **options), [TOKENS]) == ("honoured", "")
    assert verdict(nn.Embedding(6, 4, max_norm=0.5), [TOKENS])[0] == "refused"
    assert verdict(nn.EmbeddingBag(6, 4), [TOKENS])[0] == "refused"
