"""Reading a processor's own energy counters (RAPL, through Linux's powercap)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Zone:
    """One package's counter in microjoules; it starts again from 0 past `wrap_uj`."""

    path: Path
    wrap_uj: int

    def read(self) -> int:
        """The counter now. Raises OSError or ValueError where it cannot be read."""
        return int((self.path / "energy_uj").read_text())


@dataclass(frozen=True)
class Meter:
    """The energy of all processor packages since `start`; see `start_meter`."""

    zones: tuple[Zone, ...]
    start: tuple[int, ...]

    def energy_j(self) -> float | None:
        """Joules since the start; None where the counters can no longer be read."""
        try:
            now = [zone.read() for zone in self.zones]
        except (OSError, ValueError):
            return None
        return sum(
            (after - before) % zone.wrap_uj for zone, before, after in zip(self.zones, self.start, now, strict=True)
        ) * 1e-6


def start_meter(folder: Path = POWERCAP) -> Meter | None:
    """A meter that counts from now; None where the machine has no counters, or does not let us read them."""
    try:
        zones = tuple(
            Zone(path, int((path / "max_energy_range_uj").read_text()) + 1)
            for path in sorted(folder.glob("intel-rapl:*"))
            if path.name.count(":") == 1 and (path / "name").read_text().startswith("package")
        )
        return Meter(zones, tuple(zone.read() for zone in zones)) if zones else None
    except (OSError, ValueError):
        return None
