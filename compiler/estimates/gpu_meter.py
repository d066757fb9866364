"""Reading a GPU's own energy counter, through NVIDIA's management library (the extra `gpu`: nvidia-ml-py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GpuMeter:
    """The energy that a GPU has drawn since `start_mj`, a reading of its counter in millijoules.

    The counter is that of the whole board, other programs' work included. It is read every 20 to 100 ms, so
    that a run should last a second or more.
    """

    device: str
    index: int
    start_mj: int | None

    def energy_j(self) -> float | None:
        """Joules since the start; None where the counter cannot be read, as on GPUs before Volta."""
        now = _counter(self.index)
        return None if now is None or self.start_mj is None else (now - self.start_mj) * 1e-3


def start_gpu_meter(index: int = 0) -> GpuMeter | None:
    """A meter of the GPU with this number that counts from now; None without NVML, or without such a GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError:
        return None
    return GpuMeter(name.decode() if isinstance(name, bytes) else str(name), index, _counter(index))


def _counter(index: int) -> int | None:
    import pynvml

    try:
        return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(index)))
    except pynvml.NVMLError:
        return None
