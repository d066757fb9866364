"""Which layers keep real numbers, and that they read real numbers then."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import passes
from nmc.errors import ModelError
from nmc.model import Model
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.reference import run
from nmc.text import parse
from strategies import models, samples

TWO = """
x = Input(shape=(2,))
a = Linear(x, features=2, weight='fine')
b = Linear(a, features=2, weight='coarse')
y = Linear(b, features=2, weight='fine')
return y"""
FINE = np.array([[1.0, 0.0], [0.0, 1.0]])
COARSE = np.array([[127.0, 0.4], [127.0, -0.4]])
"""What tells the two rows apart is less than half a step of 1: it is lost, and all else is exact."""
X = np.array([[0.0, 1.0], [0.5, -1.0], [-0.25, 1.0]])


def kept(model: Model) -> list[str]:
    return [node.name for node in model.graph if node.kind in ("Linear", "Conv1d", "Conv2d") and not node.weight_scale]


def test_the_most_sensitive_layer_keeps_its_weights_and_reads_real_numbers():
    before = Model("m", parse(TWO), {"fine": FINE, "coarse": COARSE}).checked()
    after = passes.apply([QuantizeInt8(sensitive=1)], before, lambda: X)
    assert kept(after) == ["b"]
    assert [str(ref) for ref in after.graph["b"].inputs] == ["a"]
    assert [str(ref) for ref in after.graph["y"].inputs] == ["b_rounded"]


def test_a_real_layer_leaves_what_moves_its_input_real():
    """`f` leads into the layer that stays real; the other layer has it rounded behind, on the range of `x`.

    The layer of zeros loses nothing by rounding.
    """
    before = Model("m", parse("""
x = Input(shape=(1, 2))
f = Flatten(x)
a = Linear(f, features=2, weight='w')
b = Linear(f, features=2, weight='zeros')
return a, b"""), {"w": FINE, "zeros": np.zeros((2, 2))}).checked()
    after = passes.apply([QuantizeInt8(sensitive=1)], before, lambda: np.array([[[0.0, 1.234]], [[1.111, 2.55]]]))
    assert [str(after.graph[name].inputs[0]) for name in ("f", "a", "b")] == ["x", "f", "f_rounded"]
    assert after.graph["f_int8"].scale == pytest.approx(0.01)


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_any_number_of_layers_is_kept(data, count):
    before = data.draw(models())
    x = data.draw(samples(before))
    after = passes.apply([QuantizeInt8(sensitive=count)], before, lambda: x)
    assert len(kept(after)) == min(count, len(kept(before)))
    for name in kept(after):
        assert not any(ref.node.endswith("_rounded") for ref in after.graph[name].inputs)
    assert run(after, x).keys() == run(before, x).keys()


def test_sensitivity_is_measured_on_calibration_data():
    """The ranges of spikes need none."""
    before = Model("m", parse("""
dt = 0.001
x = Input(shape=(2,))
e = RateEncode(x)
a = Linear(e, features=2, weight='w')
s = LIF(a, decay=0.5)
b = Linear(s, features=2, weight='w')
return b"""), {"w": FINE}).checked()
    with pytest.raises(ModelError, match="which 1 layers are most sensitive"):
        passes.apply([QuantizeInt8(sensitive=1)], before)
