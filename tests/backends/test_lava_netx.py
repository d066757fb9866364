"""Netx files: read back as lava-dl reads them, they are the same network."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import dataclass
from textwrap import dedent

import numpy as np
import pytest

from needs import extra
from nmc import reference
from nmc.backends.lava.lowering import lower_program
from nmc.backends.lava.netx import netx_files
from nmc.model import Array, Model
from nmc.nodes.fixed_point.weights import IntArray, truncated
from nmc.text import parse

h5py = extra("h5py")

CHAIN = """
    dt = 0.001
    input = Input(shape=(2, 5, 4), stream=True)
    sent = QuantizeLinear(input, scale=1.0)
    conv = FixedConv2d(sent, channels=3, kernel=(3, 2), weight='conv.w', stride=(2, 1), padding=(1, 0, 1, 0))
    image = FixedLIF(conv@1, du=1000, dv=300, vth=90, bias_mant='image.b', bias_exp=5, reset_interval=9, reset_offset=2)
    flat = Flatten(image)
    dense = FixedDense(flat, features=6, weight='dense.w', weight_exp=1)
    hidden = FixedLIF(dense@1, du=4095, dv=410, vth=50, bias_mant=2, bias_exp=6, reset_interval=9, reset_offset=3)
    last = FixedDense(hidden, features=4, weight='last.w')
    out = FixedLIF(last@1, du=-1, dv=0, vth=70, reset_interval=9, reset_offset=4)
    return out
"""


def weights(seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {
        "conv.w": rng.integers(-60, 90, (3, 2, 3, 2)),
        "image.b": 2 * rng.integers(-20, 20, (3, 1, 1)),
        "dense.w": 2 * rng.integers(-30, 60, (6, 27)),
        "last.w": 2 * rng.integers(-60, 127, (4, 6)),
    }


def model(text: str = CHAIN, **changed: Array) -> Model:
    arrays = {**weights(), **{name.replace("_", "."): array for name, array in changed.items()}}
    graph = parse(dedent(text))
    used = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
    return Model("example", graph, {name: arrays[name] for name in used}, 12).checked()


def reason(text: str = CHAIN, **changed: Array) -> str:
    files = netx_files(model(text, **changed))
    assert list(files) == ["netx.txt"]
    return files["netx.txt"].decode()


@dataclass
class Population:
    """A layer as netx builds it of a group of the file: everything in [W, H, C]."""

    group: h5py.Group
    offset: int
    interval: int = 9

    def __post_init__(self) -> None:
        self.shape = tuple(self.group["shape"][()][::-1])
        self.u = np.zeros(self.shape, dtype=np.int64)
        self.v = np.zeros(self.shape, dtype=np.int64)
        self.late = np.zeros(self.shape, dtype=np.int64)

    def fact(self, name: str) -> int:
        return int(self.group[f"neuron/{name}"][()])

    def current(self, spikes: IntArray) -> IntArray:
        weight = self.group["weight"][()].astype(np.int64)
        return conv(self.group, weight, spikes) if weight.ndim == 4 else dense(weight, spikes)

    def step(self, t: int, spikes: IntArray) -> IntArray:
        if t % self.interval == self.offset % self.interval:
            self.u[:], self.v[:] = 0, 0
        x, self.late = self.late, self.current(spikes)
        decayed = self.u * (4096 - self.fact("iDecay"))  # Lava's LIF takes iDecay - 1, and adds 1
        self.u = np.sign(decayed) * (np.abs(decayed) >> 12) + (x << 6)
        decayed = self.v * (4096 - self.fact("vDecay"))
        bias = self.group["bias"][()].astype(np.int64) if "bias" in self.group else 0  # [C] meets the last axis
        self.v = np.sign(decayed) * (np.abs(decayed) >> 12) + self.u + (bias << 6)
        fired = self.v > self.fact("vThMant") << 6
        self.v[fired] = 0
        return fired.astype(np.int64)


def dense(weight: IntArray, spikes: IntArray) -> IntArray:
    """netx's own exponent and bits for the weights, then Lava's truncation: see lava-dl's optimize_weight_bits."""
    low, high = weight.min(), weight.max()
    mixed = low < 0 < high
    limits = [limit / value for limit, value in ((127 if mixed else 255, high), (-128, low)) if value]
    exponent = int(np.floor(np.log2(min(limits)))) + mixed
    even = next((n for n in range(8, 0, -1) if not np.any(weight % 2**n)), 0) - mixed
    bits = 8 - exponent - even
    kept = truncated(weight << exponent, "mixed" if mixed else "excitatory", bits)
    return (kept @ spikes) >> exponent


def conv(group: h5py.Group, weight: IntArray, spikes: IntArray) -> IntArray:
    """Lava's Conv over [W, H, C]: a true convolution, so that netx flips the kernel first."""
    lava = weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    stride, padding = group["stride"][()][::-1], group["padding"][()][::-1]
    padded = np.pad(spikes, [(p, p) for p in padding] + [(0, 0)])
    out = np.zeros(tuple(group["shape"][()][::-1]), dtype=np.int64)
    kernel = lava[:, ::-1, ::-1, :]
    for x, y in np.ndindex(out.shape[:2]):
        window = padded[x * stride[0] :, y * stride[1] :][: kernel.shape[1], : kernel.shape[2]]
        out[x, y] = np.tensordot(kernel, window, axes=3)
    return out


def netx_run(data: bytes, reset_offset: int, x: IntArray) -> IntArray:
    """The spikes of the last layer, [T, features], for x [T, C, H, W]."""
    spikes = []
    with h5py.File(io.BytesIO(data)) as file:
        groups = [file[f"layer/{index}"] for index in range(len(file["layer"]))]
        kinds = [group["type"][0].decode("ascii") for group in groups]
        assert kinds == ["input", "conv", "flatten", "dense", "dense"]
        first, second, third = (
            Population(group, reset_offset + 1 + index) for index, group in enumerate((groups[1], groups[3], groups[4]))
        )
        for t, sent in enumerate(x, start=1):
            image = first.step(t, sent.T)
            spikes.append(third.step(t, second.step(t, image.transpose(2, 1, 0).ravel())))
    return np.asarray(spikes)


@pytest.mark.parametrize("seed", range(3))
def test_the_file_read_as_netx_reads_it_gives_the_same_spikes(seed: int) -> None:
    chain = model(**{name.replace(".", "_"): array for name, array in weights(seed).items()})
    x = np.random.default_rng(seed).integers(0, 2, (1, 40, 2, 5, 4))
    expected = reference.run(chain, x.astype(float), 40)["out"][0]
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(netx_run(netx_files(chain)["network.net"], 1, x[0]), expected)


def test_the_integers_are_in_the_file() -> None:
    with h5py.File(io.BytesIO(netx_files(model())["network.net"])) as file:
        image, hidden = file["layer/1"], file["layer/3"]
        facts = [int(image[f"neuron/{name}"][()]) for name in ("iDecay", "vDecay", "vThMant")]
        assert facts == [1001, 300, 90]
        assert image["shape"][()].tolist() == [3, 3, 3]
        assert image["stride"][()].tolist() == [2, 1]
        assert image["padding"][()].tolist() == [1, 0]
        assert image["weight"][()].tolist() == weights()["conv.w"].tolist()
        assert image["bias"][()].tolist() == (weights()["image.b"].ravel() // 2).tolist()  # times 2^5, in units of 2^6
        assert hidden["weight"][()].tolist() == (2 * weights()["dense.w"]).tolist()
        assert hidden["bias"][()].tolist() == [2] * 6
        assert "bias" not in file["layer/4"]


def test_a_bias_that_differs_within_a_channel_is_in_lavas_order() -> None:
    bias = 2 * np.arange(27).reshape(3, 3, 3)
    with h5py.File(io.BytesIO(netx_files(model(image_b=bias))["network.net"])) as file:
        assert file["layer/1/bias"][()].tolist() == np.arange(27).reshape(3, 3, 3).T.tolist()


def test_the_note_has_the_call_with_its_resets() -> None:
    note = netx_files(model())["netx.txt"].decode()
    assert "hdf5.Network(net_config='network.net', reset_interval=9, reset_offset=1)" in note
    assert "neuron.v" not in note


def test_a_voltage_is_read_from_the_last_layer() -> None:
    note = netx_files(model(CHAIN.replace("offset=4", "offset=4, emits='voltage'")))["netx.txt"].decode()
    assert "net.out_layer.neuron.v" in note


def test_equal_models_give_equal_bytes() -> None:
    assert netx_files(model()) == netx_files(model())


def test_a_program_holds_the_file() -> None:
    assert lower_program(model())["lava/network.net"].startswith(b"\x89HDF")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("bias_exp=5", "bias_exp=3", "'image'.*its bias is not in whole multiples of 64"),
        ("weight_exp=1", "weight_exp=-2", "'dense'.*shifted right by 2 bits"),
        ("weight_exp=1", "weight_exp=3", "'dense'.*netx would change its weights"),
        ("weight_exp=1", "weight_exp=1, num_message_bits=8", "'dense'.*it reads graded values"),
        ("last@1", "last@2", "'out'.*it reads 'last' 2 steps late"),
        ("offset=4", "offset=5", "'out'.*each a step later"),
        ("dv=0", "dv=0, initial=5", "'out'.*starts at a voltage"),
        ("return out", "return out, hidden", "one output"),
        ("FixedLIF(last@1, du=-1, dv=0, vth=70, reset_interval=9, reset_offset=4)", "FixedSigma(last@1)", "FixedSigma"),
        ("vth=50", "vth=50, emits='voltage'", "'hidden'.*its voltage is read by another layer"),
    ],
)
def test_what_netx_has_no_means_for_is_named_with_a_reason(before: str, after: str, said: str) -> None:
    assert before in CHAIN
    assert re.search(said, reason(CHAIN.replace(before, after)), re.DOTALL)


@pytest.mark.parametrize("weight", [0, -4])
def test_weights_that_netx_would_change_are_left_out(weight: int) -> None:
    assert "weights" in reason(last_w=np.full((4, 6), weight))


def test_recurrence_is_left_out() -> None:
    text = CHAIN.replace("dense@1", "dense@1, around@1").replace(
        "    last =", "    around = FixedDense(hidden, features=6, weight='around.w')\n    last ="
    )
    assert "'hidden': it reads 2 nodes" in reason(text, around_w=np.full((6, 6), 2))


def test_without_h5py_the_note_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert "pip install 'nmc[lava]'" in reason()
