"""The window of spike-timing-dependent plasticity, as targets have it: one synapse for each delay between two spikes.

`python -m nmc.report.stdp_window docs/stdp.svg` draws it for targets that need no other tool.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nmc import api, reference
from nmc.model import Array, FloatArray, Model
from nmc.nodes.plasticity import learning_nodes
from nmc.text import parse

DT_S = 0.01
TAU_STEPS = 5
A_PLUS, A_MINUS = 0.02, 0.015
FIRST_WEIGHT, LARGEST_WEIGHT = 0.1, 0.2
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_SIZE, _MARGIN = (640, 360), 56


def window_model(pairs: int) -> Model:
    """As many neurons, each driven by a teacher of its own, and reached by as many inputs that learn by STDP."""
    graph = parse(f"""
dt = {DT_S}
before = Input(shape=({pairs},), stream=True)
teacher = Input(shape=({pairs},), stream=True)
sent = RateEncode(before)
taught = RateEncode(teacher)
force = Linear(taught, features={pairs}, weight='force')
learns = PlasticLinear(sent, neurons@1, features={pairs}, weight='learns', dw='{A_PLUS}*x1*y0 - {A_MINUS}*y1*x0',
                       x1_tau={TAU_STEPS}.0, y1_tau={TAU_STEPS}.0, w_min=0.0, w_max={LARGEST_WEIGHT})
neurons = LIF(force, learns, decay=0.0, threshold={1.0 + pairs * LARGEST_WEIGHT})
return neurons
""")
    weights: Mapping[str, Array] = {
        "force": np.eye(pairs) * 2 * (1 + pairs * LARGEST_WEIGHT), "learns": np.full((pairs, pairs), FIRST_WEIGHT),
    }  # fmt: skip
    return Model("stdp-window", graph, weights).checked()


def window_spikes(delays: Sequence[int]) -> Mapping[str, FloatArray]:
    """One spike before and one behind each synapse, so many steps later, or earlier where negative: [1, T, pairs]."""
    start, length = 2 + max(-min(delays), 0), 4 + max(-min(delays), 0) + max(delays)
    before, teacher = np.zeros((2, 1, length, len(delays)))
    before[0, start] = 1
    for pair, delay in enumerate(delays):
        teacher[0, start + delay - 1, pair] = 1  # the synapse sees what the neuron sent a step ago
    return {"before": before, "teacher": teacher}


def window(delays: Sequence[int], target: str | None, engine: str | None = None) -> FloatArray:
    """The change of each pair's weight, as a share of what it was; by the reference where no target is named."""
    model, spikes = window_model(len(delays)), window_spikes(delays)
    if target is None:
        for _, state in reference.each_step(model, spikes):
            found = np.diag(state["learns"]["w"][0])
        return np.asarray(found / FIRST_WEIGHT - 1)
    with TemporaryDirectory(prefix="nmc-") as scratch:
        program = api.compile(model, target, Path(scratch) / "before")
        lesson = api.learn(program, spikes, Path(scratch) / "after", engine=engine)
    (node,) = learning_nodes(program.model.graph)
    first, last = (
        np.diag(weight).astype(np.float64)
        for weight in (program.model.weights[node.weight], lesson.learned.weights[node.name])
    )
    return np.asarray(last / first - 1)


def rule(delay: float) -> float:
    """The same change by the rule itself: A exp(-|delay| / tau), of A+ or of -A-."""
    return (A_PLUS if delay > 0 else -A_MINUS) * exp(-abs(delay) / TAU_STEPS) / FIRST_WEIGHT


def drawing(delays: Sequence[int], windows: Mapping[str, FloatArray]) -> str:
    """The windows as points, over the rule as a line: an SVG."""
    width, height = _SIZE
    reach, most = max(map(abs, delays)) + 1, max(rule(0.5), -rule(-0.5))

    def place(delay: float, change: float) -> str:
        x = width / 2 + delay / reach * (width / 2 - _MARGIN)
        return f"{x:.1f},{height / 2 - change / most * (height / 2 - _MARGIN / 2):.1f}"

    line = [" ".join(place(s * d / 4, rule(s * d / 4)) for d in range(2, 4 * reach)) for s in (-1, 1)]
    parts = [f'<polyline points="{points}" fill="none" stroke="#999"/>' for points in line]
    parts += [f'<path d="M{place(-reach, 0)} L{place(reach, 0)} M{place(0, -most)} L{place(0, most)}" stroke="#ccc"/>']
    for row, ((name, changes), color) in enumerate(zip(windows.items(), _COLORS, strict=False)):
        for delay, change in zip(delays, changes, strict=True):
            x, y = place(delay, float(change)).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="{6 - 1.5 * row}" fill="{color}" fill-opacity="0.7"/>')
        parts.append(f'<circle cx="{_MARGIN}" cy="{24 + 20 * row}" r="5" fill="{color}"/>')
        parts.append(f'<text x="{_MARGIN + 12}" y="{28 + 20 * row}">{name}</text>')
    parts.append(f'<text x="{width - 8}" y="{height / 2 + 18}" text-anchor="end">post after pre, steps</text>')
    parts.append(f'<text x="{width / 2 + 6}" y="16">change of the weight, {100 * most:.0f} % at the top</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="13">\n<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
    )


def main(path: Path) -> None:
    """Draw the windows of targets that need no other tool."""
    delays = [d for d in range(-20, 21) if d]
    targets = {"the reference": None, "loihi-sim": "loihi-sim", "cpu (ONNX)": "cpu"}
    windows = {name: window(delays, target) for name, target in targets.items()}
    path.write_text(drawing(delays, windows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
