import sys
from types import SimpleNamespace

import pytest

from nmc.estimates.gpu_meter import start_gpu_meter


class NVMLError(Exception):
    pass


@pytest.fixture
def nvml(monkeypatch):
    """NVIDIA's library as it answers for one GPU; its counter is in millijoules."""
    state = SimpleNamespace(gpus=1, counter=1000, name="NVIDIA H100", supported=True)

    def handle(index):
        if index >= state.gpus:
            raise NVMLError("not found")
        return index

    def energy(_):
        if not state.supported:
            raise NVMLError("not supported")
        return state.counter

    library = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetName=lambda _: state.name, nvmlDeviceGetTotalEnergyConsumption=energy,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return state


def test_joules_since_the_start(nvml):
    meter = start_gpu_meter()
    nvml.counter = 4500
    assert meter.device == "NVIDIA H100"
    assert meter.energy_j() == pytest.approx(3.5)


def test_a_gpu_without_a_counter(nvml):
    nvml.supported, nvml.name = False, b"Quadro K4000"
    meter = start_gpu_meter()
    assert meter.device == "Quadro K4000"
    assert meter.energy_j() is None


def test_no_gpu_and_no_library(nvml, monkeypatch):
    nvml.gpus = 0
    assert start_gpu_meter() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert start_gpu_meter() is None
