"""W1 and W2 in snnTorch: float, all samples at once, on as many threads as there are cores."""

import os
import sys
import time

start = time.perf_counter()
import numpy as np  # noqa: E402
import snntorch  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402
from worker import serve  # noqa: E402

imported_s = time.perf_counter() - start
name, path = sys.argv[1:]
data = np.load(path)
torch.set_num_threads(os.cpu_count() or 1)
spikes = torch.from_numpy(data["spikes"].astype(np.float32))
weights = [torch.from_numpy(data[f"w{i + 1}"].astype(np.float32)) for i in range(len(data["vth"]))]
decay = 1 - float(data["dv"]) / 4096
neurons = [
    snntorch.Leaky(beta=decay, threshold=float(vth), reset_mechanism="zero", reset_delay=False) for vth in data["vth"]
]
total = 0.0


def current(layer: int, x: torch.Tensor) -> torch.Tensor:
    """The layer's product."""
    if data["stride"].size and layer == 2:  # W2's sum over 2x2, which other graphs fold into the weights
        return functional.conv2d(4 * functional.avg_pool2d(x, 2), weights[layer][:, :, ::2, ::2])
    if weights[layer].ndim == 4:
        return functional.conv2d(x, weights[layer], stride=int(data["stride"][layer]))
    return functional.linear(x.flatten(1), weights[layer])


@torch.no_grad()
def run() -> int:
    """All samples, step by step."""
    global total
    voltages = [torch.zeros(())] * len(weights)
    total = 0.0
    for t in range(spikes.shape[1]):
        x = spikes[:, t]
        for layer in range(len(weights)):
            drive = current(layer, x)
            x, voltages[layer] = neurons[layer](drive, voltages[layer] if voltages[layer].ndim else drive * 0)
        total += float(x.sum())
    return len(spikes)


serve(run, lambda: int(total), imported_s)
