import pytest

from nmc.chips import load_chip
from nmc.estimates.cpu import price_cpu
from nmc.estimates.meter import Meter, Zone, start_meter

CPU = load_chip("cpu")


def test_measured_time_and_modelled_power():
    estimate = price_cpu(CPU, seconds=2e-3)
    assert estimate.latency_s.best == 2e-3
    # 65 W for 2 ms
    assert estimate.energy_j.best == pytest.approx(0.13)
    running, power = estimate.components
    assert (running.grade, power.grade) == ("silicon", "assumed")


def test_metered_energy_is_silicon():
    estimate = price_cpu(CPU, seconds=2e-3, energy_j=0.04)
    assert estimate.energy_j.best == 0.04
    assert estimate.grade == "silicon"


def zone(folder, name, energy_uj, kind="package-0"):
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "name").write_text(f"{kind}\n")
    (path / "max_energy_range_uj").write_text("999999\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    return path


def test_a_meter_adds_up_the_packages(tmp_path):
    for number in (0, 1):
        zone(tmp_path, f"intel-rapl:{number}", 1000)
    zone(tmp_path, "intel-rapl:0:0", 5, kind="core")
    zone(tmp_path, "intel-rapl:2", 5, kind="psys")
    meter = start_meter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 3000)
    zone(tmp_path, "intel-rapl:1", 1500)
    assert meter.energy_j() == pytest.approx(2500e-6)


def test_a_meter_that_wraps(tmp_path):
    zone(tmp_path, "intel-rapl:0", 999_990)
    meter = start_meter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 10)
    # the counter's range is 1,000,000: 10 up to its end, and 10 after it
    assert meter.energy_j() == pytest.approx(20e-6)


def test_a_machine_without_counters(tmp_path):
    assert start_meter(tmp_path) is None
    assert start_meter(tmp_path / "nowhere") is None


def test_counters_that_go_away(tmp_path):
    assert Meter((Zone(tmp_path / "gone", 100),), (0,)).energy_j() is None
