"""A spike raster of one sample: a panel for each population, time steps across, neurons up."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

from nmc.errors import ToolError, UsageError
from nmc.model import Array
from nmc.recording import Recording

_LEFT, _TOP, _WIDTH, _GAP, _BOTTOM = 64, 44, 760, 40, 48
_STYLE = """
svg { color-scheme: light dark; background: #ffffff; font: 12px system-ui, sans-serif; }
text { fill: #24292f; } .muted { fill: #57606a; } .title { font-size: 15px; font-weight: 600; }
.frame { fill: none; stroke: #8c959f; } .tick { stroke: #8c959f; } .spikes { fill: #0550ae; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; } text { fill: #e6edf3; } .muted { fill: #9198a1; } .spikes { fill: #79c0ff; }
}
"""


def write_raster(recording: Recording, sample: int, path: Path, title: str) -> None:
    """Write the raster of a sample as .svg, or as .html that needs nothing else.

    Raises UsageError for another kind of file or a sample that was not recorded, ToolError where the disk fails.
    """
    check_name(path)
    picture = raster_svg(recording, sample, title)
    if path.suffix == ".html":
        page = "body { margin: 0; background: #ffffff; } svg { max-width: 100%; height: auto; }"
        dark = "@media (prefers-color-scheme: dark) { body { background: #0d1117; } }"
        picture = (
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
            f"<title>{escape(title)}</title><style>{page} {dark}</style>\n<body>{picture}</body></html>\n"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None


def check_name(path: Path) -> None:
    """Raise UsageError unless a raster can be written under this name."""
    if path.suffix not in (".svg", ".html"):
        raise UsageError(f"a raster cannot be written as {path.name!r}", "name a file that ends in .svg or .html")


def raster_svg(recording: Recording, sample: int, title: str) -> str:
    """The picture as SVG. Spikes that fall on the same point of the picture are drawn once."""
    if not 0 <= sample < recording.samples:
        raise UsageError(f"there is no sample {sample}", f"give 0 to {recording.samples - 1}")
    top, panels = _TOP, []
    shown = [population for population in recording.populations if "spikes" in population.signals]
    for population in shown:
        spikes = np.asarray(recording.read(population.name, "spikes")[sample]).reshape(recording.steps, -1)
        height = int(np.clip(4 * spikes.shape[1], 48, 240))
        panels.append(_panel(population.name, spikes, top, height))
        top += height + _GAP
    if shown:
        top -= _GAP
    width, height = _LEFT + _WIDTH + 24, top + _BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>',
        *panels,
        *_time_axis(recording.steps, top),
        "</svg>",
    ])


def _panel(name: str, spikes: Array, top: int, height: int) -> str:
    """A population: its frame, its name with its number of spikes, and its spikes [T, N]."""
    steps, neurons = spikes.shape
    wide, tall = _WIDTH / steps, height / neurons
    step, neuron = np.nonzero(spikes)
    mark_wide, mark_tall = max(1.0, min(wide * 0.6, 4.0)), max(1.0, tall * 0.8)
    across = np.round(_LEFT + (step + 0.5) * wide - mark_wide / 2, 0 if wide < 1 else 1)
    down = np.round(top + height - (neuron + 0.5) * tall - mark_tall / 2, 0 if tall < 1 else 1)
    places = np.unique(np.stack([across, down], axis=1), axis=0)
    mark = f"h{mark_wide:.3g}v{mark_tall:.3g}h-{mark_wide:.3g}z"
    path = "".join(f"M{x:g} {y:g}{mark}" for x, y in places)
    rate = spikes.mean()
    last = (
        "" if neurons == 1
        else f'<text class="muted" x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{neurons - 1}</text>'
    )
    return "\n".join([
        f'<text x="{_LEFT}" y="{top - 7}">{escape(name)}<tspan class="muted" dx="8">{len(step)} spikes, '
        f"{neurons} neurons, {rate:.3g} per neuron and step</tspan></text>",
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{height}"/>',
        f'<text class="muted" x="{_LEFT - 6}" y="{top + height}" text-anchor="end">0</text>{last}',
        f'<text class="muted" transform="translate({_LEFT - 34} {top + height / 2:g}) rotate(-90)" '
        'text-anchor="middle">neuron</text>',
        f'<path class="spikes" d="{path}"/>',
    ])


def _time_axis(steps: int, top: int) -> list[str]:
    """Ticks at about ten round steps, below the last panel."""
    size = 10 ** int(np.log10(max(1, steps - 1)))
    stride = next((s for s in (size // 10, size // 5, size // 2, size, 2 * size) if s and steps / s <= 12), 2 * size)
    parts = []
    for step in range(0, steps, stride):
        x = _LEFT + (step + 0.5) * _WIDTH / steps
        parts.append(
            f'<path class="tick" d="M{x:.1f} {top}v5"/>'
            f'<text class="muted" x="{x:.1f}" y="{top + 18}" text-anchor="middle">{step}</text>'
        )
    return [*parts, f'<text x="{_LEFT + _WIDTH / 2:g}" y="{top + 38}" text-anchor="middle">time step</text>']
