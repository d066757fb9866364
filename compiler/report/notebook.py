"""A comparison in a notebook: a compact table beside a picture of energy against score, in plain HTML and SVG."""

from __future__ import annotations

import html
from math import log10
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.report.comparison import cells, header, heading, setting_text
from nmc.report.scores import shown
from nmc.units.text import si

if TYPE_CHECKING:
    from nmc.comparison import Comparison
    from nmc.sweeps.result import PointResult

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 260, 64, 36
_COLOURS = ("#3b6fb6", "#c4572e", "#3f8f4f", "#8a5fb0", "#b8902c", "#2f8f96", "#b04a7c", "#6b6b6b")


def comparison_html(comparison: Comparison) -> str:
    """The heading, the table, and the picture where there is something to draw."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header(comparison))
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in cells(comparison)
    )
    warned = "".join(f"<li><strong>Warning:</strong> {escape(str(finding))}</li>" for finding in comparison.findings)
    warnings = f"<ul>{warned}</ul>" if warned else ""
    return f"<p>{escape(heading(comparison))}</p>{warnings}{_picture(comparison)}<table><tr>{head}</tr>{body}</table>"


def _picture(comparison: Comparison) -> str:
    """Score against energy, on a logarithmic axis; rows on the Pareto front are filled."""
    drawn = [row for row in comparison.rows if row.score is not None and row.cost and row.cost.energy_j.best > 0]
    if not drawn:
        return ""
    across, up = [log10(_energy(row)) for row in drawn], [float(row.score or 0) for row in drawn]
    targets = list(dict.fromkeys(row.target for row in drawn))
    marks = []
    for row, energy, score in zip(drawn, across, up, strict=True):
        x = _LEFT + 12 + _share(energy, across) * (_WIDTH - _LEFT - 24)
        y = _HEIGHT - _BOTTOM - 12 - _share(score, up) * (_HEIGHT - _BOTTOM - 24)
        colour = _COLOURS[targets.index(row.target) % len(_COLOURS)]
        fill = colour if row.key in comparison.front else "none"
        said = f"{row.target} {setting_text(row)}: {shown(row.metric, row.score)}, {si(_energy(row), 'J')}"
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}"><title>{escape(said)}</title>'
            "</circle>"
        )
    ends = [
        _text(_LEFT, _HEIGHT - _BOTTOM + 14, si(10 ** min(across), "J")),
        _text(_WIDTH, _HEIGHT - _BOTTOM + 14, si(10 ** max(across), "J"), "end"),
        _text(_LEFT - 6, _HEIGHT - _BOTTOM, shown(comparison.metric, min(up)), "end"),
        _text(_LEFT - 6, 12, shown(comparison.metric, max(up)), "end"),
        _text((_LEFT + _WIDTH) / 2, _HEIGHT - 4, "energy of an inference (filled: on the Pareto front)", "middle"),
    ]
    legend = "".join(
        f'<tspan fill="{_COLOURS[i % len(_COLOURS)]}"> &#9679; {escape(name)}</tspan>' for i, name in enumerate(targets)
    )
    frame = f"M{_LEFT} 0V{_HEIGHT - _BOTTOM}H{_WIDTH}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 18}" width="{_WIDTH}" font-family="sans-serif" font-size="11" '
        f'role="img" aria-label="score against energy"><path d="{frame}" fill="none" stroke="#888"/>'
        f'{"".join(ends)}{"".join(marks)}<text x="4" y="{_HEIGHT + 14}">{legend}</text></svg>'
    )


def _energy(row: PointResult) -> float:
    return row.cost.energy_j.best if row.cost else 0.0


def _share(value: float, values: list[float]) -> float:
    """Where a value lies between the least and the largest."""
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.5


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="#888" text-anchor="{anchor}">{escape(said)}</text>'


def escape(text: str) -> str:
    """Text that a page shows as it is."""
    return html.escape(clean(text))
