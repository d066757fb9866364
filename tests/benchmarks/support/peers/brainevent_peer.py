"""W3 in brainevent: JAX on the CPU, float, the matrix by source so that work follows events."""

import sys
import time

start = time.perf_counter()
import brainevent  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from worker import serve  # noqa: E402

imported_s = time.perf_counter() - start
_, path = sys.argv[1:]
data = np.load(path)
neurons, steps = len(data["bias"]), int(data["steps"])
order = np.argsort(data["i"], kind="stable")
starts = np.concatenate(([0], np.cumsum(np.bincount(data["i"], minlength=neurons)))).astype(np.int32)
targets = np.repeat(np.arange(neurons, dtype=np.int32), np.diff(data["p"]))[order]
matrix = brainevent.CSR(
    (jnp.asarray(data["w"][order].astype(np.float32)), jnp.asarray(targets), jnp.asarray(starts)),
    shape=(neurons, neurons),
)
bias, threshold = jnp.asarray(data["bias"].astype(np.float32)), float(data["vth"][0])
decay = 1 - float(data["dv"]) / 4096


@jax.jit
def simulate(v: jax.Array) -> jax.Array:
    """Spikes of all steps together."""

    def step(state, _):
        v, spikes = state
        v = decay * v + brainevent.BinaryArray(spikes) @ matrix + bias
        spikes = v > threshold
        return (jnp.where(spikes, 0.0, v), spikes), spikes.sum()

    _, counts = jax.lax.scan(step, (v, jnp.zeros(neurons, bool)), length=steps)
    return counts.sum()


def run() -> int:
    """The whole run."""
    global total
    total = int(simulate(first))
    return steps


first = jnp.asarray(data["v"].astype(np.float32) / 64)
total = 0
serve(run, lambda: total, imported_s)
