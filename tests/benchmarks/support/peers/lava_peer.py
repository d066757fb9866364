"""W1, W2 and W3 in Lava 0.10.0 with its fixed-point models, one sample at a time; state is reset before each run."""

import importlib.util
import sys
import time
from pathlib import Path

start = time.perf_counter()
import numpy as np  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402
from worker import serve  # noqa: E402

name, path, program = sys.argv[1:]
spec = importlib.util.spec_from_file_location("program", Path(program))
loader = importlib.util.module_from_spec(spec)
sys.modules["program"] = loader
spec.loader.exec_module(loader)
loader.load_lava()
from lava.magma.core.run_conditions import RunSteps  # noqa: E402
from lava.magma.core.run_configs import Loihi2SimCfg  # noqa: E402
from lava.proc.conv.process import Conv  # noqa: E402
from lava.proc.dense.process import Dense  # noqa: E402
from lava.proc.io.sink import RingBuffer as Sink  # noqa: E402
from lava.proc.io.source import RingBuffer as Source  # noqa: E402
from lava.proc.lif.process import LIF  # noqa: E402

imported_s = time.perf_counter() - start
data = np.load(path)
steps, dv = int(data["steps"]), int(data["dv"])
layers = []


def feed_forward() -> Sink:
    """W1 and W2: layers in a row. Lava orders axes [width, height, channel] and flips kernels."""
    sample = data["spikes"][0]
    x = Source(data=np.ascontiguousarray(sample.T))
    port, shape = x.s_out, sample.shape[:0:-1]
    for i, vth in enumerate(data["vth"]):
        weight = data[f"w{i + 1}"].astype(int)
        if weight.ndim == 4:
            stride = int(data["stride"][i])
            flipped = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))
            synapses = Conv(weight=flipped, input_shape=shape, stride=(stride, stride))
            port.connect(synapses.s_in)
            shape = synapses.a_out.shape
        else:
            if len(shape) > 1:
                weight = weight.reshape(len(weight), *shape[::-1]).transpose(0, 3, 2, 1).reshape(len(weight), -1)
                port = port.flatten()
            synapses = Dense(weights=weight, num_weight_bits=8)
            port.connect(synapses.s_in)
            shape = (len(weight),)
        neurons = LIF(shape=shape, du=4095, dv=dv, vth=int(vth), bias_mant=0)
        synapses.a_out.connect(neurons.a_in)
        layers.append((synapses, neurons, 0))
        port = neurons.s_out
    sink = Sink(shape=shape, buffer=steps)
    port.connect(sink.a_in)
    return sink


def recurrent() -> Sink:
    """W3, with a dense matrix: Lava's Sparse runs this several times slower."""
    count = len(data["bias"])
    matrix = csr_matrix((data["w"].astype(np.int32), data["i"], data["p"]), shape=(count, count)).toarray()
    neurons = LIF(
        shape=(count,), du=4095, dv=dv, vth=int(data["vth"][0]), bias_mant=data["bias"].astype(int), bias_exp=6,
        v=data["v"].astype(int),
    )
    synapses = Dense(weights=matrix, num_weight_bits=8)
    neurons.s_out.connect(synapses.s_in)
    synapses.a_out.connect(neurons.a_in)
    layers.append((synapses, neurons, data["v"].astype(int)))
    sink = Sink(shape=(count,), buffer=steps)
    neurons.s_out.connect(sink.a_in)
    return sink


sink = recurrent() if name == "W3" else feed_forward()
config = Loihi2SimCfg(select_tag="fixed_pt")


counted: list[int] = []


def run() -> int:
    """One sample from the first state on."""
    sink.run(RunSteps(num_steps=steps), config)
    return steps if name == "W3" else 1


def finish() -> int:
    """Spikes put out, read once since all runs are alike (Lava hands over element by element); then the first state."""
    if not counted:
        counted.append(int(sink.data.get().sum()))
    for synapses, neurons, v in layers:
        for variable in (getattr(synapses, "a_buff", None) or synapses.a_buf, neurons.u):
            variable.set(np.zeros(variable.shape, dtype=int))
        neurons.v.set(np.zeros(neurons.v.shape, dtype=int) + v)
    return counted[0]


serve(run, finish, imported_s)
